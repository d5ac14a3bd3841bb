"""The benchmark runs, and its last line holds its figures."""

import json

import pytest

from benchmarks import kept_memory


def test_both_ways_are_timed(capsys: pytest.CaptureFixture[str]) -> None:
    kept_memory.main("resnet_slim", side=64, batch_size=4, passes=5, rounds=1, kept=False, alone=False)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["seconds"] > 0
    assert figures["times_slower"] == pytest.approx(figures["seconds"] / figures["seconds_kept"], rel=0.2)
