"""Shares a small project through real servers, and lets everything go wrong that may.

    python -m tests.remotes                              # every scenario over every kind of store; minutes
    python -m tests.remotes --kind s3 --scenario a_file_is_corrupted

Standard output says for each what the one concerned was told; the exit code is 1 where something was wrong.
"""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from tests.remotes.places import KINDS, Place, open_place
from tests.remotes.scenarios import SCENARIOS, NotHereError
from tests.remotes.small_project import make_small_project


def main(
    kind: Annotated[str, typer.Option(help=f"names, with commas: {', '.join(KINDS)}")] = ",".join(KINDS),
    scenario: Annotated[str, typer.Option(help=f"names, with commas: {', '.join(SCENARIOS)}")] = ",".join(SCENARIOS),
) -> None:
    """Run scenarios, and say what came of them."""
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="remotes-") as folder:
        maker = make_small_project(Path(folder) / "maker")
        for name in kind.split(","):
            if reason := KINDS[name].lacking():
                print(f"{name}: left out: {reason}")
                continue
            with open_place(name, maker, Path(folder) / name) as place:
                wrong += sum(not run(place, one) for one in scenario.split(","))
    raise typer.Exit(int(wrong > 0))


def run(place: Place, scenario: str) -> bool:
    """Whether all was right with a scenario, which is told."""
    began, right = time.monotonic(), True
    try:
        said = SCENARIOS[scenario](place)
    except NotHereError as error:
        said = f"left out: {error}"
    except AssertionError as error:
        said, right = f"WRONG: {error}", False
    took = time.monotonic() - began
    print(f"\n{place.store.name}, {scenario}, {took:.1f} s", *said.strip().split("\n"), sep="\n  ", flush=True)
    return right


if __name__ == "__main__":
    typer.run(main)
