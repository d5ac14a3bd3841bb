"""Detecting in the images of a data set: kept part by part, the same as in one go."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.coco_records import DetectedInstance
from empaste.detectors import detecting
from empaste.detectors.detecting import detect_data_set, detect_files
from empaste.images import RGB, write_rgb
from empaste.masks import encode_mask


def run(stream: Any, items: Sequence[Any]) -> Any:
    """The stream over the items, as one process runs it."""
    return stream(items)


class Bright:
    """Finds in every image as many instances as its pixels are bright, and ends after ``limit`` images."""

    def __init__(self, limit: int | None = None) -> None:
        self.seen: list[int] = []
        self.limit = limit

    def __call__(self, images: Iterable[RGB]) -> list[list[DetectedInstance]]:
        return [self.find(image) for image in images]

    def find(self, image: RGB) -> list[DetectedInstance]:
        if len(self.seen) == self.limit:
            raise KeyboardInterrupt
        self.seen.append(int(image[0, 0, 0]))
        rle = encode_mask(np.ones(image.shape[:2], bool))
        return [
            {"category_id": 1, "bbox": [0.0, 0.0, 3.25, 2.0], "score": 1 / (k + 3), "segmentation": rle}
            for k in range(int(image[0, 0, 0]))
        ]


def test_goes_on_with_the_same_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for number in range(7):
        files.append((number + 10, tmp_path / f"{number}.png"))
        write_rgb(files[-1][1], np.full((2, 3, 3), number, np.uint8))
    monkeypatch.setattr(detecting, "whole_batches", partial(max, 2))
    whole = detect_files(Bright(), files, 2)
    assert [row["image_id"] for row in whole[:3]] == [11, 12, 12]
    stopped = Bright(5)
    with pytest.raises(KeyboardInterrupt):
        detect_data_set(lambda: stopped, files, 2, run, tmp_path / "work")
    rest = Bright()
    assert detect_data_set(lambda: rest, files, 2, run, tmp_path / "work") == whole
    assert rest.seen == [4, 5, 6]
    assert detect_data_set(lambda: Bright(0), files, 2, run, tmp_path / "work") == whole
    assert detect_data_set(lambda: Bright(0), [], 2, run, tmp_path / "other") == []
