"""The benchmark of the detector's data runs and ends with its figures; both sides see the same things."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from benchmarks.detector_data import PARTS, as_tv_tensors, drawn, main, photographs, write_data_set
from empaste.detectors.composites import open_composites
from empaste.images import encode_rgb


def test_last_line_compares_with_the_peer_and_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    main(num_images=2, rounds=1, per_round=2, size=64)
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["ratio"] == pytest.approx(figures["ms_per_sample"] / figures["peer_ms_per_sample"], rel=0.01)
    assert figures["ms_per_sample"] > 0
    assert figures["bar_ms"] == 40
    assert tuple(figures["parts"]) == PARTS
    assert min(figures["parts"].values()) >= 0


def test_photographs_come_with_their_instances(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.jpg").write_bytes(encode_rgb(np.full((30, 40, 3), 9, np.uint8), ".jpg"))
    square = {"category_id": 1, "segmentation": [[5, 5, 15, 5, 15, 15, 5, 15]]}
    content = {
        "images": [{"id": k, "file_name": f"{k}.jpg", "height": 30, "width": 40} for k in (1, 2, 3)],
        "annotations": [{"id": 1, "image_id": 1, **square}, {"id": 2, "image_id": 3, **square}],
        "categories": [{"id": 1, "name": "square"}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(content))
    [(data, rles)] = photographs(tmp_path, tmp_path / "coco.json", 9)  # 2 shows nothing, of 3 there is no file
    assert data == (tmp_path / "1.jpg").read_bytes()
    assert [rle["size"] for rle in rles] == [[30, 40]]
    with pytest.raises(typer.BadParameter, match="--instances"):
        next(photographs(tmp_path, None, 1))


def test_both_sides_start_from_the_same(tmp_path: Path) -> None:
    items = list(drawn(1))
    write_data_set(tmp_path, items)
    ours = open_composites(tmp_path).load(0)
    image, targets = as_tv_tensors(*items[0])
    assert np.abs(ours.image.transpose(2, 0, 1).astype(int) - image.numpy()).mean() < 2  # two decoders of JPEG
    np.testing.assert_array_equal(ours.masks, targets["masks"].numpy())
    assert targets["boxes"].shape == (len(ours.labels), 4)
