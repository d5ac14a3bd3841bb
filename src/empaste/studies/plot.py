"""A result as one picture: per metric a panel, per row the repeats, their mean and its interval."""

import io
from typing import Any

from empaste.studies.results import Column, StudyResult

ROW_INCHES, PANEL_INCHES, TITLE_INCHES, MARGIN_INCHES = 0.32, 2.6, 0.9, 2.4


def draw_intervals(result: StudyResult) -> bytes:
    """An SVG of at most the first three columns; the same result gives the same bytes.

    A filled dot is the mean, a line its interval, small dots are the repeats, and a ring is the published figure. Rows
    without a finished run stay empty.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    columns = result.columns[:3]
    with rc_context({"svg.hashsalt": result.study, "font.size": 8}):
        size = (MARGIN_INCHES + PANEL_INCHES * len(columns), TITLE_INCHES + ROW_INCHES * len(result.rows))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        for panel, column in zip(panels, columns, strict=True):
            _draw(panel, result, column)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _draw(panel: Any, result: StudyResult, column: Column) -> None:
    places = range(len(result.rows))
    panel.set_title(column.title)
    panel.set_yticks(list(places), [row.title for row in result.rows])
    panel.set_ylim(len(result.rows) - 0.5, -0.5)
    panel.grid(axis="x", alpha=0.3)
    for place, row in enumerate(result.rows):
        summary = row.summaries[column.key]
        values = [run.figures.get(column.key) for run in row.runs]
        defined = [value for value in values if value is not None]
        colour = "C1" if row.name == result.compare_with else "C0"
        panel.plot(defined, [place] * len(defined), ".", color="0.6", markersize=4)
        if summary.low is not None and summary.high is not None:
            panel.plot([summary.low, summary.high], [place, place], "-", color=colour)
        if summary.mean is not None:
            panel.plot([summary.mean], [place], "o", color=colour, markersize=5)
        if column.key in row.published:
            panel.plot([row.published[column.key]], [place], "o", color="C3", fillstyle="none", markersize=6)
