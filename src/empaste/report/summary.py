"""The results of the last run on the command line, in as many columns as the terminal has."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group
from rich.table import Table
from rich.text import Text

from empaste.artifacts.metrics import read_metrics
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.report import figures

NAME_ROOM = 16
"""Columns of the terminal that names get, where they need so many, before figures are moved to a further table."""
LEAST_ROOM = 6
ONE_LINE = 6
"""Letters of a title up to which it stays on one line."""
FRAME = 3
"""What a table takes beside its columns: a blank before, one after, and the padding of the names."""


def print_summary(metrics: Path, page: Path) -> None:
    """Print `summary_table`; `InputError` where no stage has measured anything yet."""
    Console().print(summary_table(metrics, page))


def summary_table(metrics: Path, page: Path = HERE.report) -> Group:
    """AP per class, mask and box AP over all, foreground precision per F-EM iteration, and the page to open."""
    found = {path.stem: read_metrics(path) for path in sorted(metrics.glob("*.json"))}
    if not found:
        raise InputError(f"{metrics} holds no metrics; run: dvc repro")
    opened = f"Open {page.resolve()}" if page.exists() else f"There is no {page} yet; run: dvc repro"
    return Group(_classes(found), _precision(found), Text(opened, no_wrap=True, overflow="ignore"))


class _Figures(NamedTuple):
    """A column of figures: its title, a cell per name, and what stands below the line, if anything does."""

    title: str
    cells: Sequence[str]
    overall: Sequence[str] = ()

    @property
    def width(self) -> int:
        """What no figure and no word of the title exceeds."""
        words = [self.title] if len(self.title) <= ONE_LINE else self.title.split()
        return max(5, *map(cell_len, (*words, *self.cells, *self.overall)))


@dataclass(frozen=True)
class _Tables:
    """Names with their figures: one table, or several below each other where the terminal is too narrow for one.

    Figures are never cut. Names are folded, so that two of them never look alike. Figures whose titles begin with the
    same word stay together where there is room for them.
    """

    title: str
    heading: str
    names: Sequence[str]
    columns: Sequence[_Figures]
    overall: Sequence[str] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        longest = max(map(cell_len, (self.heading, *self.names, *self.overall)))
        width = options.max_width - FRAME
        for columns in _blocks(self.columns, width - min(longest, NAME_ROOM)):
            room = width - sum(_taken(column.width) for column in columns)
            yield self._table(columns, min(longest, max(LEAST_ROOM, room)))

    def _table(self, columns: Sequence[_Figures], room: int) -> Table:
        table = Table(title=self.title, title_justify="left", box=box.MINIMAL, padding=(0, 0, 0, 1))
        table.add_column(self.heading, width=room, overflow="fold")
        for column in columns:
            table.add_column(column.title, justify="right", width=column.width)
        for place, name in enumerate(self.names):
            table.add_row(Text(name), *(column.cells[place] for column in columns))
        table.add_section()
        for place, name in enumerate(self.overall):
            table.add_row(Text(name), *(column.overall[place] for column in columns), style="bold")
        return table


def _taken(width: int) -> int:
    """What a column of ``width`` takes with its padding and a line beside it."""
    return width + 2


def _blocks(columns: Sequence[_Figures], room: int) -> list[list[_Figures]]:
    """``columns`` in order, so many together as fit in ``room`` (at least one), those of one first word as one."""
    blocks: list[list[_Figures]] = [[]]
    left = room
    for _, group in itertools.groupby(columns, lambda column: column.title.split()[0]):
        together = list(group)
        needed = sum(_taken(column.width) for column in together)
        parts = [together] if needed <= room else [[column] for column in together]
        for part in parts:
            needed = sum(_taken(column.width) for column in part)
            if blocks[-1] and needed > left:
                blocks.append([])
                left = room
            blocks[-1] += part
            left -= needed
    return blocks


def _classes(metrics: figures.Metrics) -> _Tables:
    columns = figures.class_columns(metrics)
    names = figures.class_names(columns)
    shown = [
        _Figures(column.title, [figures.cell(column, name) for name in names], [figures.cell(column, None)])
        for column in columns
    ]
    return _Tables("Per class (AP in percent)", "class", names, shown, ["all"])


def _precision(metrics: figures.Metrics) -> _Tables | Text:
    quality = figures.foreground_quality(metrics)
    if all(value is None for values in quality.values() for value in values.values()):
        return Text("Foregrounds were not measured: the training split has no masks.")
    columns = [
        _Figures(step, [figures.percent(values.get(step)) for values in quality.values()])
        for step in figures.steps_of(quality)
    ]
    return _Tables("Foregrounds per F-EM iteration (percent)", "", list(quality), columns)
