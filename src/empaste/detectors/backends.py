"""The registry of detectors."""

from empaste.detectors import detectron2, torchvision
from empaste.detectors.backend import Backend

BACKENDS: dict[str, Backend] = {
    "torchvision": torchvision.BACKEND,
    "detectron2": detectron2.BACKEND,
}
