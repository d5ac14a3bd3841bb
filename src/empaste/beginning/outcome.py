"""``empaste init`` on the terminal: what was found, what was chosen and why, and what to run next."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from empaste.artifacts.fields import listed
from empaste.beginning.machine import this_machine
from empaste.beginning.project import Begun, begin, update
from empaste.beginning.readme import rows_of, value_text
from empaste.beginning.rescanning import Rescan, rescan
from empaste.beginning.sources import find_source
from empaste.errors import InputError
from empaste.report.sheets.panels import counted


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


def rescan_project(folder: Path, labels: Path | None, from_folders: bool, others: Sequence[object]) -> None:
    """The project's tables follow its folder of images, and the terminal shows what came and went.

    `InputError` as for `rescan`, and for other options.
    """
    if any(others):
        raise InputError(
            "--rescan goes with --labels FILE or --labels-from-folders alone; the images stay where they are"
        )
    if labels is not None and from_folders:
        raise InputError("--labels and --labels-from-folders are both given; keep one")
    for line in tell(rescan(folder, labels, from_folders, this_machine())):
        print(line)


def tell(one: Rescan) -> Iterator[str]:
    """What a rescan found, line by line, and what to do next."""
    if not (one.new or one.gone or one.left_out or one.waiting or one.written):
        yield "nothing is new, and nothing is gone"
    for said, names in (
        ("new", one.new),
        ("gone, their rows are removed", one.gone),
        ("new and not used", [f"{name} ({reason})" for name, reason in one.left_out.items()]),
        ("other labels in your table than in the project, which keeps its own", one.differing),
        ("in your table and not in the folder, passed over", one.absent),
        ("new, and nothing says what they show", one.waiting),
    ):
        if names:
            yield f"{said}: {counted(len(names), 'image')}, such as {listed(names, 3)}"
    if one.waiting:
        yield "label them: empaste init --rescan --labels-from-folders, or --labels FILE; dvc repro stops at them"
    if one.found:
        yield (
            f"now {one.found.train:,} training and {one.found.val:,} validation images, "
            f"{len(one.found.images_per_class)} classes; an image that was there keeps its split"
        )
    for choice in one.advice:
        yield f"params.yaml stays; empaste init would set {choice.key} to {value_text(choice.value)} here: {choice.why}"
    if one.written:
        then = "" if one.waiting else "; run: git add --all, git diff --staged, git commit, dvc repro"
        yield f"written: {', '.join(map(str, one.written))}{then}"


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
