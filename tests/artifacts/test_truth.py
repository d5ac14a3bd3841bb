"""What ground truth answers, on masks drawn by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.coco import box_instance, coco_dataset, instance, write_coco
from empaste.artifacts.truth import (
    COCO_IOUS,
    IOU50,
    IOU75,
    GroundTruth,
    TrueInstance,
    mask_truth,
    percent_found,
    read_truth,
)
from empaste.masks import encode_mask
from empaste.rle import RLE

CAT, DOG = 3, 5


def bar(left: int, right: int) -> RLE:
    mask = np.zeros((4, 20), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


TRUTH = GroundTruth(
    [
        TrueInstance(2, CAT, 1, bar(0, 8)),
        TrueInstance(1, CAT, 2, bar(0, 10)),
        TrueInstance(1, DOG, 3, bar(10, 20)),
        TrueInstance(1, CAT, 4, bar(2, 10)),
        TrueInstance(1, CAT, 5, bar(15, 20), is_ignored=True),
        TrueInstance(4, DOG, 6, bar(0, 2), is_ignored=True),
    ]
)


def test_instances_come_by_image_and_class_in_their_order() -> None:
    assert TRUTH.outlined == [2, 1, 4]
    assert TRUTH.keys == [(2, CAT), (1, CAT), (1, DOG)]
    assert [one.annotation_id for one in TRUTH.instances(1, CAT)] == [2, 4]
    assert [one.annotation_id for one in TRUTH.instances(1)] == [2, 3, 4]
    assert [one.annotation_id for one in TRUTH.annotated(1)] == [2, 3, 4, 5]
    assert TRUTH.instances(9) == TRUTH.instances(1, 9) == TRUTH.annotated(9) == TRUTH.instances(4) == []


def test_best_overlap_with_a_class_and_with_any() -> None:
    assert TRUTH.ious([bar(10, 15)], 1, CAT).tolist() == [[0, 0]]
    assert TRUTH.best_ious([bar(10, 15), bar(0, 5)], 1).tolist() == [0.5, 0.5]
    assert TRUTH.best_ious([bar(10, 15), bar(0, 5)], 1, CAT).tolist() == [0, 0.5]
    assert TRUTH.best_ious([bar(10, 15)], 9, CAT).tolist() == [0]
    assert TRUTH.best_ious([], 1).shape == (0,)


def test_in_an_ignored_region_the_share_of_the_mask_counts() -> None:
    assert TRUTH.overlaps([bar(12, 16)], 1).tolist() == [[0, 0.4, 0, 0.25]]


def test_the_first_of_those_that_fit_equally_well_is_found() -> None:
    twins = GroundTruth([TrueInstance(1, CAT, number, bar(0, 4)) for number in (7, 8)])
    found = twins.found_by(bar(0, 4), 1, CAT)
    assert found is not None
    assert found.annotation_id == 7
    assert TRUTH.found_by(bar(0, 9), 1) == TRUTH.instances(1)[0]
    assert TRUTH.found_by(bar(0, 5), 1, CAT) is not None
    assert TRUTH.found_by(bar(0, 5), 1, CAT, IOU75) is None
    assert TRUTH.found_by(bar(0, 10), 1, DOG) is TRUTH.found_by(bar(0, 10), 9) is None


def test_crowds_and_boxes_alone_are_ignored(tmp_path: Path) -> None:
    images = pd.DataFrame({"image_id": [1], "file_name": ["a.jpg"], "height": [4], "width": [20]})
    classes = pd.DataFrame({"class_id": [CAT], "name": ["cat"], "supercategory": ["animal"]})
    rows = [
        instance(1, 1, CAT, bar(0, 8)),
        instance(2, 1, CAT, bar(8, 12), iscrowd=1),
        box_instance(3, 1, CAT, (12, 0, 4, 4), (4, 20), 0),
    ]
    data = coco_dataset(images, classes, rows, "drawn")
    write_coco(tmp_path / "a.json", data)
    truth = read_truth(tmp_path / "a.json")
    assert truth.instances(1) == [TrueInstance(1, CAT, 1, bar(0, 8), 32)]
    assert [one.is_ignored for one in truth.annotated(1)] == [False, True, True]
    assert [row["iscrowd"] for row in mask_truth(data)["annotations"]] == [0, 1, 1]
    assert [row["iscrowd"] for row in data["annotations"]] == [0, 1, 0]


def test_percent_found_counts_the_threshold_itself() -> None:
    assert percent_found(np.array([0.5, 0.49, 1.0]), IOU50) == 66.67
    assert percent_found(np.zeros(0), IOU50) is None


def test_coco_means_over_ten_thresholds() -> None:
    assert len(COCO_IOUS) == 10
    assert COCO_IOUS[0] == IOU50
    assert COCO_IOUS[5] == IOU75
    assert pytest.approx(np.linspace(0.5, 0.95, 10)) == COCO_IOUS
