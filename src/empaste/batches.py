"""Work for a network prepared ahead of it by threads, and joined to batches that are full."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int = 4) -> Iterator[Result]:
    """Yield ``function(item)`` in order while threads compute the next ``ahead``, so that memory stays bounded."""
    running: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(ahead) as pool:
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) > ahead:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def rebatch(groups: Iterable[Sequence[np.ndarray]], batch_size: int) -> Iterator[list[np.ndarray]]:
    """The rows of aligned arrays in order, in batches of ``batch_size``; the last may be smaller, none is empty."""
    waiting: list[Sequence[np.ndarray]] = []
    count = 0
    for group in groups:
        waiting.append(group)
        count += len(group[0])
        while count >= batch_size:
            joined = [np.concatenate(arrays) for arrays in zip(*waiting, strict=True)]
            yield [array[:batch_size] for array in joined]
            waiting = [[array[batch_size:] for array in joined]]
            count -= batch_size
    if count:
        yield [np.concatenate(arrays) for arrays in zip(*waiting, strict=True)]
