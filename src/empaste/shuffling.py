"""The order in which a training sees its items, where steps are counted and not passes."""

from collections.abc import Iterator

import numpy as np


def shuffled_batches(num: int, batch_size: int, steps: int, rng: np.random.Generator) -> Iterator[list[int]]:
    """The places of every step's items, of ``num``, at least one: all come in a random order, then all in another.

    A batch may begin with the last of one order and end with the first of the next, so all are full.
    """
    queue = list[int]()
    for _ in range(steps):
        while len(queue) < batch_size:
            queue += rng.permutation(num).tolist()
        yield queue[:batch_size]
        queue = queue[batch_size:]
