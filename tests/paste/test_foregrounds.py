"""Foregrounds from tables and from ground truth."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.coco_records import Annotation, Coco, ImageRecord
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask
from empaste.params import load_params
from empaste.paste.foregrounds import Foreground, annotated_instances, check_classes, instances_found
from empaste.paste.sources import SOURCES, chosen_segments
from tests.review.conftest import MASKS, segment_rows, write_pool, write_run
from tests.review.conftest import box as run_box


def box(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def segment(segment_id: int, image_id: int, mask: np.ndarray) -> dict[str, Any]:
    return {"segment_id": segment_id, "image_id": image_id, "counts": encode_mask(mask)["counts"], "height": 20,
            "width": 30, "area": int(mask.sum())}  # fmt: skip


SEGMENTS = pd.DataFrame(
    [segment(0, 4, box(0, 0, 5, 5)), segment(1, 4, box(0, 0, 9, 9)), segment(2, 2, box(3, 3, 6, 6))]
)


def choose(*rows: tuple[int, int, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["image_id", "class_id", "segment_id", "prob"])
    return table.assign(confidence=table["prob"] / 2)


def test_foregrounds_come_by_image_then_large_before_small_then_by_probability() -> None:
    found = chosen_segments(choose((4, 1, 0, 0.9), (4, 2, 1, 0.3), (4, 3, 0, 0.5), (2, 1, 2, 0.1)), SEGMENTS)
    assert [(one.image_id, one.source_id, one.class_id) for one in found] == [
        (2, 2, 1),
        (4, 1, 2),
        (4, 0, 3),
        (4, 0, 1),
    ]
    assert {one.origin for one in found} == {"segment_id"}
    assert [one.confidence for one in found] == [0.05, 0.15, 0.25, 0.45]
    assert np.array_equal(decode_mask(found[1].mask_rle), box(0, 0, 9, 9))


def test_a_segment_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"names segment 2 of image 4, which data/segments lacks; run: dvc repro"):
        chosen_segments(choose((4, 1, 2, 0.9)), SEGMENTS)


def test_a_class_that_is_not_there_is_refused() -> None:
    classes = pd.DataFrame({"class_id": [1, 2]})
    found = chosen_segments(choose((4, 1, 0, 0.9), (4, 3, 1, 0.3)), SEGMENTS)
    check_classes([found[1]], classes)
    with pytest.raises(InputError, match=r"segment_id 1 of image 4 is of class 3, which .*classes\.parquet lacks"):
        check_classes(found, classes)


def coco(*segmentations: Any, iscrowd: int = 0) -> Coco:
    rows: list[Annotation] = [
        {"id": k + 1, "image_id": 7, "category_id": 1, "segmentation": one, "iscrowd": iscrowd, "area": 0, "bbox": []}
        for k, one in enumerate(segmentations)
    ]
    images: list[ImageRecord] = [{"id": 7, "file_name": "", "height": 20, "width": 30}]
    return {"images": images, "annotations": rows, "categories": []}


def test_ground_truth_may_be_polygons_or_either_kind_of_rle() -> None:
    polygon = [[2, 3, 8, 3, 8, 9, 2, 9], [20, 3, 24, 3, 24, 6, 20, 6]]
    expected = box(2, 3, 6, 6) | box(20, 3, 4, 3)
    numbers = {"size": [20, 30], "counts": [2 * 20 + 3, 6, 14, 6, 20 * 30 - 3 - 40 - 26]}
    found = annotated_instances(coco(polygon, dict(encode_mask(expected)), numbers))
    assert [one.source_id for one in found] == [1, 2, 3]
    for one, mask in zip(found, [expected, expected, box(2, 3, 2, 6)], strict=True):
        assert np.array_equal(decode_mask(one.mask_rle), mask)
        assert (one.image_id, one.class_id, one.origin) == (7, 1, "annotation_id")


def test_crowds_and_empty_masks_are_no_instances() -> None:
    assert annotated_instances(coco(dict(encode_mask(box(0, 0, 4, 4))), iscrowd=1)) == []
    assert annotated_instances(coco(dict(encode_mask(box(0, 0, 0, 0))), [])) == []


def instance(source_id: int, class_id: int, mask: np.ndarray, image_id: int = 7) -> Foreground:
    return Foreground(image_id, class_id, source_id, "annotation_id", encode_mask(mask))


def test_instances_found_are_those_that_a_foreground_of_their_class_meets_by_half() -> None:
    instances = [
        instance(1, 1, box(0, 0, 10, 10)),
        instance(2, 1, box(0, 0, 10, 8)),
        instance(3, 2, box(0, 0, 10, 10)),
        instance(4, 1, box(12, 0, 10, 10)),
        instance(5, 1, box(0, 0, 10, 10), image_id=8),
    ]
    # Meets 1 (IoU 0.9) better than 2 (0.89); meets half of 4 by just 0.5; nothing of class 3.
    foregrounds = [
        instance(0, 1, box(0, 0, 10, 9)),
        instance(0, 1, box(12, 0, 5, 10)),
        instance(0, 3, box(0, 0, 10, 10)),
    ]
    assert [one.source_id for one in instances_found(instances, foregrounds)] == [1, 4]
    assert instances_found(instances, [instance(0, 1, box(12, 0, 4, 10))]) == []
    assert instances_found(instances, []) == []


def test_masks_of_decisions_are_pasted_as_they_are(tmp_path: Path) -> None:
    there = write_run(tmp_path)
    drawn = segment_rows().iloc[2:].assign(segment_id=3, counts=encode_mask(run_box(8))["counts"])
    write_table(drawn, there.foregrounds / BY_HAND, Segments)
    write_pool(there, [(1, 1, 0, 0.9), (2, 1, 3, 1.0)])
    settings = load_params(Path(__file__).parents[2] / "params.yaml").paste
    found = {one.source_id: one.mask_rle for one in SOURCES["fem"].read(settings, there)}
    assert found == {0: encode_mask(MASKS[0]), 3: encode_mask(run_box(8))}
