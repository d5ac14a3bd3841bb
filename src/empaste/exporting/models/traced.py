"""torchvision's Mask R-CNN as a function of one image, so that its steps can be recorded (traced)."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.detection import MaskRCNN

from empaste.artifacts.networks import fill_network
from empaste.detectors.mask_rcnn import ByteTransform
from empaste.detectors.models import classes_in, network_in, read_model
from empaste.errors import InputError
from empaste.exporting.models.model_format import Limits

KEY = "empaste"
"""Under which a file holds its description."""
INPUT = "image"
OUTPUTS = ("boxes", "class_ids", "scores", "masks")
Outputs = tuple[Float[Tensor, "n 4"], Int[Tensor, " n"], Float[Tensor, " n"], Float[Tensor, "n m m"]]
"""Boxes (left, top, right, bottom in pixels of the image), ids of classes, scores, and masks in their boxes."""


class Traceable(nn.Module):
    """A Mask R-CNN on one RGB image (3, h, w) of 0 to 255 whose longest side is at most ``image_size``; `Outputs`."""

    class_ids: Tensor

    def __init__(self, detector: MaskRCNN, class_ids: list[int]) -> None:
        super().__init__()
        self.detector = detector
        self.register_buffer("class_ids", torch.tensor(class_ids))

    def forward(self, image: UInt8[Tensor, "3 h w"]) -> Outputs:
        """The instances, best first."""
        (found,) = self.detector([image])
        return found["boxes"], self.class_ids[found["labels"] - 1], found["scores"], found["masks"][:, 0]


class TracedTransform(ByteTransform):
    """Resizes by the same whole numbers when it is traced as when it runs.

    torchvision computes the new size in float32 while it is traced, and in float64 otherwise; a side of 61 pixels then
    becomes 63 or 64 of them.
    """

    scales: Tensor

    def __init__(self, own: ByteTransform) -> None:
        """As ``own``, for images that are no longer than its ``max_size``."""
        super().__init__(own.min_size[-1], own.max_size, own.image_mean, own.image_std, own.size_divisible)
        # By the longest side of an image: ONNX would be given a division in float32, whatever is divided.
        scales = [0.0, *(own.max_size / longest for longest in range(1, own.max_size + 1))]
        self.register_buffer("scales", torch.tensor(scales, dtype=torch.float64))

    def resize(self, image: Tensor, target: dict[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor] | None]:
        """``image`` with its longest side at ``max_size``."""
        sides = torch._shape_as_tensor(image)[-2:]
        height, width = (sides.double() * self.scales[sides.max()]).floor().long().clamp(min=1)
        resized = functional.interpolate(image[None], size=[height, width], mode="bilinear", align_corners=False)
        return resized[0], target


class Loaded(NamedTuple):
    """The detector to trace, the side of the images that it sees, and its description as JSON."""

    module: Traceable
    image_size: int
    description: str


def load_traceable(model: Path, limits: Limits) -> Loaded:
    """The detector in the folder ``model``, on the CPU; `InputError` where it is not torchvision's."""
    backend, config, state = read_model(model)
    if config["backend"] != "torchvision":
        raise InputError(
            f"{model} holds a detector of {config['backend']}, whose own tools export it; use --format tensors, and "
            "with its file the export of that library"
        )
    network, classes = network_in(config, model), classes_in(config, model)
    detector = backend.build(network, len(classes), None)
    fill_network(detector, state, model, "train")
    assert isinstance(detector, MaskRCNN)
    detector.roi_heads.score_thresh, detector.roi_heads.detections_per_img = limits
    description = {
        "classes": [{"id": number, "name": name} for number, name in classes.items()],
        "image_size": network.image_size,
        "input": "uint8 RGB (3, height, width), longest side at most image_size",
        "outputs": "boxes xyxy in pixels of the input; class_ids; scores; masks (28 x 28) in their boxes, 0 to 1",
        **limits._asdict(),
        "version": version("empaste"),
    }
    module = Traceable(detector, list(classes)).eval()
    return Loaded(module, network.image_size, json.dumps(description))


@contextmanager
def tracing(module: Traceable) -> Iterator[Traceable]:
    """``module`` with a transform that can be traced; what the tracer warns of, a check of equality looks at."""
    detector = module.detector
    own = detector.transform
    assert isinstance(own, ByteTransform)
    detector.transform = TracedTransform(own).eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            yield module
    finally:
        detector.transform = own


def example_image(image_size: int) -> UInt8[Tensor, "3 h w"]:
    """Noise to trace with."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (3, image_size * 3 // 4, image_size), dtype=torch.uint8, generator=generator)
