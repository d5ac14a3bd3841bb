"""Disturbs stages at random moments: each must then go on, and end with the bytes of an undisturbed run.

    python -m tests.faults --count 100                    # all stages and all kinds of disturbances
    python -m tests.faults --stage paste --kind cut_file  # some of them
    python -m tests.faults --count 1 --first 17           # number 17 again

A small project runs undisturbed first. Every disturbance is drawn by its number. Something is wrong where an output is
there in part, a message is a traceback, a stage hangs, a second run fails or writes anything else, or unfinished work
is left. Standard output is a table; the exit code is 1 where something was wrong.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from empaste.artifacts.work import read_pipeline
from tests.faults.disturbing import KINDS, Outcome, disturb, finish, start
from tests.pipeline.project import TINY, make_project

STAGES = tuple(name for name in read_pipeline() if name != "report")
"""All that write data; the report draws and logs what is there."""
SMALL = TINY | {"prepare.num_train": 150, "refine.rounds": 1, "refine.iterations": 4, "refine.image_size": 64}
"""Enough images for several parts of every stage that works in parts."""


def main(
    count: int = 100,
    first: int = 0,
    stage: Annotated[str, typer.Option(help=f"names, with commas: {', '.join(STAGES)}")] = ",".join(STAGES),
    kind: Annotated[str, typer.Option(help=f"names, with commas: {', '.join(KINDS)}")] = ",".join(KINDS),
) -> None:
    """Disturb stages, and say what came of it."""
    stages, kinds = _chosen("stage", stage, STAGES), _chosen("kind", kind, tuple(KINDS))
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        project = Path(folder) / "empaste"
        make_project(project, SMALL)
        seconds = {name: _seconds(project, name) for name in stages}
        outcomes: dict[tuple[str, str], list[Outcome]] = {}
        for number in tqdm(range(first, first + count), "disturbing", unit="stage"):
            rng = np.random.default_rng([number])
            drawn = stages[int(rng.integers(len(stages)))], kinds[int(rng.integers(len(kinds)))]
            outcome = disturb(project, *drawn, seconds[drawn[0]], rng)
            outcomes.setdefault(drawn, []).append(outcome)
            for text in outcome.wrong:
                tqdm.write(f"--count 1 --first {number}: {drawn[0]}, {drawn[1]}: {text}")
    _print_table("stage", outcomes, 0)
    _print_table("kind", outcomes, 1)
    raise typer.Exit(int(any(one.wrong for several in outcomes.values() for one in several)))


def _chosen(what: str, given: str, known: tuple[str, ...]) -> list[str]:
    names = given.split(",")
    if unknown := [name for name in names if name not in known]:
        raise typer.BadParameter(f"no {what} {unknown[0]!r}; choose from {', '.join(known)}")
    return names


def _seconds(project: Path, stage: str) -> float:
    """How long an undisturbed run of ``stage`` takes."""
    began = time.monotonic()
    ended = finish(start(project, stage))
    assert ended.code == 0, ended.said
    return time.monotonic() - began


def _print_table(what: str, outcomes: dict[tuple[str, str], list[Outcome]], at: int) -> None:
    tallies: dict[str, Counter[str]] = {}
    for drawn, several in outcomes.items():
        tally = tallies.setdefault(drawn[at], Counter())
        for one in several:
            tally.update(disturbed=1, failed=int(one.hit), went_on=int(one.went_on), wrong=int(bool(one.wrong)))
    print(f"\n{what:12} {'disturbed':>9} {'failed of it':>12} {'went on':>8} {'wrong':>6}")
    for name, tally in sorted(tallies.items()):
        print(f"{name:12} {tally['disturbed']:9} {tally['failed']:12} {tally['went_on']:8} {tally['wrong']:6}")


if __name__ == "__main__":
    typer.run(main)
