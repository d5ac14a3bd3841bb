"""The figures of a run in tables: what the page and the command line show first."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from empaste.artifacts.metrics import Number
from empaste.artifacts.truth import IOU50, IOU75

Metrics = Mapping[str, Any]
"""Stage -> content of its metrics file; a stage or a figure may be missing, a figure may be None (not measured)."""
NOT_MEASURED = "–"
HEADLINE_APS = ("mask AP50", "mask AP75", "box AP50")
POOL = "pool"
"""What is called so beside the iterations: the last choice without those under the least probability."""

DECISIONS = {
    "kept": "foregrounds kept",
    "rejected": "rejected",
    "mended": "mended",
    "gone": "decisions on foregrounds that are gone",
    "nothing_left": "labels of images of which nothing is left to choose",
}
CORRECTIONS = {"added": "labels added", "removed": "labels removed", "without_effect": "corrections without effect"}
"""What counts of decisions are called, by their keys in the metrics."""


class Column(NamedTuple):
    """A figure that there is per class and, where not None, over all classes."""

    title: str
    per_class: Mapping[str, Number | None]
    overall: Number | None
    is_rate: bool


def find(metrics: Metrics, *keys: str) -> Any:
    """The value under nested ``keys``; None where any of them is missing."""
    value: Any = metrics
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def headline(metrics: Metrics) -> dict[str, Number | None]:
    """The figures that a run is known by, in percent: title -> value, None where not measured."""
    precision = precision_per_iteration(metrics)
    return {
        "mask AP50": find(metrics, "evaluate", "mask", "AP50"),
        "mask AP75": find(metrics, "evaluate", "mask", "AP75"),
        "box AP50": find(metrics, "evaluate", "box", "AP50"),
        "foreground precision, Step 1": next(iter(precision.values()), None),
        "foreground precision, F-EM": next(reversed(precision.values()), None),
        "classifier mAP": find(metrics, "classifier", "mAP"),
    }


def headline_text(metrics: Metrics) -> str:
    """The same as one line."""
    return " · ".join(f"{title} {percent(value)}" for title, value in headline(metrics).items())


def class_columns(metrics: Metrics) -> list[Column]:
    """Per class: foregrounds, instances in composites, and APs; columns that no stage wrote are left out.

    The APs that a run is known by are always there, also where they are known over all classes alone.
    """
    columns = [
        Column("foregrounds", find(metrics, "foregrounds", "masks_per_class") or {}, None, False),
        Column("instances in composites", find(metrics, "paste", "instances_per_class") or {}, None, False),
        Column("classifier AP", *_rate(metrics, ("classifier", "AP_per_class"), ("classifier", "mAP"))),
    ]
    for kind in ("mask", "box"):
        for name in ("AP", "AP50", "AP75"):
            per_class, overall = ("evaluate", kind, f"{name}_per_class"), ("evaluate", kind, name)
            column = Column(f"{kind} {name}", *_rate(metrics, per_class, overall))
            if column.per_class or column.title in HEADLINE_APS:
                columns.append(column)
    return [_with_sum(column) for column in columns if column.per_class or column.title in HEADLINE_APS]


def _rate(metrics: Metrics, per_class: tuple[str, ...], overall: tuple[str, ...]) -> tuple[Any, Any, bool]:
    return find(metrics, *per_class) or {}, find(metrics, *overall), True


def _with_sum(column: Column) -> Column:
    if column.is_rate:
        return column
    return column._replace(overall=sum(value for value in column.per_class.values() if value is not None))


def class_names(columns: list[Column]) -> list[str]:
    """The classes of any column, in the order of the first that names them."""
    return list(dict.fromkeys(name for column in columns for name in column.per_class))


def precision_per_iteration(metrics: Metrics) -> dict[str, Number | None]:
    """Percent of foregrounds that are right at `IOU50`: "Step 1", "EM 1" … -> value, None where not measured."""
    return _per_iteration(find(metrics, "foregrounds", "precision50"))


def _per_iteration(values: Any) -> dict[str, Number | None]:
    values = values if isinstance(values, Mapping) else {}
    numbered = sorted((int(key.removeprefix("iter_")), value) for key, value in values.items() if key[:5] == "iter_")
    return {iteration_title(number): value for number, value in numbered}


def iteration_title(number: int) -> str:
    """What iteration ``number`` is called: iteration 0 is Step 1."""
    return f"EM {number}" if number else "Step 1"


def foreground_quality(metrics: Metrics) -> dict[str, dict[str, Number | None]]:
    """What is measured per iteration, of the pool, and per round of the refinement: title -> (iteration -> value)."""
    titles = {
        "precision50": f"right at IoU {IOU50}",
        "precision75": f"right at IoU {IOU75}",
        "mean_iou": "mean IoU",
        "found": "instances found",
    }
    tables = {title: find(metrics, "foregrounds", key) for key, title in titles.items()}
    rounds = {title: find(metrics, "refine", key) for key, title in titles.items()}
    return {
        title: _per_iteration(values) | _pool(values) | _per_round(rounds[title])
        for title, values in tables.items()
        if values
    }


def steps_of(quality: Mapping[str, Mapping[str, Number | None]]) -> list[str]:
    """Of what `foreground_quality` gives: the iterations, the pool and the rounds that any title has, in order."""
    return list(dict.fromkeys(step for values in quality.values() for step in values))


def _per_round(values: Any) -> dict[str, Number | None]:
    values = values if isinstance(values, Mapping) else {}
    return {round_title(int(name.removeprefix("round_"))): value for name, value in values.items()}


def round_title(number: int) -> str:
    """What round ``number`` of the refinement is called."""
    return f"round {number}"


def _pool(values: Mapping[str, Number | None]) -> dict[str, Number | None]:
    return {POOL: values["pool"]} if "pool" in values else {}


def by_hand(metrics: Metrics) -> str:
    """What a person decided, in a sentence; empty where nothing was decided."""
    made, labels = find(metrics, "foregrounds", "decisions"), find(metrics, "prepare", "labels_corrected")
    parts = [f"{count:,} {DECISIONS[key]}" for key, count in (made or {}).items() if count and key in DECISIONS]
    parts += [f"{count:,} {CORRECTIONS[key]}" for key, count in (labels or {}).items() if count and key in CORRECTIONS]
    return ", ".join(parts)


def percent(value: Number | None) -> str:
    """One decimal, or the sign for "not measured"."""
    return NOT_MEASURED if value is None else f"{value:.1f}"


def change(here: Number | None, there: Number | None) -> str:
    """How much more there is ``here`` than ``there``, with its sign and one decimal; empty where one is not known."""
    return "" if here is None or there is None else f"{here - there:+.1f}"


def cell(column: Column, name: str | None) -> str:
    """The text of ``column`` for a class (None: over all): a rate with one decimal, a count as it is.

    Empty where the column has no figures per class at all.
    """
    value = column.overall if name is None else column.per_class.get(name)
    if name is not None and not column.per_class:
        return ""
    return percent(value) if column.is_rate or value is None else f"{value:,}"
