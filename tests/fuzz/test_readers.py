"""A small share of the long run in every run of the suite: each reader reads what is right and refuses the rest."""

import pytest

from tests.fuzz.readers import READERS
from tests.fuzz.sandbox import FAULT, READ, REFUSED, run

DAMAGED = 15
"""Inputs of every reader beside its right ones; `python -m tests.fuzz` tries thousands."""


@pytest.mark.parametrize("reader", list(READERS))
def test_every_input_is_read_or_refused(reader: str) -> None:
    num_right = len(READERS[reader].layouts)
    results = list(run(reader, range(num_right + DAMAGED)))
    faults = [f"--reader {reader} --seed {one.seed}: {one.reason}" for one in results if one.outcome == FAULT]
    assert not faults
    assert [one.outcome for one in results[:num_right]] == [READ] * num_right
    assert {one.outcome for one in results[num_right:]} <= {READ, REFUSED}
