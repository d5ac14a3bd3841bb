"""The detector for use without this project: one file per format, each with its record, and one line here."""

from empaste.exporting.models import onnx, tensors, torchscript
from empaste.exporting.models.model_format import ModelFormat

MODEL_FORMATS: dict[str, ModelFormat] = {
    "tensors": tensors.FORMAT,
    "onnx": onnx.FORMAT,
    "torchscript": torchscript.FORMAT,
}
