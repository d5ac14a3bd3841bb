"""Map a pure function over items: in this process, or in worker processes; the results never depend on which.

The number of workers is a matter of the machine, not of the experiment, so it is no parameter: ``EMPASTE_WORKERS`` sets
it, and without it every core gets one.
"""

import multiprocessing
import multiprocessing.context
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from tqdm import tqdm

from empaste.errors import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_workers() -> int:
    """The number of worker processes to use, at least 1."""
    value = os.environ.get("EMPASTE_WORKERS")
    if value is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not value.isdigit() or int(value) < 1:
        raise InputError(f"EMPASTE_WORKERS is {value!r}; set it to a number of processes, 1 or more, or unset it")
    return int(value)


def map_items(
    function: Callable[[Item], Result], items: Sequence[Item], what: str, workers: int | None = None
) -> Iterator[Result]:
    """Yield ``function(item)`` in the order of ``items``, with a progress bar called ``what``.

    ``function`` must be importable, or a `functools.partial` of one that is, and pure: what it draws at random it seeds
    from the item. An error in any item ends the map with that error.
    """
    workers = num_workers() if workers is None else workers
    if workers == 1 or len(items) < 8:
        yield from tqdm(map(function, items), what, len(items), unit="image")
        return
    chunk = max(1, min(16, len(items) // (4 * workers)))
    with ProcessPoolExecutor(workers, _start_method(), _one_thread) as pool:
        try:
            yield from tqdm(pool.map(function, items, chunksize=chunk), what, len(items), unit="image")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _start_method() -> multiprocessing.context.BaseContext:
    """Workers are forked from a clean process that has imported what the stage imports, once; spawned elsewhere.

    Forked from the stage itself they would inherit its threads' locks, spawned each would import everything anew.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec and not spec.name.endswith("__main__"):
        context.set_forkserver_preload([spec.name])
    return context


def _one_thread() -> None:
    """Keep a worker to its core."""
    import cv2

    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
