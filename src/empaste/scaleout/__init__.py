"""Map a pure function over items: in this process, in worker processes, or on a Ray cluster.

The results never depend on which. The engine and the number of workers are a matter of the machine, not of the
experiment, so they are no parameters: ``EMPASTE_ENGINE`` and ``EMPASTE_WORKERS`` set them.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from tqdm import tqdm

from empaste.errors import InputError
from empaste.scaleout.processes import map_in_processes
from empaste.scaleout.workers import Network, chunk_size, num_workers

__all__ = [
    "ENGINES",
    "Network",
    "chosen_engine",
    "describe_engine",
    "map_items",
    "num_workers",
    "stream_items",
]

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("local", "ray")
BATCHES = 4
"""Batches that a worker on a cluster streams at once, so that it can prepare some while its network is at work."""
FEW = 8
"""Of fewer items, no other process is worth its start."""


def map_items(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    what: str,
    workers: int | None = None,
    network: Network | None = None,
    unit: str = "image",
) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of ``items``, with a progress bar called ``what`` that counts ``unit``.

    ``function`` must be importable, or a `functools.partial` of one that is, and pure: what it draws at random it seeds
    from the item. ``workers`` is the number of processes, None as many as there is room for. A network that it runs is
    a `per_process.PerProcess`; where that takes a device or several threads, ``network`` says what one worker takes,
    and the function runs in this process on one machine, on a cluster wherever there is room. An error in any item ends
    the map with that error. `InputError` where a worker dies, on Ray where several die of the same item; it names the
    item.
    """
    alone = workers == 1 or len(items) < FEW
    if chosen_engine() == "ray" and items and (network or not alone):
        from empaste.scaleout.ray_engine import stream_on_ray, workers_on_cluster

        number = workers_on_cluster(what, network, None if network else workers)
        size = 1 if network else chunk_size(len(items), number)
        yield from stream_on_ray(partial(_one_by_one, function), items, what, unit, number, network, size)
    elif network or alone or (workers or num_workers()) == 1:
        yield from tqdm(map(function, items), what, len(items), unit=unit)
    else:
        yield from map_in_processes(function, items, what, unit, workers or num_workers())


def stream_items(
    stream: Callable[[Sequence[Item]], Iterable[Result]],
    items: Sequence[Item],
    what: str,
    network: Network,
    batch_size: int = 1,
    unit: str = "image",
) -> Iterator[Result]:
    """Yield what ``stream(items)`` yields: a result for each item, in order; with a progress bar as for `map_items`.

    ``stream`` is a pure function that runs a network (see `map_items`) and can prepare items ahead of it. A result
    depends on no other items than those of its batch, of ``batch_size``. So several workers can stream some whole
    batches each.
    """
    if chosen_engine() == "ray" and items:
        from empaste.scaleout.ray_engine import stream_on_ray, workers_on_cluster

        number = workers_on_cluster(what, network, None)
        yield from stream_on_ray(stream, items, what, unit, number, network, BATCHES * batch_size, batch_size)
    else:
        yield from tqdm(stream(items), what, len(items), unit=unit)


def _one_by_one(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    return map(function, items)


def chosen_engine() -> str:
    """What ``EMPASTE_ENGINE`` names, local where it is unset. `InputError` where it names no engine."""
    engine = os.environ.get("EMPASTE_ENGINE", ENGINES[0])
    if engine not in ENGINES:
        raise InputError(f"EMPASTE_ENGINE is {engine!r}; choose from {', '.join(ENGINES)}, or unset it")
    return engine


def describe_engine() -> str:
    """Where maps run, in words. `InputError` where that cannot be: no such engine, no Ray, no cluster that answers."""
    if chosen_engine() == "local":
        return f"{num_workers()} worker processes (EMPASTE_WORKERS)"
    from empaste.scaleout.cluster import find_cluster

    address = find_cluster()
    place = "a Ray cluster on this machine, for each stage" if address == "local" else f"the Ray cluster {address}"
    return f"{place} (EMPASTE_ENGINE, RAY_ADDRESS)"
