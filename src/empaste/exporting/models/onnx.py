"""ONNX: the detector for onnxruntime and others, for images of any size; its description is in the metadata.

It is recorded by tracing. torch.export, which PyTorch's newer exporter builds on, ends at torchvision's non-maximum
suppression, which chooses its way by the number of boxes.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from empaste.artifacts.outputs import write_whole
from empaste.detectors.tensors import image_tensor
from empaste.errors import require_extra
from empaste.exporting.models.equality import Arrays, Run, check_equal
from empaste.exporting.models.model_format import Limits, ModelFormat
from empaste.exporting.models.traced import INPUT, KEY, OUTPUTS, Loaded, example_image, load_traceable, tracing
from empaste.images import RGB

if TYPE_CHECKING:
    import onnx

OPSET = 17
AXES = {INPUT: {1: "height", 2: "width"}} | {name: {0: "instances"} for name in OUTPUTS}
"""What of the input and the outputs may be of any length."""


def write(model: Path, out: Path, limits: Limits, images: Path) -> str:
    """The new file ``out`` is the detector in ``model``, and gives what it gives; else there is no file."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise require_extra(error.name or "onnx", "onnx") from error
    loaded = load_traceable(model, limits)
    content = _recorded(loaded)
    onnx.checker.check_model(content)
    data = content.SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])

    checked = check_equal(loaded, _runner(session), images)
    write_whole(out, data)
    return f"ONNX opset {OPSET}, {checked}"


def _recorded(loaded: Loaded) -> "onnx.ModelProto":
    import onnx

    with TemporaryDirectory() as folder, tracing(loaded.module) as module:
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            module, (example_image(loaded.image_size),), str(path), dynamo=False, opset_version=OPSET,
            input_names=[INPUT], output_names=list(OUTPUTS), dynamic_axes=AXES,
        )  # fmt: skip
        content = onnx.load(path)
    onnx.helper.set_model_props(content, {KEY: loaded.description})
    return content


def _runner(session: object) -> Run:
    def run(image: RGB) -> Arrays:
        return tuple(session.run(list(OUTPUTS), {INPUT: image_tensor(image).numpy()}))  # type: ignore[attr-defined]

    return run


FORMAT = ModelFormat(write)
