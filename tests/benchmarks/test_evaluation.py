"""The benchmark of the evaluation runs, ends with its figures, and finds no gap."""

import json

import pytest

from benchmarks.evaluation import main


def test_both_sides_agree(capsys: pytest.CaptureFixture[str]) -> None:
    main(num_images=12, num_classes=3)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["largest_gap"] < 1e-6
    assert min(figures["ours_s"], figures["pycocotools_s"]) > 0
