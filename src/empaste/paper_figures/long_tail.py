"""Images and AP per class, most frequent class first (EM-Paste, Fig. 4): of a run, or of the rows of a study."""

from collections.abc import Mapping, Sequence
from math import radians, sin
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.cells import cell_len

from empaste.artifacts.metrics import read_metrics
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures.canvas import LETTER, LETTER_WIDTH, LINE, POINT, WIDTH, Place, add_axes, new_figure
from empaste.paper_figures.figure import Drawing, PaperFigure, Wish
from empaste.paper_figures.letters import lettered
from empaste.paper_figures.panels import BLUE, GREEN, ORANGE, PINK, SOFT
from empaste.report.figures import find
from empaste.report.names import shortened
from empaste.studies.results import StudyResult, class_columns, read_result

COLOURS = (BLUE, ORANGE, GREEN, PINK, "#e69f00", "#56b4e9", "#f0e442", "#000000")
AP50 = "mask AP50"
LEFT, MARGIN, BARS, BETWEEN = 0.5, 0.06, 1.1, 0.14
"""Inches: to the left of the axes, on the other sides, the height of either, and between them."""
SMALLEST = 3.5
"""Points: letters that can be read."""
NAME_ROOM = 18
"""Letters of a class's name below the axis; longer ones lose their middle."""


class Bar(NamedTuple):
    """A value in percent with the ends of its interval, None where not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Bars(NamedTuple):
    """Classes in order, their numbers of images, and per series (what was trained how) a bar per class."""

    names: Sequence[str]
    sizes: Sequence[float]
    series: Mapping[str, Sequence[Bar]]
    unit: str = AP50


def draw_long_tail(files: Layout, wish: Wish) -> Drawing:
    """Above the training images of each class, below its AP50 of masks in percent.

    Of a study, every row has bars of its own, with the interval of the mean over the seeds, where it has one.
    """
    bars = bars_of_study(wish.study) if wish.study else bars_of_run(files)
    source = f"of {wish.study}" if wish.study else "of this run"
    figure = draw_bars(bars)
    return Drawing(figure, f"images and {bars.unit} of {len(bars.names)} classes, {source}")


def bars_of_run(files: Layout) -> Bars:
    """The run's classes with training images, the most frequent first, of equals by name."""
    metrics = {stage: read_metrics(files.metrics / f"{stage}.json") for stage in ("prepare", "evaluate")}
    sizes = find(metrics, "prepare", "images_per_class") or {}
    names = sorted((name for name, size in sizes.items() if size), key=lambda name: (-sizes[name], name))
    if not names:
        raise InputError(
            f"{files.metrics / 'prepare.json'} counts no image of any class; give prepare labelled images, and run: "
            "dvc repro"
        )
    found = find(metrics, "evaluate", "mask", "AP50_per_class") or {}
    return Bars(names, [sizes[name] for name in names], {"": [Bar(found.get(name)) for name in names]})


def bars_of_study(path: Path) -> Bars:
    """The classes of the study whose result is at ``path``, as it orders them, and the summaries of its rows."""
    result = read_result(path)
    columns = class_columns(result)
    if not columns:
        raise InputError(
            f"{path} has no figures per class, as studies with per_class have; give the result of: "
            "empaste study long_tail"
        )
    series = {
        row.title: [_bar(result, row.name, one.key) for one in columns]
        for row in result.rows
        if any(row.summaries[one.key].n for one in columns)
    }
    return Bars([one.name for one in columns], [one.size for one in columns], series, _unit(columns[0].key))


def _unit(key: str) -> str:
    """What a column of one class measures: of ``evaluate.mask.AP50_per_class:cat`` it is mask AP50."""
    return key.partition(":")[0].removeprefix("evaluate.").removesuffix("_per_class").replace(".", " ")


def _bar(result: StudyResult, row_name: str, key: str) -> Bar:
    summary = next(row for row in result.rows if row.name == row_name).summaries[key]
    return Bar(summary.mean, summary.low, summary.high)


