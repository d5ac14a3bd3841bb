"""Which files in a folder are photographs, and which are there for the operating system alone.

By their names: no file is opened. `photographs` reads them.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from empaste.images import SUFFIXES

UNREADABLE_SUFFIXES = (
    ".heic", ".heif", ".jxl", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".psd", ".svg", ".exr", ".hdr",
)  # fmt: skip
"""The endings of photographs that no library here reads: such files are named, never skipped without a word."""


def find_photographs(folder: Path) -> list[Path]:
    """The files in ``folder`` and below that are photographs by their ending, by path; see `visible_files`."""
    return [path for path in visible_files(folder) if path.suffix.lower() in SUFFIXES]


def visible_files(folder: Path) -> list[Path]:
    """The files in ``folder`` and below, by path, without what an operating system puts there for itself.

    Left out are names that begin with a dot (``._1.jpg``, ``.thumbnails/``) and ``__MACOSX``. Links to folders are
    followed, each folder once.
    """
    found = [place / name for place, _, names in walk_visible(folder) for name in names]
    return sorted(path for path in found if path.is_file())


def walk_visible(
    folder: Path, onerror: Callable[[OSError], None] | None = None
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """As `os.walk`: every folder with the names of its folders and files, hidden ones left out (`is_hidden`).

    Links to folders are followed, each folder once. What is taken out of the names of folders is not entered.
    """
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=onerror):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield Path(place), folders, [name for name in names if not is_hidden(name)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is one that an operating system puts there for itself."""
    return name.startswith(".") or name == "__MACOSX"
