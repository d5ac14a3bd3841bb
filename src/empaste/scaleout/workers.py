"""How many workers there are, what each takes, and how messages show the item that one was at."""

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from empaste.errors import InputError

VARIABLE = "EMPASTE_WORKERS"
WINDOW = 4
"""Chunks of items per worker that are begun and not handed on yet, so that results which wait take bounded memory."""


class Network(NamedTuple):
    """What one worker takes that runs a network: a device as ``devices.torch_device`` names it, and CPU threads."""

    device: str
    num_threads: int
    """0: all cores."""


def num_workers() -> int:
    """The number of workers to use on this machine, at least 1: what ``EMPASTE_WORKERS`` says, else one per core."""
    asked = workers_asked_for()
    if asked is not None:
        return asked
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_asked_for() -> int | None:
    """What ``EMPASTE_WORKERS`` says; None where it is unset. `InputError` where it is no number."""
    value = os.environ.get(VARIABLE)
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise InputError(f"{VARIABLE} is {value!r}; set it to a number of processes, 1 or more, or unset it")
    return int(value)


def chunk_size(num_items: int, workers: int) -> int:
    """How many items are sent to a worker at once: few enough that all workers end together."""
    return max(1, min(16, num_items // (4 * workers)))


def show_items(items: Sequence[Any], numbers: Sequence[int]) -> str:
    """The first of the items with these numbers, for a message: "12 of 20 ('image 11')"."""
    return ", ".join(f"{number + 1} of {len(items)} ({_shown(items[number])})" for number in numbers[:3])


def _shown(item: Any) -> str:
    text = " ".join(repr(item).split())
    return text if len(text) <= 160 else f"{text[:159]}…"
