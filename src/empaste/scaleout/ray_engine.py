"""Maps on a Ray cluster: workers that live as long as the map take chunks of items; a lost one's chunks are done again.

Workers are Ray actors, so that each loads a network once, and keeps its GPU. Results are fetched as they come and
handed on in order. Only so many chunks are begun ahead of the one that is handed on next (`WINDOW`), so the memory of
this process and of Ray's object store stays bounded, and nothing has to be spilled to a disk.
"""

import io
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tqdm import tqdm

from empaste.errors import InputError
from empaste.scaleout.cluster import connect, enter, environment, places, resources, versions
from empaste.scaleout.workers import WINDOW, Network, show_items

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Chunks that a worker has at once, so that it does not wait for its next one."""
TRIES = 3
"""How many workers may die of one item, and of none."""
WAIT_SECONDS = 30


class Chunk(NamedTuple):
    """Consecutive items, by the number of the first."""

    first: int
    size: int
    alone: bool = False
    """Whether a worker has it alone: of a batch that may have ended one, it must be known that no other did."""

    def batches(self, size: int) -> list["Chunk"]:
        """Its batches of ``size`` items, each to be done alone."""
        starts = range(self.first, self.first + self.size, size)
        return [Chunk(start, min(size, self.first + self.size - start), alone=True) for start in starts]


def workers_on_cluster(what: str, network: Network | None, workers: int | None) -> int:
    """How many workers to start, where not so many are asked for; see `cluster.places`."""
    ray = connect()
    return workers or places(ray, resources(ray, network), what)


def stream_on_ray(
    stream: Callable[[Sequence[Item]], Iterable[Result]],
    items: Sequence[Item],
    what: str,
    unit: str,
    workers: int,
    network: Network | None,
    size: int,
    batch_size: int = 1,
) -> Iterator[Result]:
    """`scaleout.stream_items` on the cluster in use, by ``workers`` that are given ``size`` items at once.

    `InputError` where the cluster, or one of its nodes, cannot be used, and where an item ends every worker.
    """
    ray = connect()
    number = min(workers, -(-len(items) // size))
    running = _Map(ray, stream, items, what, Sizes(size, batch_size), number, resources(ray, network))
    try:
        yield from tqdm(running.results(), what, len(items), unit=unit)
    finally:
        running.end()


class Sizes(NamedTuple):
    """Items that a worker is given at once, and those that must stay together when a chunk is done again."""

    chunk: int
    batch: int


class Worker:
    """What runs on the nodes: the function of one map."""

    def begin(self, folder: str, wanted: dict[str, str], function: Sequence[Any]) -> None:
        """Take the function, in the folder of the stage. `InputError` where this node cannot do the stage's work."""
        enter(folder, wanted)
        import cv2
        import ray

        cv2.setNumThreads(1)
        self.function = ray.get(function[0])

    def work(self, items: Sequence[Any]) -> tuple[list[Any], str]:
        """The results of ``items``, and what was printed to stderr meanwhile."""
        said = io.StringIO()
        with redirect_stderr(said):
            return list(self.function(items)), said.getvalue()


