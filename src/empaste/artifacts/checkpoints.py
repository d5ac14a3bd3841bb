"""Checkpoints of work that takes long, so that an interrupted stage goes on where it stopped.

They stand under ``.work/<stage>/<key>``, outside DVC: the key is made of everything that determines the result, so
that work begun with other parameters, data or code is never continued. torch is imported by the functions that need
it: whole stages do without.
"""

import hashlib
import json
import shutil
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from empaste.errors import TORCH_LOAD_ERRORS


def work_folder(stage: str, key_parts: Sequence[Any], root: Path = Path(".work")) -> Path:
    """The folder, made where it is missing, for the unfinished work that ``key_parts`` determine.

    A part that is a `Path` stands for the contents of that file or directory; any other part is taken as JSON.
    """
    digest = hashlib.sha256()
    for part in key_parts:
        text = _content_hash(part) if isinstance(part, Path) else json.dumps(part, sort_keys=True, default=str)
        digest.update(text.encode() + b"\0")
    folder = root / stage / digest.hexdigest()[:24]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def remove_work(folder: Path) -> None:
    """``folder``, which `work_folder` gave, is gone; to be called once the outputs stand."""
    shutil.rmtree(folder, ignore_errors=True)


def remove_other_work(folder: Path) -> None:
    """Only ``folder`` is left of its stage: what was begun with other parameters or data, and can be large, is gone."""
    for other in folder.parent.iterdir():
        if other != folder:
            remove_work(other)


def save_checkpoint(path: Path, content: Mapping[str, Any]) -> None:
    """``path`` holds ``content`` (tensors, numbers, text, lists, dicts); what it held before lies in `previous`.

    A kill in between leaves the earlier file.
    """
    import torch

    scratch = path.with_name(f".{path.name}.part")
    try:
        torch.save(dict(content), scratch)
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
            return torch.load(path, map_location="cpu", weights_only=True)
    except TORCH_LOAD_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        print(f"{path} is not a readable checkpoint ({reason}); {otherwise}", file=sys.stderr)
        return None


def _content_hash(path: Path) -> str:
    """A hash of the file's bytes, or of a directory's names and bytes; of the name alone where nothing is there."""
    digest = hashlib.sha256()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        if file.exists():
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
