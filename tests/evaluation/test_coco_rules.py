"""COCO's rules on hand-made cases, and digit for digit beside pycocotools."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts.coco_records import Coco, Detection
from empaste.errors import InputError
from empaste.evaluation import evaluate_detections
from tests.evaluation.scenes import block, found, truth

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100")
"""In the order of pycocotools' summary."""


def test_a_perfect_detection_has_ap_100() -> None:
    metrics, curves = evaluate_detections(truth((1, 2, block(10, 10, 20, 20))), [found(1, 2, block(10, 10, 20, 20), 1)])
    for kind in ("mask", "box"):
        assert metrics[kind] == {
            "AP": 100.0, "AP50": 100.0, "AP75": 100.0, "APs": 100.0, "APm": None, "APl": None,
            "AR1": 100.0, "AR10": 100.0, "AR100": 100.0,
            "AP_per_class": {"cat": 100.0, "dog": None},
            "AP50_per_class": {"cat": 100.0, "dog": None},
            "AP75_per_class": {"cat": 100.0, "dog": None},
            "AR100_per_class": {"cat": 100.0, "dog": None},
        }  # fmt: skip
    assert {point.class_name for point in curves} == {"cat"}
    assert [point.recall for point in curves] == [round(k / 100, 2) for k in range(101)]
    assert all(point.precision == 1 for point in curves)


def test_a_better_scored_mistake_halves_ap() -> None:
    detections = [found(1, 2, block(10, 10, 20, 20), 0.8), found(1, 2, block(60, 60, 20, 20), 0.9)]
    metrics, curves = evaluate_detections(truth((1, 2, block(10, 10, 20, 20))), detections)
    assert metrics["mask"]["AP50"] == pytest.approx(50)
    assert {point.precision for point in curves} == {0.5}


def test_a_missed_instance_caps_recall() -> None:
    instances = (1, 2, block(10, 10, 20, 20)), (2, 2, block(10, 10, 20, 20))
    metrics, curves = evaluate_detections(truth(*instances), [found(1, 2, block(10, 10, 20, 20), 0.9)])
    assert metrics["mask"]["AP50"] == pytest.approx(100 * 51 / 101)  # recall 0, 0.01 … 0.50 of the 101 points
    assert [point.precision for point in curves] == [1.0] * 51 + [0.0] * 50


def test_an_iou_of_five_eighths_counts_at_three_of_ten_thresholds() -> None:
    metrics, _ = evaluate_detections(truth((1, 2, block(0, 0, 40, 40))), [found(1, 2, block(0, 0, 25, 40), 0.9)])
    assert metrics["mask"]["AP"] == pytest.approx(30)
    assert metrics["mask"]["AP50"] == 100
    assert metrics["mask"]["AP75"] == 0
    assert metrics["mask"]["APs"] is None
    assert metrics["mask"]["APm"] == pytest.approx(30)


def test_mask_and_box_are_judged_apart() -> None:
    ring = block(20, 20, 60, 60) & ~block(30, 30, 40, 40)
    metrics, _ = evaluate_detections(truth((1, 2, block(20, 20, 60, 60))), [found(1, 2, ring, 0.9)])
    assert metrics["box"]["AP"] == 100
    assert metrics["mask"]["AP"] == pytest.approx(20)  # IoU 2000 / 3600 = 0.556


def test_the_size_of_a_detected_mask_is_its_own_not_its_boxs() -> None:
    cross = block(0, 48, 100, 4) | block(48, 0, 4, 100)  # 784 pixels, small; its box is large
    detections = [found(1, 2, block(10, 10, 20, 20), 0.8), found(2, 2, cross, 0.9)]
    metrics, _ = evaluate_detections(truth((1, 2, block(10, 10, 20, 20))), detections)
    assert metrics["mask"]["APs"] == pytest.approx(50)
    assert metrics["box"]["APs"] == pytest.approx(100)