class _Map:
    """One map at work: a class, because workers, their chunks and the results that wait change together."""

    def __init__(
        self, ray: Any, function: Any, items: Sequence[Any], what: str, sizes: Sizes, workers: int, each: dict[str, int]
    ) -> None:
        self.ray, self.items, self.what, self.sizes = ray, items, what, sizes
        self.begin = partial(self._begin, str(Path.cwd()), versions(), [ray.put(function)])
        self.start = ray.remote(max_restarts=0, runtime_env={"env_vars": environment()}, **each)(Worker).remote
        self.window = WINDOW * sizes.chunk * workers
        self.beginning: dict[Any, Any] = {}
        self.at_work: dict[Any, deque[tuple[Any, Chunk]]] = {}
        """Worker → its chunks with the references to their results, the one at work first."""
        self.again: deque[Chunk] = deque()
        self.next = 0
        self.deaths: Counter[Chunk | None] = Counter()
        for _ in range(workers):
            self.begin()

    def _begin(self, *arguments: Any) -> None:
        """One more worker begins, wherever there is a place for it."""
        worker = self.start()
        self.beginning[worker.begin.remote(*arguments)] = worker

    def results(self) -> Iterator[Any]:
        """The results of all items, in order."""
        done: dict[int, list[Any]] = {}
        handed_on = 0
        while handed_on < len(self.items):
            self._hand_out(handed_on + self.window)
            done |= self._collect()
            while handed_on in done:
                results = done.pop(handed_on)
                handed_on += len(results)
                yield from results

    def _hand_out(self, end: int) -> None:
        """Every worker has chunks to do, as long as there are some of items below ``end``."""
        for worker, chunks in sorted(self.at_work.items(), key=lambda pair: len(pair[1])):
            while (room := _room(chunks)) and (chunk := self._next_chunk(end, alone=room == AHEAD)):
                several = [self.items[number] for number in range(chunk.first, chunk.first + chunk.size)]
                chunks.append((worker.work.remote(several), chunk))

    def _next_chunk(self, end: int, alone: bool) -> Chunk | None:
        """What is to be done next, for a worker that has nothing else (``alone``) or for any."""
        if self.again:
            return self.again.popleft() if alone or not self.again[0].alone else None
        if self.next >= min(end, len(self.items)):
            return None
        chunk = Chunk(self.next, min(self.sizes.chunk, len(self.items) - self.next))
        self.next += chunk.size
        return chunk

    def _collect(self) -> dict[int, list[Any]]:
        """What has come since, at least something, by the number of the first item."""
        owners = {reference: worker for worker, chunks in self.at_work.items() for reference, _ in chunks}
        waiting = [*self.beginning, *owners]
        ready, _ = self.ray.wait(waiting, num_returns=1, timeout=WAIT_SECONDS)
        if not ready and not self.at_work:
            print(f"{self.what}: waiting for a free place on the Ray cluster", file=sys.stderr)
        ready, _ = self.ray.wait(waiting, num_returns=len(waiting), timeout=0)
        done: dict[int, list[Any]] = {}
        for reference in ready:
            if reference in self.beginning:
                self._welcome(reference)
            elif owners[reference] in self.at_work:
                done |= self._take(owners[reference], reference)
        return done

    def _welcome(self, reference: Any) -> None:
        """A worker that has begun gets chunks; in place of one that died as it began, another one begins."""
        worker = self.beginning.pop(reference)
        try:
            self._get(reference)
        except self.ray.exceptions.RayError as error:
            self._count_death(None, error)
            self.begin()
        else:
            self.at_work[worker] = deque()

    def _take(self, worker: Any, reference: Any) -> dict[int, list[Any]]:
        """The results of one chunk, by the number of its first item; none where ``worker`` died."""
        try:
            results, said = self._get(reference)
        except self.ray.exceptions.RayError as error:
            self._replace(worker, error)
            return {}
        if said:
            tqdm.write(said, file=sys.stderr, end="")
        chunks = self.at_work[worker]
        chunk = next(one for at, one in chunks if at == reference)
        chunks.remove((reference, chunk))
        return {chunk.first: results}

    def _get(self, reference: Any) -> Any:
        """What ``reference`` stands for; an error of the function is raised as the function raised it."""
        errors = self.ray.exceptions
        try:
            return self.ray.get(reference)
        except errors.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, (errors.ObjectStoreFullError, errors.OutOfDiskError)):
                raise InputError(
                    f"{self.what}: the object store of a Ray node is full; give it more memory (ray start "
                    "--object-store-memory), or run with fewer workers (EMPASTE_WORKERS)"
                ) from error
            raise cause from error

    def _replace(self, worker: Any, error: Exception) -> None:
        """Another worker begins in place of ``worker``, which died; its chunks are done again, the first by batch."""
        chunks = [chunk for _, chunk in self.at_work.pop(worker)]
        self.ray.kill(worker)  # it may have lost its connection alone
        at_work, *rest = chunks
        if at_work.alone:
            self._count_death(at_work, error)
        self.again.extendleft(reversed([*at_work.batches(self.sizes.batch), *rest]))
        self.begin()

    def _count_death(self, chunk: Chunk | None, error: Exception) -> None:
        """A worker died at work on ``chunk``, or as it began; `InputError` where that was too often."""
        self.deaths[chunk] += 1
        if self.deaths[chunk] < TRIES:
            return
        place = "as it began"
        if chunk:
            several = "item" if chunk.size == 1 else f"a batch of {chunk.size} items, from"
            place = f"at work on {several} {show_items(self.items, [chunk.first])}"
        raise InputError(
            f"{self.what}: {TRIES} Ray workers ended, one after the other, {place} ({_reason(error)}). A worker that "
            "lacks memory ends so: run with fewer (EMPASTE_WORKERS)"
            + ("" if chunk is None else "; where it ends at the same item again, leave that one out")
        ) from error

    def end(self) -> None:
        """No worker is left."""
        for worker in (*self.beginning.values(), *self.at_work):
            self.ray.kill(worker)


def _room(chunks: Sequence[tuple[Any, Chunk]]) -> int:
    """How many more chunks a worker takes that has these."""
    return 0 if any(chunk.alone for _, chunk in chunks) else AHEAD - len(chunks)


def _reason(error: Exception) -> str:
    """The last line that Ray says of the death of a worker, in short."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].partition("Some common causes")[0].strip()[:300] if lines else type(error).__name__
