"""The benchmark of paste runs and ends with its figures."""

import json

import pytest

from benchmarks.paste import main


def test_last_line_compares_with_the_limit_and_the_bars(capsys: pytest.CaptureFixture[str]) -> None:
    main(num_images=4, rounds=1, per_round=3)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["share_of_limit"] == pytest.approx(figures["random"] / figures["limit"], abs=0.01)
    assert min(figures[side] for side in ("random", "space_maximize", "poisson", "limit")) > 0
    assert (figures["bar_share_of_limit"], figures["bar_space_maximize"]) == (0.9, 60)


def test_several_processes_are_compared_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    main(num_images=4, rounds=1, per_round=12, workers=2)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["workers"] == 2
    assert figures["times_faster"] > 0
    assert figures["bar_two_workers"] == 1.8
