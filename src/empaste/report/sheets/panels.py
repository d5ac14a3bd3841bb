"""What a contact sheet is made of, and how instances are drawn on it."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from empaste.artifacts.coco_records import Annotation, Detection
from empaste.images import RGB, encode_rgb
from empaste.masks import decode_mask
from empaste.report import drawing
from empaste.report.inputs import Run
from empaste.report.names import isolated

JPEG_QUALITY = 82
MAX_BYTES = 9_000_000
"""Of all pictures of a page together; as text in the page they take a third more."""


@dataclass(frozen=True)
class Facts:
    """What the page filters pictures by: names of the classes in question, whether all is right, how sure it is.

    None where nothing is known; such pictures pass the filter.
    """

    classes: Sequence[str] = ()
    right: bool | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Panel:
    """A picture with its caption; ``tone`` is "good", "bad" or "" and colours the caption."""

    image: RGB
    caption: str
    tone: str = ""
    facts: Facts | None = None

    @cached_property
    def jpeg(self) -> bytes:
        """The picture as a file."""
        return encode_rgb(self.image, ".jpg", JPEG_QUALITY, full_colour=False)

    @property
    def num_bytes(self) -> int:
        """Of the picture's file."""
        return len(self.jpeg)


@dataclass(frozen=True)
class Group:
    """Panels that belong together, side by side, with a heading and lines of text (either may be empty)."""

    panels: Sequence[Panel]
    heading: str = ""
    lines: Sequence[str] = ()
    facts: Facts | None = None

    @property
    def num_bytes(self) -> int:
        """Of the pictures' files."""
        return sum(panel.num_bytes for panel in self.panels)


@dataclass(frozen=True)
class Sheet:
    """A stage's pictures. ``guide`` tells what to look for; ``missing``, where not empty, why there are none."""

    name: str
    title: str
    guide: str
    groups: Sequence[Group] = field(default=())
    missing: str = ""

    @property
    def num_bytes(self) -> int:
        """Of the pictures' files."""
        return sum(group.num_bytes for group in self.groups)


def fitting(sheets: Sequence[Sheet], max_bytes: int = MAX_BYTES) -> list[Sheet]:
    """``sheets`` with pictures of at most ``max_bytes`` together: each shows its first ones, and says how many.

    Where all of them fit, the sheets are as they were; otherwise every sheet shrinks by the same share.
    """
    total = sum(sheet.num_bytes for sheet in sheets)
    if total <= max_bytes:
        return list(sheets)
    return [_cut(sheet, sheet.num_bytes * max_bytes // total) for sheet in sheets]


def _cut(sheet: Sheet, room: int) -> Sheet:
    """The first groups of ``sheet`` that have room, or the first panels of its only one."""
    only = sheet.groups[0] if len(sheet.groups) == 1 else None
    sizes = [part.num_bytes for part in (only.panels if only else sheet.groups)]
    num = sum(end <= room for end in itertools.accumulate(sizes))
    groups = [replace(only, panels=only.panels[:num])] if only else sheet.groups[:num]
    return replace(sheet, groups=groups, guide=f"{sheet.guide} The page has room for {num:,} of {len(sizes):,}.")


def contact_sheet(sheet: Sheet, columns: int = 6) -> bytes | None:
    """The sheet's panels as one JPEG image for places that show no page; None where there are none."""
    rows: list[list[tuple[RGB, str]]] = []
    for group in sheet.groups:
        panels = [(panel.image, panel.caption) for panel in group.panels]
        rows += [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return encode_rgb(drawing.tile(rows), ".jpg", 85) if rows else None


def file_name(sheet: Sheet) -> str:
    """What the sheet's contact sheet is called as a file."""
    return re.sub(r"\W", "_", sheet.name) + ".jpg"


def draw_instances(run: Run, image: RGB, instances: Sequence[Annotation | Detection]) -> RGB:
    """The enlarged ``image`` with masks and names; scores where there are any."""
    drawn = [
        drawing.Drawn(
            decode_mask(one["segmentation"]),
            isolated(run.class_names[one["category_id"]]) + _score(one),
            drawing.colour_of(run.colour_number(one["category_id"])),
        )
        for one in instances
    ]
    return drawing.draw_instances(image, drawn, drawing.panel_side(image.shape), drawing.PANEL_SIDE)


def class_names(run: Run, instances: Iterable[Annotation | Detection]) -> list[str]:
    """The names of the instances' classes, each once, in the order of classes."""
    ids = {one["category_id"] for one in instances}
    return [name for class_id, name in run.class_names.items() if class_id in ids]


def _score(one: Annotation | Detection) -> str:
    score = one.get("score")
    return "" if score is None else f" {score:.2f}"


def counted(num: int, what: str) -> str:
    """``num`` and ``what`` it is a number of, in the plural where it is not one."""
    return f"{num:,} {what}{'' if num == 1 else 's'}"
