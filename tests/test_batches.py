"""Batches for networks: full, in order, and prepared ahead by threads."""

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.batches import map_ahead, rebatch


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 7))
def test_batches_hold_every_row_once_in_order(lengths: list[int], batch_size: int) -> None:
    rows = np.arange(sum(lengths))
    groups = [[part, -part] for part in np.split(rows, np.cumsum(lengths))[:-1]]
    batches = list(rebatch(groups, batch_size))
    assert all(len(batch[0]) == batch_size for batch in batches[:-1])
    assert all(len(batch[0]) for batch in batches)
    assert [row for batch in batches for row in batch[0]] == rows.tolist()
    assert all((batch[1] == -batch[0]).all() for batch in batches)


def test_mapped_ahead_in_order_and_not_further() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = map_ahead(lambda number: (number**2, threading.current_thread().name), items(), ahead=3)
    assert next(results)[0] == 0
    assert len(taken) == 4
    assert [square for square, _ in results] == [number**2 for number in range(1, 20)]


def test_an_error_in_a_thread_is_raised() -> None:
    def fail(number: int) -> int:
        raise ValueError(f"item {number}")

    with pytest.raises(ValueError, match="item 0"):
        list(map_ahead(fail, range(5)))
