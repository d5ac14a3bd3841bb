"""The sandbox says what became of an input, whatever the input does to the process that reads it."""

from pathlib import Path
from random import Random

import pytest

from tests.fuzz import inputs
from tests.fuzz.bad_readers import SCRIPT
from tests.fuzz.readers import READERS
from tests.fuzz.sandbox import FAULT, READ, REFUSED, Result, run

ACTS = (
    ("read", READ, ""),
    ("refuse", REFUSED, "a.json is empty"),
    ("say nothing", FAULT, "a message of 1 letters"),
    ("fail", FAULT, "KeyError: 'width' (bad_readers.py, fail)"),
    ("fill memory", FAULT, "memory ran out: the image is too large"),
    ("exit", FAULT, "SystemExit: 3"),
    ("write", FAULT, "on the standard error: libfoo: trouble"),
    ("notice", READ, ""),
    ("warn", FAULT, "on the standard error: "),
)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """What became of the first input of every reader that does one thing."""
    return {one.reader: one for one in run([(act, 0) for act, _, _ in ACTS], "tests.fuzz.bad_readers")}


@pytest.mark.parametrize(("act", "outcome", "reason"), ACTS)
def test_what_becomes_of_an_input(act: str, outcome: str, reason: str, results: dict[str, Result]) -> None:
    assert (results[act].outcome, results[act].reason[: len(reason)]) == (outcome, reason)


def test_a_process_that_dies_or_hangs_costs_its_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fuzz.sandbox.MAX_SECONDS", 1.0)
    results = list(run([("script", seed) for seed in range(len(SCRIPT))], "tests.fuzz.bad_readers"))
    assert [(one.seed, one.outcome) for one in results] == list(
        enumerate([READ, REFUSED, READ, FAULT, READ, FAULT, FAULT, READ])
    )
    reasons = [one.reason for one in results if one.outcome == FAULT]
    assert reasons == ["the process ended: SIGSEGV", "the process ended: exit code 4", "no answer within 1 s"]


@pytest.mark.parametrize("reader", list(READERS))
def test_a_seed_stands_for_the_same_input_every_time(tmp_path: Path, reader: str) -> None:
    one = READERS[reader]
    for layout in one.layouts[:3]:
        files = inputs.template(layout, tmp_path / str(id(layout)))
        assert files
        assert all(isinstance(content, bytes) for content in files.values())
        for seed in range(5):
            assert inputs.damaged(files, Random(seed)) == inputs.damaged(files, Random(seed))
