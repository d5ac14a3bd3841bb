"""What the labels in a folder of images say of them: ``labels.csv``, and COCO annotations (``*.json``).

They are read to keep images with a target class out, so in doubt an image has a label: where a name could mean several
images, it means all of them, and where two tables disagree, both are believed.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from empaste.artifacts.csv_tables import read_csv
from empaste.artifacts.fields import listed
from empaste.artifacts.file_index import FileIndex
from empaste.artifacts.foreign_coco import ForeignCoco, check_foreign_coco, has_tables
from empaste.artifacts.json_files import read_json
from empaste.artifacts.remarks import Remark, summarise
from empaste.errors import InputError
from empaste.photograph_files import visible_files

LAYOUT = "labels.csv of backgrounds.root needs the columns file and label; name them so, or put the file elsewhere"
SHOWN_FILES = 3

SAME_CLASS = {
    "airplane": "aeroplane", "motorcycle": "motorbike", "couch": "sofa", "television": "tvmonitor", "tv": "tvmonitor",
    "people": "person", "human": "person", "bike": "bicycle",
}  # fmt: skip
"""Names of VOC's and COCO's classes that differ (after `plain_name`)."""


class Label(NamedTuple):
    """What a table says: the table, the image's name as it stands there, the class."""

    table: Path
    name: str
    label: str


class Shown(NamedTuple):
    """The images that show a target class by their labels, the tables of labels, and what a person should know of
    them.
    """

    files: frozenset[Path]
    tables: tuple[Path, ...]
    warnings: tuple[str, ...]


def images_that_show(folder: Path, files: Sequence[Path], class_names: Sequence[str]) -> Shown:
    """Which of the ``files`` below ``folder`` its labels give one of ``class_names``.

    `InputError` where a table of labels cannot be read.
    """
    targets = {plain_name(name) for name in class_names}
    index = FileIndex(folder, files)
    remarks: list[Remark] = []
    shown: set[Path] = set()
    tables: dict[Path, None] = {}
    for one in read_labels(folder, remarks):
        tables[one.table] = None
        meant = _meant_by(one, folder, index)
        if not meant:
            remarks.append(Remark("labels are of images that are not there", f"{one.name} in {one.table}"))
        elif plain_name(one.label) in targets:
            shown.update(meant)
            if len(meant) > 1:
                there = listed([path.relative_to(folder).as_posix() for path in meant], SHOWN_FILES)
                reason = "labels could be of several images, of which none is used"
                remarks.append(Remark(reason, f"{one.name} in {one.table}: {there}"))
    return Shown(frozenset(shown), tuple(tables), tuple(summarise(remarks)))


def read_labels(folder: Path, remarks: list[Remark]) -> Iterator[Label]:
    """What the tables in ``folder`` and below say; what of them is not read goes into ``remarks``."""
    for path in visible_files(folder):
        if path.name.lower() == "labels.csv":
            yield from _read_csv(path, remarks)
        elif path.suffix.lower() == ".json":
            yield from _read_coco(path, remarks)


def plain_name(name: str) -> str:
    """``name`` as classes are compared: letters and digits alone, in lower case, VOC's word where COCO has another.

    A name of signs alone stays as it is.
    """
    whole = " ".join(unicodedata.normalize("NFC", name).casefold().split())
    plain = "".join(letter for letter in whole if letter.isalnum())
    return SAME_CLASS.get(plain, plain) or whole


def _read_csv(path: Path, remarks: list[Remark]) -> Iterator[Label]:
    table = read_csv(path, ("file", "label"), ("split",), LAYOUT)
    remarks += [Remark("columns of labels are not read", f"{name} in {path}") for name in table.unread]
    for line, row in table.rows:
        labels = [label for label in row["label"].split(";") if label.strip()]
        if not row["file"] or not labels:
            remarks.append(Remark("rows of labels name no file or no label", f"{path}, line {line}"))
            continue
        for label in labels:
            yield Label(path, row["file"], label)


def _read_coco(path: Path, remarks: list[Remark]) -> Iterator[Label]:
    coco = _coco(path)
    if coco is None:
        remarks.append(Remark("JSON files are no COCO annotation files and are not read", str(path)))
        return
    names = {one.image_id: one.file_name for one in coco.images}
    labels = {one.category_id: one.name for one in coco.categories}
    pairs = dict.fromkeys((one.image_id, one.category_id) for one in coco.instances)
    yield from (Label(path, names[image_id], labels[category_id]) for image_id, category_id in pairs)


def _coco(path: Path) -> ForeignCoco | None:
    """The COCO annotations at ``path``; None where the file holds something else."""
    try:
        content = read_json(path, str(path))
        return check_foreign_coco(content, path) if has_tables(content) else None
    except InputError as error:
        raise InputError(
            f"{error}; the file lies below backgrounds.root: put it elsewhere if it says nothing about the images"
        ) from error


def _meant_by(one: Label, root: Path, index: FileIndex) -> list[Path]:
    """The images below ``root`` that the name in a table may mean.

    Those of this path from the table, from the root, or from the ``images/`` of either; else those whose path ends so;
    else those of its base name.
    """
    beside = one.table.parent
    parts = [part for part in PurePosixPath(one.name.strip().replace("\\", "/")).parts if part != "/"]
    places = (beside, beside / "images", root, root / "images")
    paths = [(place.relative_to(root) / PurePosixPath(*parts)).as_posix() for place in places]
    found = dict.fromkeys(file for path in paths for file in index.at(path))
    wanted = "/".join(parts)
    return list(found) or index.ending_in(wanted) or index.called(wanted)
