"""Where the files of a data set are, and what they are called under data/images.

The names in annotation files are those of another machine: with its separators, its case, its form of Unicode, below
its folders. An exact name wins. What else could be meant is taken where it is one file, and refused and listed where it
is several.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

from empaste.artifacts.fields import listed
from empaste.artifacts.file_index import FileIndex, real_path, same_file
from empaste.artifacts.image_names import FOLDER_MARK, without_ending
from empaste.artifacts.remarks import Remark
from empaste.datasets.records import Example
from empaste.errors import InputError
from empaste.images import leads_out
from empaste.photograph_files import find_photographs

SPLIT_NAMES = {"train": ("train", "training"), "val": ("val", "valid", "validation")}
"""What the splits are called, the first of each exactly; in any case of letters."""
MAX_NAME = 200
"""Bytes of a file name's stem under data/images; longer ones are cut and keep a hash of the whole."""


def existing_folder(root: Path) -> Path:
    """``root`` where it is a folder; else `InputError`."""
    if not root.is_dir():
        kind = "a file" if root.exists() else "missing"
        raise InputError(f"prepare.root is {str(root)!r}, which is {kind}; set it to the folder of the data set")
    return root


def split_called(text: str) -> str | None:
    """The split that ``text`` names in any case of letters: ``Train``, ``valid``; None where it names none."""
    return next((split for split, names in SPLIT_NAMES.items() if text.strip().lower() in names), None)


class ImageFiles:
    """The photographs in a folder and below, found by the names that other machines gave them."""

    def __init__(self, root: Path) -> None:
        """List ``root``; hidden files are none (`photograph_files.visible_files`)."""
        self.root = root
        self.paths = find_photographs(root)
        self._index = FileIndex(root, self.paths)

    def below(self, folder: Path, name: str) -> Path | None:
        """The file that ``name`` means below ``folder``: exactly, else but for case and Unicode form; None without.

        `InputError` where two files could be meant.
        """
        exact = folder / name
        if not leads_out(name) and is_file(exact):
            return exact
        plain = _posix(name)
        if leads_out(plain) or not folder.is_relative_to(self.root):
            return None
        prefix = folder.relative_to(self.root).as_posix()
        return only_file(self._index.at(plain if prefix == "." else f"{prefix}/{plain}"), name, self.root)

    def ending_in(self, name: str) -> list[Path]:
        """The files whose path below the root ends in the folders and the name of ``name``."""
        return self._index.ending_in(_posix(name))

    def called(self, name: str) -> Path | None:
        """The file that has the base name of ``name``, wherever it lies; None without.

        `InputError` where several different files have it.
        """
        return only_file(self._index.called(_posix(name)), name, self.root)

    def find(self, folder: Path, name: str, origin: str) -> Path:
        """The file ``name`` below ``folder``, or where its path leads elsewhere the one of its base name.

        Where there is none, the place where it should be. `InputError`, naming ``origin``, where the name is none, or
        leads out of ``folder`` and no file below the root has its base name.
        """
        if found := self.below(folder, name):
            return found
        plain = _posix(name)
        if not leads_out(plain):
            return folder / plain
        if plain and "\0" not in plain and (elsewhere := self.called(plain)):
            return elsewhere
        raise InputError(
            f"{origin}: the file name is {name!r}; it must be a path below {folder}, without '..', or the name of one "
            "file there"
        )


def is_file(path: Path) -> bool:
    """Whether a file is at ``path``, also where no file can have its name: it is too long, or holds a NUL."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def differ(paths: Sequence[Path]) -> bool:
    """Whether ``paths`` lead to several files that are not all of the same bytes."""
    return any(not same_file(paths[0], other) for other in paths[1:])


def merge_spellings(examples: Sequence[Example], remarks: list[Remark]) -> list[Example]:
    """The examples with one for every file, however often and however spelt it is listed within a split.

    Labels and outlines of all its entries are kept. `InputError` where a file is in both splits.
    """
    kept: dict[tuple[int, int] | str, Example] = {}
    both: list[str] = []
    for example in examples:
        key = real_path(example.path) if example.path else str(example.image_id)
        first = kept.setdefault(key, example)
        if first is example:
            continue
        if first.split != example.split:
            both.append(f"{first.listed_as} ({first.split}) and {example.listed_as} ({example.split})")
            continue
        remarks.append(Remark("entries name a file that another entry names; they are one image",
                              f"{example.listed_as} beside {first.listed_as}"))  # fmt: skip
        kept[key] = _joined(first, example)
    if both:
        raise InputError(
            f"the same file is in both splits: {listed(both)}; training on validation images makes every figure "
            "worthless: keep it in one of them"
        )
    return list(kept.values())


def _joined(first: Example, second: Example) -> Example:
    """The entries of one file as one example; an instance that both have stands once."""
    known = [replace(one, origin="") for one in first.outlines]
    further = [one for one in second.outlines if replace(one, origin="") not in known]
    if further and first.outlines and first.size_hw != second.size_hw:
        raise InputError(
            f"{first.listed_as} is listed twice, with annotations for {first.size_hw} and for {second.size_hw} "
            "(height, width); correct or remove one of the entries"
        )
    return replace(
        first,
        class_ids=tuple(sorted({*first.class_ids, *second.class_ids})),
        size_hw=first.size_hw if first.outlines else second.size_hw,
        outlines=(*first.outlines, *further),
    )


def name_files(examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples with file names under data/images: split, then the stem, then the id too where stems repeat."""
    stems = {example.image_id: _stem(example.file_name) for example in examples}
    counts = Counter((example.split, stems[example.image_id].lower()) for example in examples)
    taken = {key for key, count in counts.items() if count == 1}

    def renamed(example: Example) -> Example:
        stem = stems[example.image_id]
        if counts[example.split, stem.lower()] > 1:
            stem = f"{stem}-{example.image_id}"
            while (example.split, stem.lower()) in taken:
                stem += "-"
            taken.add((example.split, stem.lower()))
        return replace(example, file_name=f"{example.split}/{stem}.jpg")

    return tuple(renamed(example) for example in examples)


def _stem(name: str) -> str:
    """The name below data/images of the file that a data set calls ``name``: its folders and its stem, joined."""
    parts = [part for part in PurePosixPath(_posix(name)).parts if part not in ("/", "..", ".")]
    stem = FOLDER_MARK.join((*parts[:-1], without_ending(PurePosixPath(parts[-1])).name) if parts else ("image",))
    data = stem.encode(errors="replace")
    if len(data) <= MAX_NAME:
        return stem
    return f"{data[:MAX_NAME].decode(errors='ignore')}-{hashlib.sha256(data).hexdigest()[:12]}"


def _posix(name: str) -> str:
    """``name`` with slashes between its folders, without ``./``; an address, or a path with a drive, is absolute."""
    plain = re.sub(r"^[a-z][a-z0-9+.-]*://", "/", name.strip().replace("\\", "/"), flags=re.IGNORECASE)
    drive = PureWindowsPath(plain).drive
    plain = f"/{plain[len(drive) :].lstrip('/')}" if drive.endswith(":") else plain
    while plain.startswith("./"):
        plain = plain[2:].lstrip("/")
    return plain


def only_file(paths: Sequence[Path], name: str, root: Path) -> Path | None:
    """The one of ``paths``, the first where all are the same file; `InputError` where ``name`` could mean several."""
    if differ(paths):
        there = listed([path.relative_to(root).as_posix() for path in paths])
        raise InputError(
            f"{name!r} could mean several files below {root}: {there}; name it by its path, or remove the others"
        )
    return paths[0] if paths else None