def test_the_class_has_to_be_right() -> None:
    instances = (1, 2, block(10, 10, 20, 20)), (1, 5, block(50, 50, 20, 20))
    detections = [found(1, 5, block(10, 10, 20, 20), 0.9), found(1, 5, block(50, 50, 20, 20), 0.8)]
    metrics, _ = evaluate_detections(truth(*instances), detections)
    assert metrics["mask"]["AP50_per_class"] == {"cat": 0.0, "dog": 50.0}
    assert metrics["mask"]["AP50"] == pytest.approx(25)


def test_without_detections_ap_is_zero() -> None:
    metrics, curves = evaluate_detections(truth((1, 2, block(10, 10, 20, 20))), [])
    assert metrics["box"]["AP"] == metrics["mask"]["AP"] == 0
    assert metrics["mask"]["AP50_per_class"] == {"cat": 0.0, "dog": None}
    assert {point.precision for point in curves} == {0.0}


@pytest.mark.parametrize("detections", [[], [found(1, 2, block(10, 10, 20, 20), 0.9)]])
def test_without_ground_truth_nothing_is_defined(detections: list[Detection]) -> None:
    metrics, curves = evaluate_detections(truth(), detections)
    per_class = [f"{name}_per_class" for name in ("AP", "AP50", "AP75", "AR100")]
    nothing = dict.fromkeys(FIGURES) | {name: {"cat": None, "dog": None} for name in per_class}
    assert metrics["mask"] == metrics["box"] == nothing
    assert curves == []


def test_a_crowd_region_is_neither_missed_nor_a_mistake() -> None:
    ground_truth = truth((1, 2, block(10, 10, 40, 40)), crowd=1)
    metrics, _ = evaluate_detections(ground_truth, [found(1, 2, block(15, 15, 10, 10), 0.9)])
    assert metrics["mask"]["AP"] is None


@pytest.mark.parametrize(("image_id", "class_id", "named"), [(9, 2, "image_id 9"), (1, 9, "category_id 9")])
def test_what_the_ground_truth_does_not_have_is_refused(image_id: int, class_id: int, named: str) -> None:
    with pytest.raises(InputError, match=rf"{named} \(1 such\).*run: dvc repro evaluate"):
        evaluate_detections(truth((1, 2, block(0, 0, 5, 5))), [found(image_id, class_id, block(0, 0, 5, 5), 0.9)])


def test_the_inputs_are_left_as_they_were() -> None:
    ground_truth, detections = truth((1, 2, block(0, 0, 5, 5))), [found(1, 2, block(0, 0, 5, 5), 0.9)]
    before = repr((ground_truth, detections))
    evaluate_detections(ground_truth, detections)
    assert repr((ground_truth, detections)) == before


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_figures_are_those_of_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    instances = [random_instance(rng) for _ in range(rng.integers(1, 12))]
    detections = [found(*random_instance(rng), score=float(rng.random())) for _ in range(rng.integers(0, 12))]
    detections += [found(*item, score=float(rng.random())) for item in instances if rng.random() < 0.7]
    ground_truth = truth(*instances)
    metrics, _ = evaluate_detections(ground_truth, detections)
    for kind, coco_kind in (("mask", "segm"), ("box", "bbox")):
        expected = peer_stats(ground_truth, detections, coco_kind)
        ours = [metrics[kind][name] for name in FIGURES]
        assert [-1 if value is None else value / 100 for value in ours] == pytest.approx(expected, abs=1e-6)


def random_instance(rng: np.random.Generator) -> tuple[int, int, np.ndarray]:
    x, y = rng.integers(0, 60, 2)
    width, height = rng.integers(2, 100, 2)
    mask = block(int(x), int(y), int(width), int(height))
    return int(rng.integers(1, 3)), int(rng.choice([2, 5])), mask


def peer_stats(ground_truth: Coco, detections: list[Detection], coco_kind: str) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    dropped = "bbox" if coco_kind == "segm" else "segmentation"
    results = [{key: value for key, value in detection.items() if key != dropped} for detection in detections]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = ground_truth
        coco.createIndex()
        peer = COCOeval(coco, coco.loadRes(results) if results else COCO(), coco_kind)
        peer.evaluate()
        peer.accumulate()
        peer.summarize()
    return list(peer.stats[:9])
