"""The page of an inspection: one HTML file that needs nothing beside it, the same bytes for the same data."""

import base64
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from empaste.inspection.duplicates import Pair
from empaste.inspection.findings import doubt_text, margin_text, summarise_findings
from empaste.inspection.inspecting import Inspection
from empaste.report.charts import MAX_NAMES, bar_chart
from empaste.report.names import isolated

MOST = 48
"""Pictures that a section shows; ``findings.csv`` has all."""
SIDES = (64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)
"""Where the histogram of longest sides has its borders, in pixels."""
MOST_CLASSES = 24
"""Classes of which the table of those that appear together shows the most frequent."""


class Picture(NamedTuple):
    """A thumbnail as an address that holds it, what it shows in words, and its caption."""

    source: str
    alt: str
    caption: str


class Section(NamedTuple):
    """Groups of pictures under a heading; ``more`` are those that are not shown."""

    name: str
    title: str
    guide: str
    groups: list[list[Picture]]
    more: int


def render_page(found: Inspection, costs: Sequence[str], no_costs: str) -> str:
    """The page; ``costs`` are the lines of the forecast, ``no_costs`` says why there are none."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["isolated"] = isolated
    return environment.get_template("page.html.jinja").render(
        found=found,
        findings=summarise_findings(found),
        sections=[section for section in _sections(found) if section.groups],
        class_chart=_class_chart(found),
        size_chart=size_chart(found),
        together=together_rows(found),
        costs=costs,
        no_costs=no_costs,
    )


def size_chart(found: Inspection) -> str:
    """How many images have a longest side in each range of pixels."""
    sides = [max(one.size_hw) for one in found.looks if not one.error]
    if not sides:
        return ""
    counts = np.bincount(np.searchsorted(SIDES, sides, side="right"), minlength=len(SIDES) + 1)
    names = [
        f"< {SIDES[0]}",
        *(f"{low}–{high - 1}" for low, high in itertools.pairwise(SIDES)),
        f"≥ {SIDES[-1]}",
    ]
    used = np.flatnonzero(counts)
    shown = range(int(used[0]), int(used[-1]) + 1)
    return bar_chart(
        {"images": {names[place]: float(counts[place]) for place in shown}}, "ranges", "longest side in pixels"
    )


def together_rows(found: Inspection) -> list[tuple[str, list[int]]]:
    """Per class the training images that show it and each other class; none where no two are ever together."""
    if not found.together:
        return []
    names = sorted({name for pair in found.together for name in pair}, key=lambda name: -found.counts[name]["train"])
    names = names[:MOST_CLASSES]
    return [(name, [found.together.get((name, other), 0) for other in names]) for name in names]


def _class_chart(found: Inspection) -> str:
    """The images per class; of more classes than names fit below the bars, without names."""
    series = {
        split: {name: float(counts[split]) for name, counts in found.counts.items()} for split in ("train", "val")
    }
    title = "images per class" + (f" ({len(found.counts)} classes)" if len(found.counts) > MAX_NAMES else "")
    return bar_chart(series, "classes", title)


def _sections(found: Inspection) -> Iterator[Section]:
    across, within = found.pairs_across(True), found.pairs_across(False)
    yield _pairs(
        found,
        "across",
        "Near-duplicates across splits",
        "Training on what is measured with: keep both in one split.",
        across,
    )
    yield _doubts(found)
    yield _pairs(found, "within", "Near-duplicates within a split", "The same picture counts twice.", within)
    yield _small(found)
    yield _margins(found)


def _pairs(found: Inspection, name: str, title: str, guide: str, pairs: Sequence[Pair]) -> Section:
    groups = [_pair(found, pair) for pair in pairs[: MOST // 2]]
    return Section(name, title, guide, groups, len(pairs) - len(groups))


def _pair(found: Inspection, pair: Pair) -> list[Picture]:
    alike = "the same pixels" if pair.same else f"{pair.bits} of 64 bits differ"
    first, second = found.split(pair.first), f"{found.split(pair.second)}, {alike}"
    return [_picture(found, pair.first, first), _picture(found, pair.second, second)]


def _doubts(found: Inspection) -> Section:
    by_image: dict[int, list[str]] = {}
    for doubt in found.judged.doubts if found.judged else ():
        by_image.setdefault(doubt.image, []).append(doubt_text(found, doubt))
    groups = [[_picture(found, place, "; ".join(texts))] for place, texts in list(by_image.items())[:MOST]]
    guide = (
        "A classifier that has not seen the image contradicts its labels, the surest first. It may be the one that is "
        "wrong: unusual views and small objects are doubted, too."
    )
    return Section("labels", "Labels to look at", guide, groups, len(by_image) - len(groups))


def _small(found: Inspection) -> Section:
    places = found.small.images if found.small else []
    groups = [
        [_picture(found, place, f"the largest object takes up {max(found.looks[place].areas):.2%}")]
        for place in places[:MOST]
    ]
    guide = f"All their objects take up less than {found.min_area:.1%} of the image, so that no proposal shows one."
    return Section("small", "Objects too small to be found", guide, groups, len(places) - len(groups))


def _margins(found: Inspection) -> Section:
    places = found.with_margins
    groups = [[_picture(found, place, margin_text(found, place))] for place in places[:MOST]]
    guide = "The page, the frame or the bars around a photograph, which would pass for its surroundings. "
    guide += (
        "The stage prepare cuts them off."
        if found.trims_margins
        else "Set prepare.trim_margins to true to cut them off."
    )
    return Section("margins", "Training images with plain margins", guide, groups, len(places) - len(groups))


def _picture(found: Inspection, place: int, said: str) -> Picture:
    name, labels = found.name(place), ", ".join(map(isolated, found.labels(place))) or "no label"
    source = "data:image/jpeg;base64," + base64.b64encode(found.looks[place].thumbnail).decode()
    return Picture(source, f"{name}: {labels}", f"{name}: {labels} – {said}")
