"""Outputs that appear whole or not at all."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_directory(out: Path) -> Iterator[Path]:
    """A scratch directory beside ``out`` that replaces it when the block ends without an error.

    On an error (a full disk, a bad image, Ctrl-C) the scratch directory is removed and ``out`` stays as it was. What a
    killed process left is removed first; one process at a time writes an output.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    for left_over in out.parent.glob(f".{out.name}~*"):
        shutil.rmtree(left_over, ignore_errors=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}~", dir=out.parent))
    try:
        yield scratch
        scratch.chmod(0o755)
        _replace(out, scratch)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _replace(out: Path, scratch: Path) -> None:
    """``out`` is ``scratch``; a process that is killed meanwhile leaves it whole, as it was or as it is, or absent."""
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}~", dir=out.parent))
    old = aside / out.name
    if out.exists():
        out.rename(old)
    try:
        scratch.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """``path`` holds ``data``; a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.part")
    try:
        scratch.write_bytes(data)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """``path`` holds ``value`` as indented JSON; NaN is refused with ValueError, write None for "not measured"."""
    write_whole(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())
