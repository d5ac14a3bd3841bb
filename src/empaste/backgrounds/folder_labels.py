"""What the labels in a folder of images say of them: ``labels.csv``, and COCO annotations (``*.json``).

They are read to keep images with a target class out, so in doubt an image has a label: where a name could mean several
images, it means all of them, and where two tables disagree, both are believed.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from empaste.artifacts import fields
from empaste.artifacts.csv_tables import read_csv
from empaste.artifacts.fields import listed
from empaste.artifacts.foreign_coco import TABLES, ForeignCoco, read_foreign_coco
from empaste.artifacts.remarks import Remark, summarise
from empaste.errors import InputError
from empaste.photographs import visible_files

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
    them."""

    files: frozenset[Path]
    tables: tuple[Path, ...]
    warnings: tuple[str, ...]


def images_that_show(folder: Path, files: Sequence[Path], class_names: Sequence[str]) -> Shown:
    """Which of the ``files`` below ``folder`` its labels give one of ``class_names``.

    `InputError` where a table of labels cannot be read.
    """
    targets = {plain_name(name) for name in class_names}
    images = _ImageNames(folder, files)
    remarks: list[Remark] = []
    shown: set[Path] = set()
    tables: dict[Path, None] = {}
    for one in read_labels(folder, remarks):
        tables[one.table] = None
        meant = images.meant_by(one.name, one.table.parent)
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
        content = fields.read_json(path, str(path))
        if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in TABLES):
            return None
        return read_foreign_coco(path)
    except InputError as error:
        raise InputError(
            f"{error}; the file lies below backgrounds.root: put it elsewhere if it says nothing about the images"
        ) from error


class _ImageNames:
    """The images by their names, in one Unicode form and in any case of letters."""

    def __init__(self, root: Path, files: Collection[Path]) -> None:
        self._root = root
        self._by_path: dict[str, list[Path]] = defaultdict(list)
        self._by_base: dict[str, list[Path]] = defaultdict(list)
        for path in files:
            self._by_path[_folded(path.relative_to(root).as_posix())].append(path)
            self._by_base[_folded(path.name)].append(path)

    def meant_by(self, name: str, beside: Path) -> list[Path]:
        """The images that ``name`` may mean in a table in the folder ``beside``.

        Those of this path from there, from the root, or from the ``images/`` of either; else those whose path ends so;
        else those of its base name.
        """
        parts = [part for part in PurePosixPath(name.strip().replace("\\", "/")).parts if part != "/"]
        wanted = _folded("/".join(parts))
        found: dict[Path, None] = {}
        for place in (beside, beside / "images", self._root, self._root / "images"):
            path = _folded((place.relative_to(self._root) / PurePosixPath(*parts)).as_posix())
            found.update(dict.fromkeys(self._by_path.get(path, ())))
        if found:
            return list(found)
        same_base = self._by_base.get(wanted.rpartition("/")[2], [])
        ending = [
            path for path in same_base if f"/{_folded(path.relative_to(self._root).as_posix())}".endswith(f"/{wanted}")
        ]
        return ending or same_base


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
