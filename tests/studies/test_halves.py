"""Precision of foregrounds on halves and parts of a small world in which the right choice is known."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.masks import encode_mask
from empaste.studies import halves
from empaste.studies.halves import measure_halves

NUM_IMAGES = 8
LEFT, RIGHT = 3, 20
"""Where the two segments of an image lie; the ball is at the left, in image 8 between the two."""


def square(x: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[5:9, x : x + 4] = True
    return mask


def foregrounds(segment_ids: list[int], image_ids: list[int]) -> pd.DataFrame:
    told = {"class_id": 1, "distance": 1.0, "prob": 0.9, "confidence": 0.9, "inlier": True, "cam_empty": False}
    table = pd.DataFrame({"image_id": image_ids, "segment_id": segment_ids, "instance": 0} | told)
    return table[list(Foregrounds.to_schema().columns)]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """An experiment's files: Step 1 is wrong in images 1 and 2, the pool lacks image 3."""
    layout, ids = HERE.below(tmp_path / "run"), list(range(1, NUM_IMAGES + 1))
    files = [f"train/{'ab'[i > 4]}{i}.png" for i in ids]
    images = pd.DataFrame({"image_id": ids, "split": "train", "file_name": files, "height": 20, "width": 30})
    classes = pd.DataFrame({"class_id": [1], "name": ["ball"], "supercategory": ["sports"]})
    box = {"y": 5, "box_width": 4, "box_height": 4, "area": 16, "height": 20, "width": 30, "score": 0.5}
    rows = [
        {"segment_id": 2 * i + k, "image_id": i + 1, "counts": encode_mask(square(x))["counts"], "x": x} | box
        for i in range(NUM_IMAGES)
        for k, x in enumerate((LEFT, RIGHT))
    ]
    write_table(images, layout.images / "images.parquet", Images)
    write_table(classes, layout.labels / "classes.parquet", Classes)
    write_table(pd.DataFrame({"image_id": ids, "class_id": 1}), layout.labels / "labels.parquet", Labels)
    write_table(pd.DataFrame(rows)[list(Segments.to_schema().columns)], layout.segments / "segments.parquet", Segments)
    truth = [instance(i, i, 1, encode_mask(square(LEFT if i < NUM_IMAGES else 10))) for i in ids]
    write_coco(layout.train_truth, coco_dataset(images, classes, truth, "test"))
    left = [2 * i for i in range(NUM_IMAGES)]
    first = [segment + (segment < 4) for segment in left]
    for name, chosen, image_ids in (
        ("iter_0", first, ids),
        ("pool", left[:2] + left[3:], ids[:2] + ids[3:]),
    ):
        write_table(foregrounds(chosen, image_ids), layout.foregrounds / f"{name}.parquet", Foregrounds)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(halves, "fetch", lambda _rev, _paths, _folder: layout)
    return layout


@pytest.mark.usefixtures("there")
def test_halves_parts_and_what_no_choice_exceeds() -> None:
    # Images 1, 3, 5, 7 choose; 2, 4, 6, 8 report, and no segment of image 8 is right.
    assert measure_halves("rev", {"late": "b*"}) == {
        "choose": {"iter_0": 75.0, "pool": 100.0},
        "report": {"iter_0": 50.0, "pool": 75.0},
        "best": 75.0,
        "parts": {
            "late": {"choose": {"iter_0": 100.0, "pool": 100.0}, "report": {"iter_0": 50.0, "pool": 50.0}, "best": 50.0}
        },
    }


def test_an_experiment_is_measured_once_per_commit_and_parts(there: Layout) -> None:
    first = measure_halves("rev", {})
    (there.train_truth).unlink()
    assert measure_halves("rev", {}) == first
    with pytest.raises(InputError):
        measure_halves("rev", {"late": "b*"})
    with pytest.raises(InputError):
        measure_halves("other", {})
    kept = list(Path(".work/studies/halves").glob("*/precision.json"))
    assert [json.loads(path.read_text()) for path in kept] == [first]


@pytest.mark.usefixtures("there")
def test_a_part_without_images_is_refused() -> None:
    with pytest.raises(InputError, match=r"none of the 8 images to measure .* fits 'z\*' of --part voc=z\*; correct"):
        measure_halves("rev", {"voc": "z*"})
