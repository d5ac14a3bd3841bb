"""Feeds damaged inputs to every reader: each must be read whole, or refused in words.

    python -m tests.fuzz --runs 3000                  # all readers
    python -m tests.fuzz --reader coco --runs 500     # one of them
    python -m tests.fuzz --reader coco --seed 17      # one input again, kept, with its traceback

A fault is any other exception than `InputError`, a crash, more than 10 s or 2 GiB, or anything on the standard error
that does not belong there. Standard output is a table; the exit code is 1 where there was a fault.
"""

import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from tests.fuzz.readers import READERS
from tests.fuzz.sandbox import FAULT, READ, REFUSED, Result, limit_memory, run, try_input

SHOWN = 12


def main(
    reader: Annotated[str, typer.Option(help=f"names, with commas: {', '.join(READERS)}")] = ",".join(READERS),
    runs: Annotated[int, typer.Option(help="inputs of every reader")] = 3000,
    first_seed: int = 0,
    seed: Annotated[int | None, typer.Option(help="read this one input of one reader again, and keep it")] = None,
) -> None:
    """Read damaged inputs and say what came of them."""
    names = reader.split(",")
    if unknown := [name for name in names if name not in READERS]:
        raise typer.BadParameter(f"no reader {unknown[0]!r}; choose from {', '.join(READERS)}")
    if seed is not None:
        _again(names[0], seed)
        return
    print(f"{'reader':16} {'inputs':>7} {'read':>7} {'refused':>8} {'faults':>7} {'slowest':>8} {'memory':>9}")
    num_faults = 0
    for name in names:
        start = time.monotonic()
        results = list(run([(name, number) for number in range(first_seed, first_seed + runs)]))
        num_faults += _print_row(name, results, time.monotonic() - start)
    raise typer.Exit(int(num_faults > 0))


def _again(reader: str, seed: int) -> None:
    place = Path(tempfile.mkdtemp(prefix=f"fuzz-{reader}-{seed}-"))
    limit_memory()
    result = try_input(READERS, reader, seed, place, keep=True)
    print(f"{result.outcome}: {result.reason}")
    print(f"{result.seconds:.2f} s, {result.grown_bytes / 2**20:.0f} MiB, {place / 'input'}")
    raise typer.Exit(int(result.outcome == FAULT))


def _print_row(name: str, results: list[Result], seconds: float) -> int:
    """One row of the table, and under it the first faults of every kind; returns how many there were."""
    counts = Counter(result.outcome for result in results)
    slow = max(results, key=lambda result: result.seconds)
    grown = max((result.grown_bytes for result in results), default=0)
    print(
        f"{name:16} {len(results):7,} {counts[READ]:7,} {counts[REFUSED]:8,} {counts[FAULT]:7,} {slow.seconds:6.2f} s "
        f"{grown / 2**20:5.0f} MiB   ({seconds:.0f} s; slowest: seed {slow.seed})",
        flush=True,
    )
    kinds: dict[str, list[Result]] = {}
    for result in results:
        if result.outcome == FAULT:
            kinds.setdefault(result.reason[:60], []).append(result)
    for found in sorted(kinds.values(), key=len, reverse=True)[:SHOWN]:
        print(f"    {len(found)} ×, --reader {name} --seed {found[0].seed}: {found[0].reason}", flush=True)
    return counts[FAULT]


if __name__ == "__main__":
    typer.run(main)
