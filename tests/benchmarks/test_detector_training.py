"""The benchmark of training runs and ends with its figures."""

import json

import pytest

from benchmarks.detector_training import covered, main


def test_every_row_has_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    main(
        backend=["torchvision"], precision=["float32", "bfloat16"], compiled=False, architecture="resnet_slim",
        heads="standard", width=8, image_size=64, batch_size=2, steps=1, num_threads=1, num_workers=0, device="cpu",
    )  # fmt: skip
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures["rows"]) == {"torchvision, float32", "torchvision, bfloat16"}
    for row in figures["rows"].values():
        assert row["images_per_second"] == pytest.approx(2 / row["seconds_per_step"])
        assert row["process_gib"] > 0
    assert figures["hardware"] == "cpu, 1 thread(s)"


def test_what_cannot_be_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    main(backend=["torchvision"], architecture="resnet_slim", heads="v2", steps=1)
    told = capsys.readouterr().out
    assert "torchvision, float32: not run: train.heads is 'v2', but resnet_slim has heads of its own" in told
    assert json.loads(told.splitlines()[-1])["rows"] == {}


def test_time_is_counted_once_where_kernels_overlap() -> None:
    assert covered([(5, 7), (0, 2), (1, 4), (5, 6), (9, 9.5)]) == pytest.approx(4 + 2 + 0.5)
    assert covered([]) == 0
