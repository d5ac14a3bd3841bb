"""Map a pure function over items: in this process, in worker processes, or on a Ray cluster.

The results never depend on which. The engine and the number of workers are a matter of the machine, not of the
experiment, so they are no parameters: ``EMPASTE_ENGINE`` and ``EMPASTE_WORKERS`` set them.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from tqdm import tqdm

from empaste.errors import InputError
from empaste.scaleout.per_process import PerProcess
from empaste.scaleout.processes import map_in_processes
from empaste.scaleout.workers import Network, num_workers

__all__ = ["ENGINES", "Network", "PerProcess", "chosen_engine", "describe_engine", "map_items", "num_workers"]

Item = TypeVar("Item")
Result = TypeVar("Result")

ENGINES = ("local", "ray")
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
    from the item. A function that runs a network holds it as a `PerProcess`, and ``network`` says what one worker
    takes; on one machine it runs in this process. An error in any item ends the map with that error. `InputError` where
    a worker dies, on Ray where several die of the same item; it names the item.
    """
    alone = workers == 1 or len(items) < FEW
    if chosen_engine() == "ray" and items and (network or not alone):
        from empaste.scaleout.ray_engine import map_on_ray

        yield from map_on_ray(function, items, what, unit, workers, network)
    elif network or alone or (workers or num_workers()) == 1:
        yield from tqdm(map(function, items), what, len(items), unit=unit)
    else:
        yield from map_in_processes(function, items, what, unit, workers or num_workers())


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
