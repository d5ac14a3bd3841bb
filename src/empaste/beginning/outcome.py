"""``empaste init`` on the terminal: what was found, what was chosen and why, and what to run next."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from empaste.beginning.machine import this_machine
from empaste.beginning.project import Begun, begin, update
from empaste.beginning.readme import rows_of
from empaste.beginning.sources import find_source
from empaste.errors import InputError


def begin_project(
    name: Path | None,
    images: Path | None,
    labels: Path | None,
    from_folders: bool,
    coco: Path | None,
    voc: Path | None,
) -> None:
    """A project is in the folder ``name``, and the terminal shows what was chosen; `InputError` as for `begin`."""
    if name is None:
        raise InputError("the project has no name; name a new folder: empaste init NAME --images DIR …")
    source = find_source(images, labels, from_folders, coco, voc)
    print_outcome(begin(name, source, this_machine()))


def update_project(folder: Path, others: Sequence[object]) -> None:
    """The project in ``folder`` has the installed pipeline; `InputError` as for `update`, and for other options."""
    if any(others):
        raise InputError("--update goes with no other option; the data set stays where it is")
    updated = update(folder)
    for path in updated.files:
        print(f"written: {path}")
    for key in updated.gone:
        print(f"note: {key} is no longer a parameter and is left out", file=sys.stderr)
    print("run: git diff, git commit, dvc repro" if updated.files else "the project is up to date")


def print_outcome(begun: Begun) -> None:
    """Print the counts, the table of choices, the notes on the standard error, and the next commands."""
    found = begun.found
    print(
        f"{found.train:,} training and {found.val:,} validation images, {len(found.images_per_class)} classes "
        f"(the smallest has {found.smallest_class:,}), {found.longest_side} pixels long in the median"
    )
    Console().print(choice_table(begun))
    for note in begun.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"Next: cd {shlex.quote(str(begun.folder))} && empaste inspect && dvc repro")


def choice_table(begun: Begun) -> Table:
    """The choices as a table for the terminal."""
    table = Table("parameter", "value", "why")
    for row in rows_of(begun.presets, begun.choices):
        table.add_row(*map(Text, row))
    return table
