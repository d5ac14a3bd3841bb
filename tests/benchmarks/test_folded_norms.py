"""The benchmark runs, and its last line holds its figures."""

import json

import pytest

from benchmarks import folded_norms


def test_both_ways_are_timed(capsys: pytest.CaptureFixture[str]) -> None:
    folded_norms.main("resnet_slim", side=64, batch_size=2, rounds=1, at_least=0.05)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["ms_folded"] > 0
    assert figures["times_slower"] == pytest.approx(figures["ms_as_built"] / figures["ms_folded"], rel=0.1)
