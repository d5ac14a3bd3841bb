"""Files found by the names that other machines gave them, and files told apart however they are spelt.

Names are compared in one form of Unicode, and in any case of letters.
"""

import filecmp
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path


class FileIndex:
    """The files in a folder and below by path and by base name; where names differ in case alone, all of them."""

    def __init__(self, root: Path, files: Iterable[Path]) -> None:
        self._root, self.files = root, tuple(files)
        self._by_path: defaultdict[str, list[Path]] = defaultdict(list)
        self._by_base: defaultdict[str, list[Path]] = defaultdict(list)
        for path in self.files:
            self._by_path[self._below(path)].append(path)
            self._by_base[_folded(path.name)].append(path)

    def at(self, path: str) -> list[Path]:
        """The files at ``path`` below the root, which has slashes between its folders."""
        return self._by_path.get(_folded(path), [])

    def ending_in(self, path: str) -> list[Path]:
        """The files whose path below the root ends in the folders and the name of ``path``."""
        return [one for one in self.called(path) if f"/{self._below(one)}".endswith(f"/{_folded(path)}")]

    def called(self, path: str) -> list[Path]:
        """The files that have the base name of ``path``, wherever they lie."""
        return self._by_base.get(_folded(path).rpartition("/")[2], [])

    def _below(self, path: Path) -> str:
        return _folded(path.relative_to(self._root).as_posix())


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def same_file(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, or to two of the same bytes."""
    if real_path(first) == real_path(second):
        return True
    return first.is_file() and second.is_file() and filecmp.cmp(first, second, shallow=False)


def real_path(path: Path) -> tuple[int, int] | str:
    """What tells files apart however they are spelt: device and inode, through links; the path where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path)
    return status.st_dev, status.st_ino
