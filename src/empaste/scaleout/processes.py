"""Maps in worker processes of this machine."""

import multiprocessing
import multiprocessing.context
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from empaste.errors import InputError
from empaste.scaleout.workers import VARIABLE, WINDOW, chunk_size, show_items

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], what: str, unit: str, workers: int
) -> Iterator[Result]:
    """`scaleout.map_items` in worker processes. `InputError` where one dies; it names the item that it worked on.

    At most `WINDOW` chunks of items per worker are begun ahead of the results that were taken.
    """
    with (
        tempfile.TemporaryDirectory(prefix="empaste-") as notes,
        ProcessPoolExecutor(workers, _start_method(), _set_up_worker, (function, Path(notes))) as pool,
    ):
        others = set(multiprocessing.active_children())
        processes: set[BaseProcess] = set()
        size = chunk_size(len(items), workers)

        def begin(first: int) -> Future[list[Result]]:
            with _ctrl_c_later():
                begun = pool.submit(_work_all, first, items[first : first + size])
                if len(processes) < workers:  # the pool starts them as it is given work
                    processes.update(set(multiprocessing.active_children()) - others)
            return begun

        try:
            results = _in_order(map(begin, range(0, len(items), size)), WINDOW * workers)
            yield from tqdm(results, what, len(items), unit=unit)
        except BrokenProcessPool as error:
            # Two threads that ask a process for its exit code at once may get a wrong one: the pool's has to end first.
            pool.shutdown(wait=True)
            raise InputError(_what_died(what, processes, Path(notes), items, workers)) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                if process.pid is not None and process.is_alive():
                    os.kill(process.pid, signal.SIGINT)
            raise


def _in_order(chunks: Iterator[Future[list[Result]]], window: int) -> Iterator[Result]:
    """The results of ``chunks``, each of which begins as it is taken: ``window`` of them ahead."""
    begun = deque(islice(chunks, window))
    while begun:
        results = begun.popleft().result()
        begun.extend(islice(chunks, 1))
        yield from results


@dataclass
class _Worker:
    """What a worker process knows of itself: its function, and the folder in which it notes the item at work.

    The function is sent once to every process and not with every chunk of items, so that what it holds `PerProcess` is
    made once, too.
    """

    function: Callable[[Any], Any]
    notes: Path
    at_work: bool = False
    stopped: bool = False


_workers: list[_Worker] = []
"""The one of this process, where it is a worker."""


def _work_all(first: int, items: Iterable[Any]) -> list[Any]:
    """The function's results for ``items``, of which the first is item ``first`` of the map."""
    return [_work(number, item) for number, item in enumerate(items, first)]


def _work(number: int, item: Any) -> Any:
    """The function's result for ``item``; while it runs, a note says that this process works on item ``number``."""
    (worker,) = _workers
    if worker.stopped:
        raise KeyboardInterrupt
    note = worker.notes / str(os.getpid())
    note.write_text(str(number))
    worker.at_work = True
    try:
        return worker.function(item)
    finally:
        worker.at_work = False
        note.unlink()


def _stop(*_: object) -> None:
    """End the item at work and those after it; a worker that waits would end with a traceback and is left to wait."""
    (worker,) = _workers
    worker.stopped = True
    if worker.at_work:
        raise KeyboardInterrupt


def _what_died(what: str, processes: Collection[BaseProcess], notes: Path, items: Sequence[Any], workers: int) -> str:
    """A sentence on the worker process that ended of itself, and what it was at."""
    at_work = {int(file.name): file.read_text() for file in notes.iterdir()}
    # Those that are left are ended by the pool.
    ends = {process.pid: process.exitcode for process in processes if process.exitcode not in (None, 0)}
    dead = {pid: code for pid, code in ends.items() if code != -signal.SIGTERM} or dict.fromkeys(at_work)
    # One that was killed as it began to write its note has left an empty one.
    numbers = sorted(int(note) for pid, note in at_work.items() if pid in dead and note)
    place = f"at work on item {show_items(items, numbers)}" if numbers else "before it began an item"
    return (
        f"{what}: a worker process {_how_it_ended(next(iter(dead.values()), None))} {place}. "
        f"Run again with fewer processes, which need less memory ({VARIABLE}, now {workers})"
        + ("; where it ends at the same item again, leave that one out" if numbers else "")
    )


def _how_it_ended(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "was killed, as the system does where memory runs out,"
    if code is not None and code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return "ended" if code is None else f"ended with exit code {code}"


def _start_method() -> multiprocessing.context.BaseContext:
    """Workers are forked from a clean process that has imported what the stage imports, once; spawned elsewhere.

    Forked from the stage itself they would inherit its threads' locks, spawned each would import everything anew. The
    stage's own module is not among the imports: every worker runs it under another name, as its main module.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    if spec and spec.parent and not spec.name.endswith("__main__"):
        # The stage's package first: it says where this workspace's code lies.
        context.set_forkserver_preload([spec.parent, *sorted(name for name in sys.modules if _is_ours(name))])
    return context


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == __name__.partition(".")[0]


@contextmanager
def _ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back within the block, and in processes that start there until they are set up."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _set_up_worker(function: Callable[[Any], Any], notes: Path) -> None:
    """Give a worker its function, keep it to its core, and let Ctrl-C end no more than its work."""
    import cv2

    _workers.append(_Worker(function, notes))
    signal.signal(signal.SIGINT, _stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
