"""The page of a run: its results, its pictures, its curves, all metrics and all parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from empaste.artifacts.metrics import flatten
from empaste.artifacts.truth import IOU50
from empaste.report import charts, figures
from empaste.report.confusion import confusion_table
from empaste.report.rendering import render
from empaste.report.sheets.panels import Sheet

CURVES = {
    "prepare": "Training images per class",
    "classifier": "Classifier training",
    "foregrounds_reliability": "Can the foregrounds' confidence be believed?",
    "paste": "Foregrounds and what was pasted, per class",
    "train": "Detector training",
    "precision_recall": "Precision and recall of the masks",
    "confusion": "What the detector takes for what",
}
"""Plots that the page draws: name of the file -> heading."""
Y_LABELS = {"prepare": "training images", "paste": "share in percent"}
"""What the bars of a histogram count."""


def render_page(
    metrics: figures.Metrics,
    curves: Mapping[str, pd.DataFrame],
    sheets: Sequence[Sheet],
    params: Mapping[str, Any],
) -> str:
    """The page as HTML: headline, classes, foreground quality, sheets, curves, all metrics, all parameters.

    ``curves`` are tables whose first column is the x axis, or ``class_name`` for a histogram over classes;
    ``precision_recall`` is (class_name, recall, precision), ``foregrounds_reliability`` (confidence, precision,
    foregrounds), ``confusion`` (image_id, actual, predicted).
    """
    columns, quality = figures.class_columns(metrics), figures.foreground_quality(metrics)
    return render(
        "page.html.jinja",
        sheets,
        dataset=_dataset(params, metrics),
        headline=figures.headline(metrics),
        columns=columns,
        class_names=figures.class_names(columns),
        quality=quality,
        by_hand=figures.by_hand(metrics),
        iterations=figures.steps_of(quality),
        quality_chart=quality_chart(metrics),
        plots={CURVES.get(name, name): plot_charts(name, table) for name, table in curves.items()},
        metrics={stage: flatten(content) for stage, content in metrics.items()},
        params={section: flatten(content) for section, content in params.items()},
    )


def quality_chart(metrics: figures.Metrics) -> str:
    """Foreground quality over the iterations, then the rounds, as SVG; empty where nothing was measured."""
    quality = figures.foreground_quality(metrics)
    # The pool is no step: it is the last iteration without the foregrounds that are least sure.
    steps = [step for step in figures.steps_of(quality) if step != figures.POOL]
    series = {
        title: [(float(x), float(value)) for x, step in enumerate(steps) if (value := values.get(step)) is not None]
        for title, values in quality.items()
    }
    return charts.line_chart(series, _steps_label(steps), "percent", (0, 100))


def _steps_label(steps: Sequence[str]) -> str:
    """What the numbers of ``steps`` mean."""
    iterations, first = "EM iteration (0 is Step 1)", figures.round_title(1)
    return f"{iterations}, from {steps.index(first)} on round of refinement" if first in steps else iterations


def plot_charts(name: str, table: pd.DataFrame) -> list[str]:
    """A chart per column of a curve, or one of all classes; none for an empty table."""
    if table.empty:
        return []
    if list(table.columns) == ["class_name", "recall", "precision"]:
        return [charts.line_chart(_precision_recall(table), "recall", f"precision at mask IoU {IOU50}", (0, 1))]
    if list(table.columns) == ["confidence", "precision", "foregrounds"]:
        return [charts.line_chart(_reliability(table), "confidence", f"percent right at IoU {IOU50}", (0, 100))]
    if list(table.columns) == ["image_id", "actual", "predicted"]:
        return [confusion_table(table)]
    if table.columns[0] == "class_name":
        return [charts.bar_chart(_histogram(table), "classes", Y_LABELS.get(name, "count"))]
    steps, *columns = (str(column) for column in table.columns)
    drawn = (
        charts.line_chart({column: list(zip(table[steps], table[column], strict=True))}, steps, column)
        for column in columns
        if pd.api.types.is_numeric_dtype(table[column])
    )
    return [chart for chart in drawn if chart]


def _histogram(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """The columns as classes' values; of columns that agree everywhere the last one alone."""
    names = [str(name) for name in table["class_name"]]
    columns = [(str(column), table[column].astype(float).tolist()) for column in table.columns[1:]]
    later = [[values for _, values in columns[place + 1 :]] for place in range(len(columns))]
    return {
        column: dict(zip(names, values, strict=True))
        for (column, values), others in zip(columns, later, strict=True)
        if values not in others
    }


def _precision_recall(table: pd.DataFrame) -> dict[str, charts.Points]:
    """Precision over recall per class; of more classes than there are colours, the mean alone."""
    names = table["class_name"].unique()
    if len(names) > charts.NUM_COLOURS:
        mean = table.groupby("recall", as_index=False)["precision"].mean()
        return {f"mean of {len(names)} classes": list(zip(mean["recall"], mean["precision"], strict=True))}
    groups = table.groupby("class_name", sort=False)
    return {str(name): list(zip(rows["recall"], rows["precision"], strict=True)) for name, rows in groups}


def _reliability(table: pd.DataFrame) -> dict[str, charts.Points]:
    """Precision over confidence, and where it would lie if the confidence were the chance of being right."""
    measured = list(zip(table["confidence"], table["precision"], strict=True))
    return {"foregrounds of the pool": measured, "confidence taken at its word": [(0, 0), (1, 100)]}


def _dataset(params: Mapping[str, Any], metrics: figures.Metrics) -> str:
    """The data set's name, and its counts as far as they are known."""
    counts = {key: figures.find(metrics, "prepare", key) for key in ("train_images", "val_images")}
    classes = figures.find(metrics, "prepare", "images_per_class")
    parts = [f"{value:,} {key.replace('_', ' ')}" for key, value in counts.items() if value is not None]
    parts += [f"{len(classes)} classes"] if classes else []
    return " · ".join([str(figures.find(params, "prepare", "dataset") or "data set"), *parts])
