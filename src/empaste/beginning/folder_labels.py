"""Labels from folders: an image has the label that its folder is called, as for torchvision's ``ImageFolder``.

The first folder below the one of all images is the label; deeper ones say nothing. Where the first folders are called
after the splits, train and val, the folders in them are the labels. A file whose very bytes are in several folders is
one image with several labels: its first path stands for it, the others are left out. Files that cannot be read, such as
the empty ones of a broken download, stand for nothing, however often they are there.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.checksums import file_checksum
from empaste.datasets.folder import LEFT_OUT, NO_LABEL
from empaste.datasets.naming import SPLIT_NAMES, split_called
from empaste.errors import InputError
from empaste.images import SUFFIXES
from empaste.photograph_files import UNREADABLE_SUFFIXES, is_hidden, visible_files
from empaste.photographs import read_header

SAME_AS = "the same file as "
"""How the reason begins for which a further copy of a file is left out."""
UNREADABLE = "not a readable image"
UNREAD_KIND = "a kind of image that is not read"


class Labelled(NamedTuple):
    """A file below the folder of images, its labels, and its split where the folders tell it."""

    file: str
    labels: tuple[str, ...]
    split: str | None


class FolderLabels(NamedTuple):
    """The images with labels, and (file, reason) of those that are left out."""

    images: list[Labelled]
    left_out: list[tuple[str, str]]

    @property
    def left_out_file(self) -> dict[str, bytes]:
        """The file that names what is left out; none where nothing is."""
        return {LEFT_OUT: left_out_text(self.left_out).encode()} if self.left_out else {}

    @property
    def said(self) -> tuple[str, ...]:
        """What was decided about images in several folders, in one sentence; empty where there are none."""
        several = [one for one in self.images if len(one.labels) > 1]
        if not several:
            return ()
        first = several[0]
        return (
            f"byte for byte in several folders, with all their labels: {len(several):,}, such as {first.file}, which "
            f"is {', '.join(first.labels)}",
        )


def label_by_folder(images: Path, known: Collection[str] = ()) -> FolderLabels:
    """The labels of every image below ``images``.

    Of files of the same bytes, one that is ``known`` already stands for all.

    `InputError` where no image lies in a folder of its own, or such a folder holds no image.
    """
    kinds = (*SUFFIXES, *UNREADABLE_SUFFIXES)
    paths = [path.relative_to(images) for path in visible_files(images) if path.suffix.lower() in kinds]
    by_split = _are_splits({path.parts[0] for path in paths if len(path.parts) > 1})
    depth = 2 if by_split else 1
    readable = [path for path in paths if path.suffix.lower() in SUFFIXES]
    labelled = [path for path in readable if len(path.parts) > depth]
    if not labelled:
        place = f"{images}/{'SPLIT/' if by_split else ''}LABEL"
        raise InputError(f"no photograph in {images} lies in a folder that could be its label; sort them into {place}/")
    _refuse_empty(images, depth, labelled)
    left_out = [(path.as_posix(), NO_LABEL) for path in readable if len(path.parts) <= depth]
    left_out += [(path.as_posix(), UNREAD_KIND) for path in paths if path not in set(readable)]
    groups = [
        sorted(group, key=lambda path: path.as_posix() not in known)
        for group in _same_bytes(images, labelled, by_split)
    ]
    damaged = [group for group in groups if len(group) > 1 and not is_readable(images / group[0])]
    left_out += [(path.as_posix(), UNREADABLE) for group in damaged for path in group]
    groups = [group for group in groups if group not in damaged]
    left_out += [(copy.as_posix(), f"{SAME_AS}{group[0].as_posix()}") for group in groups for copy in group[1:]]
    return FolderLabels([_labelled(group, depth, by_split) for group in groups], sorted(left_out))


def is_readable(path: Path) -> bool:
    """Whether the header of the image at ``path`` can be read."""
    try:
        read_header(path)
    except InputError:
        return False
    return True


def labels_text(found: FolderLabels) -> str:
    """``labels.csv``: a row per file and label."""
    splits = any(one.split for one in found.images)
    header = ("file", "label", "split") if splits else ("file", "label")
    rows = [(one.file, label, one.split) for one in found.images for label in one.labels]
    return _csv(header, (row[: len(header)] for row in rows))


def left_out_text(rows: Iterable[tuple[str, str]]) -> str:
    """``left_out.csv``."""
    return _csv(("file", "reason"), rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _are_splits(folders: set[str]) -> bool:
    """Whether ``folders`` are called after the splits, both of which are there."""
    return {split_called(name) for name in folders} == set(SPLIT_NAMES)


def _labelled(group: Sequence[Path], depth: int, by_split: bool) -> Labelled:
    labels = dict.fromkeys(path.parts[depth - 1] for path in group)
    return Labelled(group[0].as_posix(), tuple(labels), split_called(group[0].parts[0]) if by_split else None)


def _refuse_empty(images: Path, depth: int, labelled: Iterable[Path]) -> None:
    """`InputError` for folders that stand for a label and hold no photograph."""
    used = {path.parts[:depth] for path in labelled}
    there = {folder.relative_to(images).parts for folder in images.glob("/".join("*" * depth)) if folder.is_dir()}
    if empty := sorted("/".join(parts) for parts in there - used if not any(map(is_hidden, parts))):
        raise InputError(
            f"{images}/{empty[0]} holds no photograph, but its name is a label ({len(empty)} such folders); put images "
            "into it or remove it"
        )


def _same_bytes(images: Path, paths: Sequence[Path], by_split: bool) -> list[list[Path]]:
    """The files in groups of equal bytes, of one split where folders tell splits; in the order of their first ones."""
    sizes: defaultdict[int, int] = defaultdict(int)
    for path in paths:
        sizes[(images / path).stat().st_size] += 1
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        alone = sizes[(images / path).stat().st_size] == 1
        content = path.as_posix() if alone else file_checksum(images / path)
        groups.setdefault((path.parts[0] if by_split else "", content), []).append(path)
    return list(groups.values())
