"""Checkpoints of a training: whole or absent, with the one before kept beside.

torch is imported by the functions that need it: whole stages do without.
"""

import io
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.errors import TORCH_LOAD_ERRORS, first_line


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """``path`` holds ``content`` (tensors, numbers, text, lists, dicts); what it held before lies in `previous`.

    A kill in between leaves the earlier file, and so does `OSError`, of a full disk or the like.
    """
    import torch

    buffer = io.BytesIO()  # on a full disk torch's own writer of files ends with a RuntimeError that does not say so
    torch.save(dict(content), buffer)
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_bytes(buffer.getbuffer())
        if path.exists():
            path.replace(previous(path))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The content of ``path`` on the CPU, else of the one before, with a notice; None where neither can be read."""
    for place, otherwise in ((path, "trying the one before it"), (previous(path), "starting from the beginning")):
        content = _read_checkpoint(place, otherwise)
        if content is not None:
            return content
    return None


def previous(path: Path) -> Path:
    """Where the checkpoint before the one at ``path`` lies."""
    return path.with_name(f"{path.name}.previous")


def _read_checkpoint(path: Path, otherwise: str) -> dict[str, Any] | None:
    import torch

    if not path.exists():
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the forms of files that this project never wrote
            content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            return content
    except TORCH_LOAD_ERRORS as error:
        print(f"{path} is not a readable checkpoint ({first_line(error)}); {otherwise}", file=sys.stderr)
        return None
