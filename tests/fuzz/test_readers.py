"""A small share of the long run in every run of the suite: each reader reads what is right and refuses the rest."""

import pytest

from tests.fuzz.readers import READERS
from tests.fuzz.sandbox import FAULT, READ, REFUSED, Result, run

DAMAGED = 15
"""Inputs of every reader beside its right ones; `python -m tests.fuzz` tries thousands."""


@pytest.fixture(scope="module")
def results() -> dict[str, list[Result]]:
    """What became of the inputs of every reader, in order."""
    jobs = [(name, seed) for name, reader in READERS.items() for seed in range(len(reader.layouts) + DAMAGED)]
    found: dict[str, list[Result]] = {name: [] for name in READERS}
    for result in run(jobs):
        found[result.reader].append(result)
    return found


@pytest.mark.parametrize("reader", list(READERS))
def test_every_input_is_read_or_refused(reader: str, results: dict[str, list[Result]]) -> None:
    num_right, own = len(READERS[reader].layouts), results[reader]
    assert [one.seed for one in own] == list(range(num_right + DAMAGED))
    assert [f"--reader {reader} --seed {one.seed}: {one.reason}" for one in own if one.outcome == FAULT] == []
    assert [one.outcome for one in own[:num_right]] == [READ] * num_right
    assert {one.outcome for one in own[num_right:]} <= {READ, REFUSED}
