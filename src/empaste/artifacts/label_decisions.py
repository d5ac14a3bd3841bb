"""A person's corrections of image-level labels, ``data/decisions/labels.csv``: git tracks them, ``prepare`` obeys.

A row says that a label was added to an image or removed from it; images are called by their file name in data/images,
classes by their name. Rows are in order, so that a difference reads as what was decided.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from empaste.artifacts import fields
from empaste.artifacts.csv_tables import read_csv
from empaste.artifacts.fields import shown
from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError

Change = Literal["added", "removed"]
CHANGES: tuple[Change, ...] = get_args(Change)
COLUMNS = ("image", "class", "change")
LAYOUT = "it needs image, class and change (added or removed), as empaste review writes it (docs/formats.md)"


class LabelDecision(NamedTuple):
    """A label that a person added to an image or removed from it."""

    image: str
    class_name: str
    change: Change


def read_label_decisions(path: Path) -> list[LabelDecision]:
    """The decisions at ``path``, in its order; none where there is no file, as before the first decision.

    `InputError` where it cannot be read, a field has no meaning, or two rows are on one label of an image.
    """
    if not path.exists():
        return []
    rows = read_csv(path, COLUMNS, (), LAYOUT, "remove them").rows
    decisions = [_read(row.values, f"{path}, line {row.line}") for row in rows]
    first: dict[tuple[str, str], int] = {}
    for row, one in zip(rows, decisions, strict=True):
        if (before := first.setdefault(one[:2], row.line)) != row.line:
            raise InputError(
                f"{path}, lines {before} and {row.line} are both on class {shown(one.class_name)} of image "
                f"{one.image}; remove one of them"
            )
    return decisions


def write_label_decisions(path: Path, decisions: Iterable[LabelDecision]) -> None:
    """``path`` holds ``decisions``, sorted by image and class; a reader never sees half of it."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *sorted(decisions)])
    write_whole(path, text.getvalue().encode())


def _read(values: dict[str, str], place: str) -> LabelDecision:
    change = values["change"].lower()
    if change not in CHANGES:
        raise InputError(f"{place}: change is {shown(values['change'])}; choose from {', '.join(CHANGES)}")
    image, class_name = fields.text(values["image"], f"{place}: image"), fields.name(values["class"], f"{place}: class")
    return LabelDecision(image, class_name, "added" if change == "added" else "removed")
