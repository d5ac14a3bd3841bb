"""The detector's tensors under the names of the backend's own library, for ``torch.load``."""

from pathlib import Path

from empaste.detectors.exporting import export
from empaste.exporting.models.model_format import Limits, ModelFormat


def write(model: Path, out: Path, limits: Limits, images: Path) -> str:
    """As `detectors.exporting.export`; nothing is run, so limits and images play no part."""
    return f"{export(model, out)} tensors"


FORMAT = ModelFormat(write)
