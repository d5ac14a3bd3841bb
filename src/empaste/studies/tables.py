"""A result as a table: text for a terminal, Markdown for a page, CSV for other programs."""

import csv
import io
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from empaste.studies.results import Column, RowResult, StudyResult
from empaste.studies.statistics import Difference, Summary

SAME = "≈"
"""Marks a figure whose difference from the compared row's may be 0."""
FIELDS = (
    "row", "title", "metric", "published", "n", "mean", "spread", "low", "high", "compared_with", "difference",
    "difference_low", "difference_high", "shows_difference", "skipped",
)  # fmt: skip
Lines = list[list[str]]
"""The cells of a table, its titles first."""


def tables_of(result: StudyResult) -> list[Lines]:
    """The `figures` of ``result``, and its `differences` where there are any."""
    return [lines for lines in (figures(result), differences(result)) if len(lines) > 1]


def figures(result: StudyResult) -> Lines:
    """One line per row: what it gave, published figures beside where there are any."""
    return [_titles(result), *(_cells(result, row) for row in result.rows)]


def differences(result: StudyResult) -> Lines:
    """One line per row that has a difference with an interval: by column, the difference from the row it names."""
    titles = {row.name: row.title for row in result.rows}
    lines = [
        [row.title, titles[row.compare_with], *(_signed(row.differences.get(column.key)) for column in result.columns)]
        for row in result.rows
        if row.compare_with and row.differences
    ]
    return [["", "compared with", *(column.title for column in result.columns)], *lines]


def _signed(difference: Difference | None) -> str:
    if difference is None:
        return "–"
    mark = "" if difference.is_shown else f" {SAME}"
    return f"{difference.mean:+.1f} ({difference.low:+.1f} … {difference.high:+.1f}){mark}"


def markdown_table(lines: Lines) -> str:
    """``lines`` in Markdown."""
    written = [f"| {' | '.join(_escaped(cell) for cell in line)} |" for line in lines]
    return "\n".join([written[0], f"|---|{'---|' * (len(lines[0]) - 1)}", *written[1:]]) + "\n"


def text_table(lines: Lines) -> str:
    """``lines`` for a terminal of any width; no figure is cut."""
    titles, *rows = lines
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    out = io.StringIO()
    Console(file=out, width=10_000, color_system=None, markup=False).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines() if line.strip()) + "\n"


def csv_table(result: StudyResult) -> str:
    """The table as CSV: one line per row and metric, empty where something is not defined."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in result.rows:
        for column in result.columns:
            writer.writerow(_record(row, column))
    return out.getvalue()


def _record(row: RowResult, column: Column) -> dict[str, object]:
    summary, difference = row.summaries[column.key], row.differences.get(column.key)
    record: dict[str, object] = {"row": row.name, "title": row.title, "metric": column.title, "skipped": row.skipped}
    record |= {"published": row.published.get(column.key), **summary.model_dump()}
    if difference:
        record |= {
            "compared_with": row.compare_with,
            "difference": difference.mean,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "shows_difference": difference.is_shown,
        }
    return record


def notes(result: StudyResult) -> list[str]:
    """What a reader of the table must know: how it was made, what the marks mean, what is missing."""
    lines = [
        f"`{result.command}` on {result.machine}; commit {result.commit[:12]}, {result.date}; "
        f"{_cost(result)}. Mean ± standard deviation over {result.seeds} seed(s)."
    ]
    if any(row.differences for row in result.rows):
        kind = "paired over the seeds" if _all_paired(result) else "paired over the seeds where they are shared"
        lines.append(
            f"{SAME}: not shown to differ from the row that it is compared with: the {result.confidence:.0%} interval "
            f"of the difference, {kind}, holds 0."
        )
    else:
        lines.append("Too few repeats for intervals of the differences between rows: read none of them as shown.")
    if result.published_in and any(row.published for row in result.rows):
        lines.append(f"Published: {result.published_in}.")
    if result.changed:
        lines.append(f"Files differed from the commit: {', '.join(result.changed)}.")
    lines += [f"Not run: {row.title} {row.skipped}." for row in result.rows if row.skipped]
    for word, state in (("Failed", "failed"), ("Missing", "not run")):
        for row in result.rows:
            seeds = [str(run.seed) for run in row.runs if run.state == state]
            if seeds:
                lines.append(f"{word}: {row.title}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}.")
    return lines


def _all_paired(result: StudyResult) -> bool:
    return all(difference.paired for row in result.rows for difference in row.differences.values())


def _cost(result: StudyResult) -> str:
    gpu = f" and {_time(result.gpu_seconds)} on a GPU" if result.gpu_seconds else ""
    return f"{_time(result.cpu_seconds)} of CPU time{gpu} for what was not in DVC's cache"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"


def _titles(result: StudyResult) -> list[str]:
    titles = [""]
    for column in result.columns:
        titles += [column.title, "published"] if _is_published(result, column) else [column.title]
    return titles


def _cells(result: StudyResult, row: RowResult) -> list[str]:
    cells = [row.title]
    for column in result.columns:
        cells.append(_figure(row, column))
        if _is_published(result, column):
            value = row.published.get(column.key)
            cells.append("–" if value is None else f"{value:.1f}")
    return cells


def _is_published(result: StudyResult, column: Column) -> bool:
    return any(column.key in row.published for row in result.rows)


def _figure(row: RowResult, column: Column) -> str:
    """``mean ± standard deviation``, with the mark where it belongs; what is missing is named."""
    if row.skipped:
        return "not run"
    difference = row.differences.get(column.key)
    mark = f" {SAME}" if difference and not difference.is_shown else ""
    failed = sum(run.state == "failed" for run in row.runs)
    if failed == len(row.runs):
        return "failed"
    few = f" ({failed} failed)" if failed else ""
    return f"{_spread(row.summaries[column.key])}{mark}{few}"


def _spread(summary: Summary) -> str:
    if summary.mean is None:
        return "–"
    return f"{summary.mean:.1f}" + ("" if summary.spread is None else f" ± {summary.spread:.1f}")


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def page_section(result: StudyResult, plot: Sequence[str] = ()) -> str:
    """The section of a page: what was asked, the tables, how they were made, and the plots, by their file names."""
    images = [f"![{result.title}]({name})" for name in plot]
    tables = [markdown_table(lines).rstrip() for lines in tables_of(result)]
    parts = [f"## {result.title}", result.question, *tables, *images]
    return "\n\n".join([*parts, "\n".join(f"- {line}" for line in notes(result))]) + "\n"
