"""The detector as a file of a format."""

from pathlib import Path

from empaste.errors import InputError
from empaste.exporting.models import MODEL_FORMATS
from empaste.exporting.models.model_format import Limits
from empaste.exporting.writing import check_new


def export_model(model: Path, out: Path, format_name: str, limits: Limits, images: Path) -> str:
    """The new file ``out`` holds the detector in the folder ``model``; returns what it is, in words.

    ``images`` is a folder of photographs, where there is one, on some of which the file is compared with the detector.
    `InputError` where ``out`` exists, the format cannot hold this detector, or what was written gives something else.
    """
    if format_name not in MODEL_FORMATS:
        raise InputError(f"--format is {format_name!r}; a model is exported as {', '.join(MODEL_FORMATS)}")
    check_new(out)
    return MODEL_FORMATS[format_name].write(model, out, limits, images)
