"""Every item comes once before any comes again, batches are full, and the generator decides on the order."""

from itertools import chain

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from empaste.shuffling import shuffled_batches


@given(st.integers(1, 9), st.integers(1, 20), st.integers(0, 12), st.integers(0, 5))
def test_all_come_before_any_comes_again(num: int, batch_size: int, steps: int, seed: int) -> None:
    batches = list(shuffled_batches(num, batch_size, steps, np.random.default_rng(seed)))
    assert [len(batch) for batch in batches] == [batch_size] * steps
    flat = list(chain.from_iterable(batches))
    for start in range(0, len(flat) - num + 1, num):
        assert sorted(flat[start : start + num]) == list(range(num))
    assert batches == list(shuffled_batches(num, batch_size, steps, np.random.default_rng(seed)))


def test_passes_differ() -> None:
    first, second = shuffled_batches(50, 50, 2, np.random.default_rng(0))
    assert first != second
