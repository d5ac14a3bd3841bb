"""Inputs as trees of files in memory, the damages that fit each kind of file, and damages to names and places."""

import functools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from tokenize import TokenError
from typing import NamedTuple

from tests.fuzz import bytes_of, structures, tables


class Link(NamedTuple):
    """A symbolic link, perhaps to itself or to nothing."""

    target: str


class Folder(NamedTuple):
    """A folder where a file is expected."""


Files = dict[str, bytes | Link | Folder]
"""Names below a folder (undecodable bytes as surrogates, as `os.fsdecode` gives them) and what lies there."""
Damage = Callable[[bytes, Random, Sequence[bytes]], bytes]

BY_SUFFIX: dict[str, Damage] = {
    ".json": structures.json_damaged, ".xml": structures.xml_damaged, ".csv": structures.lines_damaged,
    ".txt": structures.lines_damaged, ".tsv": structures.lines_damaged, ".yaml": structures.yaml_damaged,
    ".png": bytes_of.png_damaged, ".jpg": bytes_of.jpeg_damaged, ".tif": bytes_of.tiff_damaged,
    ".tar": bytes_of.tar_damaged, ".parquet": tables.parquet_damaged, ".npy": tables.npy_damaged,
    ".safetensors": tables.safetensors_damaged,
}  # fmt: skip
"""What a file may suffer beside damage to its bytes: its structure stays right, and its meaning does not."""
NAMES = (
    "a\nb",
    "a\tb",
    " a ",
    "a.",
    ".a",
    "-a",
    "a#b",
    "a?b",
    "a%20b",
    "a%b",
    "ä",
    "a\u0308",
    "مرحبا",
    "\u202eabc",
    "🍎",
    "a;b",
    'a"b',
    "a'b",
    "a,b",
    "a\\b",
    "a:b",
    "*",
    "[a]",
    "x" * 240,
    "é" * 120,
    "\udcff\udcfe",
    "a\udce4",
    "con",
    "~",
    "$HOME",
    "{}",
    "__MACOSX",
    "a__b",
    "0",
    "001",
    "A",
    "\x07",
    "\u2028",
    "val",
    "train",
)
"""What a file's stem may be on a disk; surrogates stand for bytes that are no UTF-8."""
UNSTRUCTURED = (ValueError, LookupError, TypeError, RecursionError, SyntaxError, TokenError, MemoryError, OverflowError)
"""What reading raises where an earlier damage left no structure to damage."""
STRUCTURED = 0.7
"""The share of damages that know the kind of file."""


def damaged(files: Files, rng: Random) -> Files:
    """``files`` with one to three damages to contents, names or places."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        plain = [name for name, content in files.items() if isinstance(content, bytes)]
        if not plain:
            break
        name = _weighted(plain, rng)
        if len(files) > 1 and rng.random() < 0.2:
            files = _misplaced(files, name, rng)
        else:
            files[name] = _content_damaged(files, name, rng)
    return files


def _weighted(names: Sequence[str], rng: Random) -> str:
    """A file; tables and annotations, of which there are few, as often as the many photographs."""
    kinds = sorted({Path(name).suffix for name in names})
    kind = rng.choice(kinds)
    return rng.choice([name for name in names if Path(name).suffix == kind])


def _content_damaged(files: Files, name: str, rng: Random) -> bytes:
    content = files[name]
    assert isinstance(content, bytes)
    others = [other for other in files.values() if isinstance(other, bytes) and other is not content]
    known = BY_SUFFIX.get(Path(name).suffix)
    if known is None or rng.random() > STRUCTURED:
        return bytes_of.damaged(content, rng, others)
    try:
        return known(content, rng, others)
    except UNSTRUCTURED:  # an earlier damage left no structure
        return bytes_of.damaged(content, rng, others)


def _misplaced(files: Files, name: str, rng: Random) -> Files:
    folder, _, base = name.rpartition("/")
    action = rng.choice(
        ("rename", "rename", "rename", "copy", "drop", "folder", "loop", "link", "dangling", "case", "hide")
    )
    if action == "drop":
        return {other: content for other, content in files.items() if other != name}
    if action == "folder":
        return files | {name: Folder()}
    if action in ("loop", "link", "dangling"):
        target = {"loop": base, "dangling": "nowhere"}.get(action)
        return files | {name: Link(target or os.path.relpath(rng.choice(list(files)), folder or "."))}
    stem, suffix = Path(base).stem, Path(base).suffix
    renamed = {"case": base.swapcase(), "hide": f"._{base}"}.get(action, rng.choice(NAMES) + suffix)
    if action == "copy" and rng.random() < 0.5:
        renamed = base  # the same name in another folder
        folder = rng.choice(("", "val", "train", "images", f"{folder}/copies"))
    target = f"{folder}/{renamed}".lstrip("/")
    kept = files if action == "copy" else {other: content for other, content in files.items() if other != name}
    found = kept | {target: files[name]}
    # A name that changed everywhere is a right one, of whatever letters.
    if action == "rename" and rng.random() < 0.7:
        new = renamed.removesuffix(suffix)
        found = {
            other.replace(f"/{stem}.", f"/{new}."): _renamed_in(other, content, stem, new)
            for other, content in found.items()
        }
    return found


def _renamed_in(name: str, content: bytes | Link | Folder, stem: str, new: str) -> bytes | Link | Folder:
    """A table or an annotation that calls a file by its new name."""
    if not isinstance(content, bytes) or Path(name).suffix not in (".json", ".xml", ".csv", ".txt"):
        return content
    text = new.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") if name.endswith(".json") else new
    data = text.encode(errors="surrogateescape")
    return re.sub(re.escape(os.fsencode(stem)) + rb"(?=[.\n]|$)", lambda _: data, content)


def write(files: Files, folder: Path) -> None:
    """``folder``, which exists and is empty, holds ``files``; names that no disk takes are left out."""
    for name, content in files.items():
        path = folder / name
        try:
            if ".." in path.parts:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                path.symlink_to(content.target)
            elif isinstance(content, Folder):
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(content)
        except (OSError, ValueError):
            continue


def read_files(folder: Path) -> Files:
    """The files below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@functools.cache
def template(write_all: Callable[[Path], object], scratch: Path) -> Files:
    """What ``write_all`` writes into an empty folder, kept in memory."""
    scratch.mkdir(parents=True, exist_ok=True)
    write_all(scratch)
    return read_files(scratch)
