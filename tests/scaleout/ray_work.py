"""What the tests let Ray workers do; they import it from the tests' folder."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from empaste.errors import InputError


def draw(item: int, seed: int) -> float:
    return float(np.random.default_rng([seed, item]).random())


def node_and_draw(item: int) -> tuple[str, float]:
    import ray

    time.sleep(0.05)
    return ray.get_runtime_context().get_node_id(), draw(item, 3)


def refuse_eleven(item: int) -> int:
    if item == 11:
        raise InputError("item 11 is bad")
    return item


def end_at_eleven(item: str) -> str:
    if item == "image 11":
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def end_once(item: int, folder: Path) -> int:
    """The first three workers that come to the items 5, 17 and 30 die of it; the next ones do not."""
    note = folder / str(item)
    if item in (5, 17, 30) and not note.exists():
        note.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return item * item


def speak_at_eleven(item: int) -> int:
    if item == 11:
        print("said of item 11", file=sys.stderr)
    return item


def name_process() -> str:
    print("a network is loaded", file=sys.stderr)
    return f"process {os.getpid()}"


def run_network(network: Callable[[], str], item: int) -> tuple[str, int]:
    return network(), item


def show_batches(items: Sequence[int], ends: Path | None = None) -> Iterator[tuple[int, ...]]:
    """For each item those of its batch of three; with ``ends``, the first worker that comes to item 13 dies of it."""
    for start in range(0, len(items), 3):
        batch = tuple(items[start : start + 3])
        if ends and 13 in batch and not ends.exists():
            ends.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        yield from [batch] * len(batch)


def end_at_thirteen(items: Sequence[int]) -> Iterator[int]:
    for item in items:
        if item == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item


def cwd_and_engine(_: int) -> tuple[str, str, str]:
    return str(Path.cwd()), os.environ["EMPASTE_ENGINE"], os.environ["EMPASTE_WORKERS"]
