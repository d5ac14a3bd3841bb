"""The results of the last run on the command line."""

from pathlib import Path

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from empaste.artifacts.metrics import read_metrics
from empaste.errors import InputError
from empaste.report import figures


def print_summary(metrics: Path, page: Path) -> None:
    """Print `summary_table`; `InputError` where no stage has measured anything yet."""
    Console().print(summary_table(metrics, page))


def summary_table(metrics: Path, page: Path = Path("report/index.html")) -> Group:
    """AP per class, mask and box AP over all, foreground precision per F-EM iteration, and the page to open."""
    found = {path.stem: read_metrics(path) for path in sorted(metrics.glob("*.json"))}
    if not found:
        raise InputError(f"{metrics} holds no metrics; run: dvc repro")
    opened = f"Open {page.resolve()}" if page.exists() else f"There is no {page} yet; run: dvc repro"
    return Group(_classes(found), _precision(found), Text(opened, no_wrap=True, overflow="ignore"))


def _classes(metrics: figures.Metrics) -> Table:
    columns = figures.class_columns(metrics)
    table = Table(title="Per class (AP in percent)", title_justify="left", box=box.MINIMAL, padding=(0, 0, 0, 1))
    table.add_column("class", no_wrap=True)
    for column in columns:
        table.add_column(column.title, justify="right", width=max(5, *map(len, column.title.split())))
    for name in figures.class_names(columns):
        table.add_row(name, *(figures.cell(column, name) for column in columns))
    table.add_section()
    table.add_row("all", *(figures.cell(column, None) for column in columns), style="bold")
    return table


def _precision(metrics: figures.Metrics) -> Table | Text:
    quality = figures.foreground_quality(metrics)
    if all(value is None for values in quality.values() for value in values.values()):
        return Text("Foregrounds were not measured: the training split has no masks.")
    table = Table(
        title="Foregrounds per F-EM iteration (percent)", title_justify="left", box=box.MINIMAL, padding=(0, 0, 0, 1)
    )
    table.add_column("")
    iterations = list(dict.fromkeys(key for values in quality.values() for key in values))
    for iteration in iterations:
        table.add_column(iteration, justify="right")
    for title, values in quality.items():
        table.add_row(title, *(figures.percent(values.get(iteration)) for iteration in iterations))
    return table
