"""Every figure that a run allows, as a file; what it does not allow is named with the stage to run."""

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from empaste.artifacts.outputs import write_whole
from empaste.artifacts.work import read_pipeline
from empaste.doctor.repository import outputs_of
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures import FIGURES
from empaste.paper_figures.canvas import FORMATS, Format, encode, style
from empaste.paper_figures.choosing import labels_to_show
from empaste.paper_figures.figure import PaperFigure, Wish
from empaste.report.inputs import Run


class Outcome(NamedTuple):
    """What became of a figure: the file that holds it and what it shows, or why there is none.

    ``absent`` says that the run has not come so far; all else that keeps a figure away is a fault.
    """

    name: str
    path: Path | None
    said: str
    absent: bool = False


def write_figures(names: Sequence[str], files: Layout, out: Path, kind: str, wish: Wish) -> Iterator[Outcome]:
    """The outcome of each figure of ``names``, of every figure where none is named, as soon as it is in ``out``.

    The same artifacts and wish give the same bytes. `InputError` where a name, a format or an option is none, where a
    figure that was named cannot be drawn, or where none can. A figure that was not named may be missing.
    """
    format_ = _check(names, kind, wish)
    lacking = {name: missing(FIGURES[name], files, wish) for name in names or FIGURES}
    for name, said in lacking.items():
        if said and (names or all(lacking.values())):
            raise InputError(f"{name} cannot be drawn: {said}")
    if wish.image_ids or wish.class_names:
        labels_to_show(Run(files, 0), wish)
    for name, said in lacking.items():
        outcome = Outcome(name, None, said, absent=True) if said else _write(name, files, out, format_, wish)
        if names and outcome.path is None:
            raise InputError(f"{name} cannot be drawn: {outcome.said}")
        yield outcome


def _check(names: Sequence[str], kind: str, wish: Wish) -> Format:
    """The format; `InputError` where something that is asked for is not there, or an option would change nothing."""
    for name in names:
        if name not in FIGURES:
            near = difflib.get_close_matches(name, FIGURES, 1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise InputError(f"there is no figure {name!r}; {meant}choose from {', '.join(FIGURES)}")
    for option in sorted(wish.options):
        if not any(option in FIGURES[name].heeds for name in names or FIGURES):
            able = [name for name, figure in FIGURES.items() if option in figure.heeds]
            raise InputError(
                f"--{option} changes nothing in {', '.join(names)}; leave it out, or draw {', '.join(able)}"
            )
    for known in FORMATS:
        if kind == known:
            return known
    raise InputError(f"--format is {kind!r}; choose from {', '.join(FORMATS)}")


def missing(figure: PaperFigure, files: Layout, wish: Wish) -> str:
    """The first artifact that ``figure`` needs and that is missing, and the command that makes it; "" where none is."""
    for path, needed in zip(_placed(figure.needs(wish), files), figure.needs(wish), strict=True):
        if not path.exists():
            return f"{path} does not exist; run: dvc repro {stage_of(needed)}"
    return ""


def _placed(needed: Sequence[Path], files: Layout) -> list[Path]:
    """Where the artifacts ``needed``, given as in `HERE`, lie in ``files``."""
    there = dict(zip(HERE, files, strict=True))
    return [there[path] if path in there else there[path.parent] / path.name for path in needed]


def stage_of(artifact: Path) -> str:
    """The stage that writes ``artifact``, by ``dvc.yaml``."""
    stages = read_pipeline()
    return next(name for name, stage in stages.items() if str(artifact) in outputs_of(stage))


def _write(name: str, files: Layout, out: Path, kind: Format, wish: Wish) -> Outcome:
    """The figure in its file, or the input that keeps it from being drawn."""
    path = out / f"{name}.{kind}"
    try:
        with style():
            drawing = FIGURES[name].draw(files, wish)
            write_whole(path, encode(drawing.figure, kind))
    except InputError as error:
        return Outcome(name, None, str(error))
    return Outcome(name, path, drawing.caption)


def outcome_table(outcomes: Sequence[Outcome]) -> Table:
    """The files that were written, the figures of the papers that they are, and what they show."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("file", "figure", "shows"):
        table.add_column(title, overflow="fold")
    for one in outcomes:
        if one.path is not None:
            table.add_row(*map(Text, (str(one.path), FIGURES[one.name].numbers, one.said)))
    return table
