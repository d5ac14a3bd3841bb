"""TorchScript: the detector for libtorch and PyTorch without this project, for images of any size.

It is recorded by tracing, since torchvision's feature pyramids cannot be compiled. What opens it needs torchvision's
operators: in Python, ``import torchvision``.
"""

import io
import warnings
from pathlib import Path

import torch
import torchvision  # noqa: F401  its operators stand in the file

from empaste.artifacts.outputs import write_whole
from empaste.detectors.tensors import image_tensor
from empaste.exporting.models.equality import Arrays, check_equal
from empaste.exporting.models.model_format import Limits, ModelFormat
from empaste.exporting.models.traced import KEY, example_image, load_traceable, tracing
from empaste.images import RGB

EXTRA_FILE = f"{KEY}.json"


def write(model: Path, out: Path, limits: Limits, images: Path) -> str:
    """The new file ``out`` is the detector in ``model``, and gives what it gives; else there is no file."""
    loaded = load_traceable(model, limits)
    content = io.BytesIO()
    with tracing(loaded.module) as module:
        traced = torch.jit.trace(module, (example_image(loaded.image_size),), check_trace=False)
        torch.jit.save(traced, content, _extra_files={EXTRA_FILE: loaded.description})
    content.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is no longer developed
        opened = torch.jit.load(content)

    def run(image: RGB) -> Arrays:
        with torch.no_grad():
            return tuple(output.numpy() for output in opened(image_tensor(image)))

    checked = check_equal(loaded, run, images)
    write_whole(out, content.getvalue())
    return f"TorchScript, {checked}"


FORMAT = ModelFormat(write)
