"""What a contact sheet is made of, and how instances are drawn on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from empaste.artifacts.coco_records import Annotation, Detection
from empaste.images import RGB, encode_rgb
from empaste.masks import decode_mask
from empaste.report import drawing
from empaste.report.inputs import Run
from empaste.report.names import isolated


@dataclass(frozen=True)
class Panel:
    """A picture with its caption; ``tone`` is "good", "bad" or "" and colours the caption."""

    image: RGB
    caption: str
    tone: str = ""


@dataclass(frozen=True)
class Group:
    """Panels that belong together, side by side, with a heading and lines of text (either may be empty)."""

    panels: Sequence[Panel]
    heading: str = ""
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Sheet:
    """A stage's pictures. ``guide`` tells what to look for; ``missing``, where not empty, why there are none."""

    name: str
    title: str
    guide: str
    groups: Sequence[Group] = field(default=())
    missing: str = ""


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
    return drawing.draw_instances(image, drawn)


def _score(one: Annotation | Detection) -> str:
    score = one.get("score")
    return "" if score is None else f" {score:.2f}"


def counted(num: int, what: str) -> str:
    """``num`` and ``what`` it is a number of, in the plural where it is not one."""
    return f"{num:,} {what}{'' if num == 1 else 's'}"