def draw_bars(bars: Bars) -> Figure:
    """A page with the numbers of images above the APs."""
    names = _Names.of(bars.names)
    legend = LINE * POINT * -(-len(bars.series) // 2) if len(bars.series) > 1 else 0.0
    figure = new_figure(WIDTH, 2 * BARS + BETWEEN + legend + names.height + 2 * MARGIN)
    width = WIDTH - LEFT - MARGIN
    upper = add_axes(figure, Place(LEFT, MARGIN + legend, width, BARS))
    lower = add_axes(figure, Place(LEFT, MARGIN + legend + BARS + BETWEEN, width, BARS))
    _draw_sizes(upper, bars)
    _draw_series(lower, bars)
    names.draw(lower)
    for axes in (upper, lower):
        axes.set_xlim(-0.6, len(bars.names) - 0.4)
        axes.spines[["top", "right"]].set_visible(False)
        axes.yaxis.set_label_coords(-LEFT * 0.8 / width, 0.5)
    if legend:
        figure.legend(loc="upper center", ncols=2, frameon=False, borderaxespad=0, borderpad=0.2)
    return figure


def _draw_sizes(axes: Axes, bars: Bars) -> None:
    """The numbers of images, written on the bars where there is room."""
    places = range(len(bars.sizes))
    axes.bar(places, bars.sizes, 0.8, color=SOFT)
    axes.set_ylabel("training images")
    axes.set_ylim(0, 1.15 * max(bars.sizes))
    axes.set_xticks([])
    if _room(len(bars.sizes)) > len(f"{max(bars.sizes):.0f}") * LETTER * LETTER_WIDTH * POINT:
        for place, size in zip(places, bars.sizes, strict=True):
            axes.text(place, size, f"{size:.0f}", ha="center", va="bottom", fontsize=LETTER - 1)


def _draw_series(axes: Axes, bars: Bars) -> None:
    """The bars of each series side by side; what is not defined has none."""
    width = 0.8 / max(len(bars.series), 1)
    for number, (title, values) in enumerate(bars.series.items()):
        offset = (number - (len(bars.series) - 1) / 2) * width
        drawn = [(place + offset, bar) for place, bar in enumerate(values) if bar.value is not None]
        heights = [bar.value or 0.0 for _, bar in drawn]
        colour = COLOURS[number % len(COLOURS)]
        axes.bar([x for x, _ in drawn], heights, width, color=colour, label=lettered(title).text)
        for x, bar in drawn:
            if bar.low is not None and bar.high is not None:
                axes.plot([x, x], [max(bar.low, 0), min(bar.high, 100)], color="black", lw=0.8)
    axes.set_ylabel(f"{bars.unit} in percent")
    axes.set_ylim(0, 100)


def _room(num: int) -> float:
    """Inches along the axis that each of ``num`` classes has."""
    return (WIDTH - LEFT - MARGIN) / num


class _Names(NamedTuple):
    """The names of the classes below the axis: slanted or upright where they would meet, smaller where they are many.

    Where there is no room to read them they are only counted. ``height`` is what they take, in inches.
    """

    shown: Sequence[str]
    size: float
    rotation: int
    height: float

    @classmethod
    def of(cls, names: Sequence[str]) -> "_Names":
        short = shortened(names, NAME_ROOM)
        shown, room = [short[name] for name in names], _room(len(names)) / POINT
        size = min(LETTER, 0.9 * room)
        if size < SMALLEST:
            return cls([], LETTER, 0, 2 * LINE * POINT)
        longest = max(map(cell_len, shown)) * size * LETTER_WIDTH
        rotation = 0 if longest < room else 45 if room > 2 * LETTER else 90
        height = longest * sin(radians(rotation)) + size * 1.3
        return cls(shown, size, rotation, (height + 5) * POINT)

    def draw(self, axes: Axes) -> None:
        """Below ``axes``."""
        if not self.shown:
            axes.set_xticks([])
            axes.set_xlabel("classes, the most frequent first")
            return
        texts = [lettered(name) for name in self.shown]
        families = list(dict.fromkeys(family for text in texts for family in text.families))
        look: dict[str, Any] = {"rotation": self.rotation, "fontsize": self.size, "family": families}
        if self.rotation:
            look |= {"ha": "right", "va": "center", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(texts)), [text.text for text in texts], **look)


def _needs(wish: Wish) -> tuple[Path, ...]:
    return () if wish.study else (HERE.metrics / "prepare.json", HERE.metrics / "evaluate.json")


FIGURE = PaperFigure("4", draw_long_tail, _needs, frozenset({"study"}))
