"""What the refinement starts from."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.chosen_masks import BY_HAND, DECIDED
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask
from empaste.refinement.reading import check_labels, read_decided, read_labelled, read_pool
from empaste.refinement.rounds import Instance, LabelledImage
from tests.stages.classifying import write_segments

FOREGROUNDS, SEGMENTS, IMAGES, LABELS = (Path("data") / n for n in ("foregrounds", "segments", "images", "labels"))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments 0 and 1 of image 2, which is 6 high and 9 wide, and 2 of image 5, which is 4 high and 8 wide."""
    monkeypatch.chdir(tmp_path)
    write_segments({2: [mask(6, 9, 3), mask(6, 9, 5)], 5: [mask(4, 8, 2)]})


def mask(height: int, width: int, columns: int) -> np.ndarray:
    drawn = np.zeros((height, width), bool)
    drawn[:, :columns] = True
    return drawn


def write_pool(*rows: tuple[int, int, int, int, float]) -> None:
    """The pool of (image, class, segment, instance, confidence)."""
    table = pd.DataFrame(rows, columns=["image_id", "class_id", "segment_id", "instance", "confidence"])
    table = table.assign(distance=0.5, prob=0.9, inlier=True, cam_empty=False)
    columns = list(Foregrounds.to_schema().columns)
    write_table(table[columns], FOREGROUNDS / "pool.parquet", Foregrounds)


def test_the_pool_comes_by_image_class_and_instance_with_its_masks() -> None:
    write_pool((5, 3, 2, 0, 0.3), (2, 7, 0, 1, 0.5), (2, 7, 1, 0, 0.4), (2, 1, 0, 0, 0.2))
    pool = read_pool(FOREGROUNDS, SEGMENTS)
    assert [(one["image_id"], one["class_id"], one["score"]) for one in pool] == [
        (2, 1, 0.2), (2, 7, 0.4), (2, 7, 0.5), (5, 3, 0.3),
    ]  # fmt: skip
    expected = [mask(6, 9, 3), mask(6, 9, 5), mask(6, 9, 3), mask(4, 8, 2)]
    for one, drawn in zip(pool, expected, strict=True):
        assert np.array_equal(decode_mask(one["segmentation"]), drawn)


def test_a_mask_of_a_decision_is_learned_as_it_is() -> None:
    drawn = read_table(SEGMENTS / "segments.parquet", Segments).iloc[2:].assign(segment_id=3)
    drawn["counts"] = encode_mask(mask(4, 8, 7))["counts"]
    write_table(drawn, FOREGROUNDS / BY_HAND, Segments)
    write_pool((5, 3, 3, 0, 1.0))
    [one] = read_pool(FOREGROUNDS, SEGMENTS)
    assert np.array_equal(decode_mask(one["segmentation"]), mask(4, 8, 7))


def test_what_a_person_decided_is_read_apart() -> None:
    write_pool((5, 3, 2, 0, 0.3))
    assert read_decided(FOREGROUNDS, SEGMENTS) == []
    write_pool((2, 7, 1, 0, 1.0))
    (FOREGROUNDS / "pool.parquet").rename(FOREGROUNDS / DECIDED)
    write_pool((5, 3, 2, 0, 0.3), (2, 7, 1, 0, 1.0))
    [one] = read_decided(FOREGROUNDS, SEGMENTS)
    assert (one["image_id"], one["class_id"]) == (2, 7)
    assert np.array_equal(decode_mask(one["segmentation"]), mask(6, 9, 5))


def test_an_empty_pool_is_no_foreground() -> None:
    write_pool()
    assert read_pool(FOREGROUNDS, SEGMENTS) == []


def test_a_segment_that_is_not_there_is_named() -> None:
    write_pool((2, 1, 0, 0, 0.2), (5, 1, 9, 0, 0.2))
    with pytest.raises(
        InputError, match=r"foregrounds names segment 9 of image 5, which data/segments lacks; run: dvc repro foreg"
    ):
        read_pool(FOREGROUNDS, SEGMENTS)


@pytest.mark.parametrize("name", ["data/foregrounds/pool.parquet", "data/segments/segments.parquet"])
def test_a_table_that_is_not_there_is_named(name: str) -> None:
    write_pool((2, 1, 0, 0, 0.2))
    Path(name).unlink()
    with pytest.raises(InputError, match=f"{name} does not exist; run: dvc repro"):
        read_pool(FOREGROUNDS, SEGMENTS)


def write_labels(*pairs: tuple[int, int]) -> None:
    write_table(pd.DataFrame(pairs, columns=["image_id", "class_id"]), LABELS / "labels.parquet", Labels)
    rows = [(2, "train"), (5, "val"), (4, "train"), (9, "train")]
    images = pd.DataFrame(rows, columns=["image_id", "split"]).assign(height=4, width=8)
    images.insert(2, "file_name", [f"{split}/{number}.png" for number, split in rows])
    write_table(images, IMAGES / "images.parquet", Images)


def test_training_images_with_labels_come_by_id_with_their_classes_in_order() -> None:
    write_labels((4, 7), (4, 3), (2, 7), (5, 3))
    found = read_labelled(IMAGES, LABELS)
    assert list(found) == [2, 4]
    assert found[2] == (IMAGES / "train/2.png", [7])
    assert found[4] == (IMAGES / "train/4.png", [3, 7])


def test_no_label_gives_no_image() -> None:
    write_labels()
    assert read_labelled(IMAGES, LABELS) == {}


@pytest.mark.parametrize(("image_id", "class_id"), [(9, 3), (1, 7)])
def test_a_foreground_that_the_labels_do_not_name(image_id: int, class_id: int, tmp_path: Path) -> None:
    images = {1: LabelledImage(tmp_path / "1.png", [3])}
    own = Instance(image_id=1, class_id=3, segmentation={"size": [1, 1], "counts": "01"}, score=0.5)
    check_labels([own], images, tmp_path)
    strange: Instance = {**own, "image_id": image_id, "class_id": class_id}
    with pytest.raises(InputError, match=f"foreground of class {class_id} in image {image_id}, .* run: dvc repro"):
        check_labels([own, strange], images, tmp_path)
