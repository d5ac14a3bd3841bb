"""Sub-sampling, collected errors, tables and counts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from empaste.artifacts.remarks import Remark
from empaste.datasets.preparing import (
    Prepared,
    annotations_of,
    count_images,
    image_table,
    label_table,
    refuse_errors,
    shown_by_all,
    subsample,
    warnings_of,
    write_example,
)
from empaste.datasets.records import ClassName, DataSet, Example, Picture, Split
from empaste.errors import InputError
from empaste.masks import decode_mask

MASK = np.eye(4, dtype=bool)


def load(example: Example, _max_side: int) -> Picture:
    if example.image_id == 13:
        raise InputError("x.jpg is empty")
    return Picture(b"jpeg", 4, 4, example.class_ids, ((2, MASK, 0), (1, ~MASK, 1)))


def example(image_id: int, split: Split, *class_ids: int) -> Example:
    return Example(image_id, split, f"{split}/{image_id}.jpg", class_ids)


def dataset(num_train: int, num_val: int) -> DataSet:
    examples = [example(n, "train", 1) for n in range(1, num_train + 1)]
    examples += [example(100 + n, "val", 2) for n in range(num_val)]
    classes = (ClassName(1, "cat", "animal"), ClassName(2, "car", "vehicle"), ClassName(3, "kite", "sports"))
    return DataSet(classes, tuple(examples), load, num_without_label=4)


@pytest.mark.parametrize(
    ("limits", "expected"), [((0, 0), (20, 10)), ((5, 0), (5, 10)), ((0, 3), (20, 3)), ((99, 99), (20, 10))]
)
def test_subsampling_keeps_at_most_so_many(limits: tuple[int, int], expected: tuple[int, int]) -> None:
    kept = subsample(dataset(20, 10), *limits, seed=0).examples
    assert tuple(sum(e.split == split for e in kept) for split in ("train", "val")) == expected
    assert [e.image_id for e in kept] == sorted(e.image_id for e in kept)


def test_subsampling_hangs_on_the_seed_and_nests() -> None:
    def chosen(limit: int, seed: int) -> set[int]:
        return {e.image_id for e in subsample(dataset(50, 1), limit, 0, seed).examples}

    assert chosen(10, 0) == chosen(10, 0) != chosen(10, 1)
    assert chosen(10, 0) < chosen(20, 0)


@pytest.mark.parametrize(("num_train", "num_val", "split"), [(0, 3, "train"), (3, 0, "val")])
def test_a_split_without_images_is_refused(num_train: int, num_val: int, split: str) -> None:
    with pytest.raises(InputError, match=f"no images in its split {split}; add some"):
        subsample(dataset(num_train, num_val), 0, 0, 0)


def test_an_example_is_written_with_its_annotations(tmp_path: Path) -> None:
    row = write_example(example(7, "train", 1, 2), load, 0, tmp_path)
    assert (tmp_path / "train" / "7.jpg").read_bytes() == b"jpeg"
    assert [(one["image_id"], one["category_id"], one["area"], one["iscrowd"]) for one in row.annotations] == [
        (7, 2, 4, 0),
        (7, 1, 12, 1),
    ]
    assert row.annotations[0]["bbox"] == [0, 0, 4, 4]


def test_bad_images_are_handed_back_and_refused_together(tmp_path: Path) -> None:
    bad = write_example(example(13, "train", 1), load, 0, tmp_path)
    assert bad.error == "x.jpg is empty"
    assert not list(tmp_path.iterdir())
    refuse_errors([write_example(example(1, "train", 1), load, 0, tmp_path)])
    with pytest.raises(InputError) as error:
        refuse_errors([Prepared(example(n, "train"), error=f"{n}.jpg is empty") for n in range(1, 9)])
    assert str(error.value).splitlines() == [*(f"{n}.jpg is empty" for n in range(1, 6)), "and 3 more images"]


def test_tables_annotations_and_counts(tmp_path: Path) -> None:
    data = dataset(2, 1)
    rows = [write_example(one, load, 0, tmp_path) for one in data.examples]
    assert image_table(rows).to_dict("records")[2] == {
        "image_id": 100,
        "split": "val",
        "file_name": "val/100.jpg",
        "height": 4,
        "width": 4,
    }
    assert label_table(rows).to_numpy().tolist() == [[1, 1], [2, 1], [100, 2]]
    assert [(one["id"], one["image_id"]) for one in annotations_of(rows, "train")] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert [one["id"] for one in annotations_of(rows, "val")] == [1, 2]
    assert count_images(data, rows) == {
        "train_images": 2,
        "val_images": 1,
        "images_without_label": 4,
        "images_per_class": {"cat": 2, "car": 0, "kite": 0},
        "instances_train": 4,
        "instances_val": 2,
    }


def test_no_masks_are_not_zero_instances() -> None:
    rows = [Prepared(example(1, "train", 1), 4, 4, (1,)), Prepared(example(2, "val", 1), 4, 4, (1,))]
    counts = count_images(dataset(1, 1), rows)
    assert counts["instances_train"] is None
    assert counts["instances_val"] is None


@pytest.mark.parametrize(
    ("images_per_class", "named"),
    [({"cat": 9, "car": 1}, None), ({"cat": 10, "car": 1}, "cat"), ({"cat": 10, "car": 10, "kite": 9}, "cat, car")],
)
def test_classes_that_every_training_image_shows_are_named(images_per_class: dict[str, int], named: str | None) -> None:
    assert shown_by_all(images_per_class, 10) == (
        [
            f"every training image shows {named}: the classifier cannot learn what tells that from anything else, and "
            "its heat maps mean nothing; add images that do not show it, with a label of their own, such as other"
        ]
        if named
        else []
    )


def test_what_the_images_showed_is_counted_and_said(tmp_path: Path) -> None:
    reason = "annotations lead out of their images"

    def load_remarked(example: Example, _max_side: int) -> Picture:
        remark = Remark(reason, f"annotation {example.image_id}")
        return Picture(b"jpeg", 4, 4, (1,), (), boxes=((2, (0.5, 1, 2, 2), 0),), remarks=(remark,), digest="same")

    data = dataset(2, 1)
    data = replace(data, classes=(*data.classes, ClassName(4, "Cat", "animal"), ClassName(5, "CAT", "animal")))
    rows = [write_example(one, load_remarked, 0, tmp_path) for one in data.examples]
    said = warnings_of(data, rows)
    assert said[0] == f"3 {reason}: the first is annotation 1"
    assert said[1] == "classes differ in case alone and are kept apart: cat and Cat and CAT"
    assert said[2].startswith("every training image shows cat: the classifier cannot learn")
    assert said[3].startswith("1 validation images are copies of training images")
    assert "val/100.jpg is train/" in said[3]
    (box,) = annotations_of(rows, "val")
    assert (box["bbox"], box["area"], box["box_only"], box["iscrowd"]) == ([0.5, 1, 2, 2], 4, 1, 0)
    assert int(decode_mask(box["segmentation"]).sum()) == 6, "every pixel that the box touches"
