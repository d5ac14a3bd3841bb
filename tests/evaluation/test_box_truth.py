"""An instance that has a box and no mask counts by its box, and is ignored where masks are judged."""

import numpy as np
import pytest

from empaste.artifacts.coco import box_instance, instance
from empaste.artifacts.coco_records import Coco, Detection
from empaste.artifacts.truth import GroundTruth, mask_truth
from empaste.evaluation import PROTOCOLS, evaluate_detections
from empaste.evaluation.mistakes import match_instances
from empaste.masks import encode_mask
from empaste.paste.foregrounds import annotated_instances
from empaste.paste.pool import void_regions

MASK = np.zeros((40, 40), bool)
MASK[2:12, 2:12] = True
DIAMOND = np.abs(np.add.outer(np.arange(40) - 25, np.zeros(40))) + np.abs(np.arange(40) - 25) <= 8
"""Fills half of its box."""
BOX = (17, 17, 17, 17)


def truth() -> Coco:
    """One instance with a mask, one with a box alone."""
    annotations = [instance(1, 1, 3, encode_mask(MASK)), box_instance(2, 1, 3, BOX, (40, 40), 0)]
    return {
        "images": [{"id": 1, "file_name": "a.jpg", "height": 40, "width": 40}],
        "annotations": annotations,
        "categories": [{"id": 3, "name": "cat"}],
    }


def detection(mask: np.ndarray, box: tuple[int, int, int, int], score: float) -> Detection:
    rle = encode_mask(mask)
    return {"image_id": 1, "category_id": 3, "segmentation": rle, "bbox": list(box), "score": score}


FOUND = [detection(DIAMOND, BOX, 0.9), detection(MASK, (2, 2, 10, 10), 0.8)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_who_finds_it_is_not_punished_and_who_misses_it_is_by_the_box_alone(protocol: str) -> None:
    both = evaluate_detections(truth(), FOUND, protocol).metrics
    assert (both["mask"]["AP50"], both["mask"]["AP75"], both["box"]["AP50"]) == (100, 100, 100)
    missed = evaluate_detections(truth(), FOUND[1:], protocol).metrics
    assert missed["mask"]["AP50"] == 100
    assert missed["box"]["AP50"] == pytest.approx(50, abs=1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_instance_goes_before_the_box_that_it_lies_in(protocol: str) -> None:
    data = truth()
    data["annotations"][1] = box_instance(2, 1, 3, (0, 0, 20, 20), (40, 40), 0)
    assert evaluate_detections(data, FOUND[1:], protocol).metrics["mask"]["AP75"] == 100
    assert [(pair.actual, pair.predicted) for pair in match_instances(data, FOUND[1:])] == [("cat", "cat")]


def test_a_region_of_the_box_that_masks_ignore() -> None:
    (box,) = [row for row in truth()["annotations"] if row.get("box_only")]
    assert (box["bbox"], box["area"], box["iscrowd"]) == ([17, 17, 17, 17], 289, 0)
    assert [row["iscrowd"] for row in mask_truth(truth())["annotations"]] == [0, 1]


def test_it_is_neither_a_mistake_nor_an_instance_of_masks() -> None:
    assert [(pair.actual, pair.predicted) for pair in match_instances(truth(), FOUND)] == [("cat", "cat")]
    assert len(GroundTruth.of(truth()).instances(1, 3)) == 1
    assert [one.source_id for one in annotated_instances(truth())] == [1]
    assert len(void_regions(truth())[1]) == 1
