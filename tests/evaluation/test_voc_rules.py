"""VOC's rules on hand-made cases, and its area beside another way to compute it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.coco_records import Coco, Detection
from empaste.evaluation import evaluate_detections
from empaste.evaluation.voc_rules import average_precision
from empaste.masks import encode_mask
from tests.evaluation.scenes import block, found, truth

OBJECT, OTHER, GROUND = block(10, 10, 20, 20), block(60, 10, 20, 20), block(10, 60, 20, 20)


def masks_by_voc(ground_truth: Coco, *detections: Detection) -> dict[str, Any]:
    return evaluate_detections(ground_truth, detections, "voc").metrics["mask"]


def test_a_perfect_detection_has_ap_100_and_an_absent_class_none() -> None:
    metrics, curves = evaluate_detections(truth((1, 2, OBJECT)), [found(1, 2, OBJECT, 1)], "voc")
    for kind in ("mask", "box"):
        assert [metrics[kind][name] for name in ("AP", "AP50", "AP75", "APvol")] == [100] * 4
        for name in ("AP", "AP50", "AP75"):
            assert metrics[kind][f"{name}_per_class"] == {"cat": 100, "dog": None}
    assert curves == [("cat", round(step / 100, 2), 1.0) for step in range(101)]


def test_the_curve_shows_the_best_precision_from_a_recall_on() -> None:
    detections = [found(1, 2, GROUND, 0.9), found(1, 2, OBJECT, 0.8)]
    _, curves = evaluate_detections(truth((1, 2, OBJECT), (1, 2, OTHER)), detections, "voc")
    assert [point.precision for point in curves] == [0.5] * 51 + [0.0] * 50


def test_all_steps_of_the_curve_count() -> None:
    detections = found(1, 2, OBJECT, 0.9), found(1, 2, GROUND, 0.8), found(1, 2, OTHER, 0.7)
    metrics = masks_by_voc(truth((1, 2, OBJECT), (1, 2, OTHER)), *detections)
    assert metrics["AP50"] == pytest.approx(100 * (1 / 2 + 2 / 3 / 2))


def test_a_missed_instance_halves_ap_exactly() -> None:
    assert masks_by_voc(truth((1, 2, OBJECT), (2, 2, OBJECT)), found(1, 2, OBJECT, 0.9))["AP50"] == 50


def test_an_instance_is_found_once() -> None:
    twice = found(1, 2, OBJECT, 0.9), found(1, 2, OBJECT, 0.8), found(1, 2, OTHER, 0.7)
    assert masks_by_voc(truth((1, 2, OBJECT), (1, 2, OTHER)), *twice)["AP50"] == pytest.approx(100 * (1 + 2 / 3) / 2)


def test_a_detection_goes_to_what_it_meets_best_even_if_that_is_taken() -> None:
    ground_truth = truth((1, 2, block(0, 0, 40, 10)), (1, 2, block(0, 0, 30, 10)))
    metrics = masks_by_voc(ground_truth, found(1, 2, block(0, 0, 40, 10), 0.9), found(1, 2, block(0, 0, 38, 10), 0.8))
    assert metrics["AP50"] == 50, "the second one's IoU with the instance that is left is 30 / 38"


def test_thresholds_of_ap_and_of_apvol() -> None:
    metrics = masks_by_voc(truth((1, 2, block(0, 0, 40, 40))), found(1, 2, block(0, 0, 25, 40), 0.9))
    assert metrics["AP"] == pytest.approx(30)  # IoU 0.625: of ten thresholds three
    assert metrics["APvol"] == pytest.approx(100 * 6 / 9)
    assert metrics["AP75"] == 0


def test_void_pixels_are_taken_off_a_detected_mask() -> None:
    ground_truth = truth((1, 2, OBJECT))
    wide = found(1, 2, block(10, 10, 50, 20), 0.9)
    assert masks_by_voc(ground_truth, wide)["AP50"] == 0
    ground_truth["images"][0]["void"] = encode_mask(block(30, 10, 40, 20))
    assert masks_by_voc(ground_truth, wide)["AP75"] == 100
    assert evaluate_detections(ground_truth, [wide], "voc").metrics["box"]["AP50"] == 0


def test_a_crowd_is_neither_missed_nor_a_mistake() -> None:
    ground_truth = truth((1, 2, OBJECT), (1, 2, OTHER))
    ground_truth["annotations"][0]["iscrowd"] = 1
    metrics = masks_by_voc(ground_truth, found(1, 2, OBJECT, 0.9), found(1, 2, OBJECT, 0.8), found(1, 2, OTHER, 0.7))
    assert metrics["AP50"] == 100


def test_best_score_first_over_all_images_and_ties_as_given() -> None:
    ground_truth = truth((1, 2, OBJECT))
    right, wrong = found(1, 2, OBJECT, 0.5), found(2, 2, OBJECT, 0.5)
    assert masks_by_voc(ground_truth, right, wrong)["AP50"] == 100
    assert masks_by_voc(ground_truth, wrong, right)["AP50"] == 50
    assert masks_by_voc(ground_truth, wrong | {"score": 0.4}, right)["AP50"] == 100


def test_without_detections_or_without_instances() -> None:
    assert masks_by_voc(truth((1, 2, OBJECT)))["AP50_per_class"] == {"cat": 0, "dog": None}
    metrics, curves = evaluate_detections(truth(), [found(1, 2, OBJECT, 0.9)], "voc")
    assert metrics["mask"]["AP"] is metrics["box"]["APvol"] is None
    assert curves == []


@given(st.lists(st.booleans(), max_size=30), st.integers(0, 5))
def test_the_area_is_the_mean_over_instances_of_the_best_precision_from_there_on(
    right: list[bool], num_missed: int
) -> None:
    hits = np.cumsum(right)
    total = int(sum(right)) + num_missed
    if not total:
        return
    precision, recall = hits / np.arange(1, len(right) + 1), hits / total
    expected = sum(
        max((p for p, h in zip(precision, hits, strict=True) if h >= k), default=0.0) for k in range(1, total + 1)
    )
    assert average_precision(recall, precision) == pytest.approx(expected / total)
