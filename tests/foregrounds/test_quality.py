"""Quality figures on masks drawn by hand."""

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.truth import GroundTruth, TrueInstance
from empaste.foregrounds.quality import foreground_metrics, reliability_curve, reliability_of, segment_ious
from empaste.masks import encode_mask
from empaste.rle import RLE

CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["sports", "animal"]})


def bar(left: int, right: int) -> RLE:
    mask = np.zeros((10, 10), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


SEGMENTS = pd.DataFrame(
    [(0, 1, 0, 6), (1, 1, 6, 10), (2, 2, 0, 3)], columns=["segment_id", "image_id", "left", "right"]
).assign(
    counts=lambda t: [bar(a, b)["counts"] for a, b in zip(t["left"], t["right"], strict=True)], height=10, width=10
)


def chosen_of(
    *rows: tuple[int, int, int], confidence: float | list[float] = 0.5, inlier: bool | list[bool] = True
) -> pd.DataFrame:
    """Foregrounds with as much distance as their number."""
    table = pd.DataFrame(rows, columns=["image_id", "class_id", "segment_id"])
    return table.assign(distance=np.arange(len(rows), dtype=float), prob=0.5, inlier=inlier, confidence=confidence)


def truth_of(*rows: tuple[int, int, tuple[int, int], int]) -> GroundTruth:
    return GroundTruth(
        TrueInstance(i, c, number, bar(*box), is_ignored=bool(crowd)) for number, (i, c, box, crowd) in enumerate(rows)
    )


TRUTH = truth_of((1, 1, (0, 6), 0), (1, 1, (8, 10), 0), (2, 2, (0, 8), 0), (2, 1, (0, 3), 0))


def test_each_figure_in_percent() -> None:
    chosen = {"iter_0": chosen_of((1, 1, 0), (2, 2, 2)), "pool": chosen_of((1, 1, 1))}
    metrics = foreground_metrics(chosen, SEGMENTS, TRUTH, CLASSES)
    assert metrics["precision50"] == {"iter_0": 50.0, "pool": 100.0}
    assert metrics["precision75"] == {"iter_0": 50.0, "pool": 0.0}
    assert metrics["mean_iou"] == {"iter_0": 68.75, "pool": 50.0}
    assert metrics["found"] == {"iter_0": 25.0, "pool": 25.0}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 0}


def test_instance_of_another_class_or_image_does_not_count() -> None:
    chosen = {"pool": chosen_of((1, 2, 0), (2, 1, 2))}
    metrics = foreground_metrics(chosen, SEGMENTS, truth_of((1, 1, (0, 6), 0), (2, 2, (0, 3), 0)), CLASSES)
    assert metrics["precision50"] == {"pool": 0.0}
    assert metrics["found"] == {"pool": 0.0}


def test_crowds_are_left_out() -> None:
    metrics = foreground_metrics(
        {"pool": chosen_of((1, 1, 0))}, SEGMENTS, truth_of((1, 1, (0, 6), 1), (2, 2, (0, 3), 0)), CLASSES
    )
    assert metrics["precision50"] == {"pool": 0.0}


def test_without_ground_truth_only_masks_are_counted() -> None:
    metrics = foreground_metrics({"pool": chosen_of((1, 1, 0))}, SEGMENTS, truth_of(), CLASSES)
    assert metrics["precision50"] == metrics["mean_iou"] == metrics["found"] == {"pool": None}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 0}


def test_nothing_chosen() -> None:
    metrics = foreground_metrics({"pool": chosen_of()}, SEGMENTS, TRUTH, CLASSES)
    assert metrics["precision50"] == {"pool": None}
    assert metrics["found"] == {"pool": 0.0}


def test_images_that_nobody_outlined_are_left_out() -> None:
    chosen = {"pool": chosen_of((1, 1, 0), (2, 2, 2))}
    metrics = foreground_metrics(chosen, SEGMENTS, truth_of((1, 1, (0, 6), 0)), CLASSES)
    assert metrics["precision50"] == {"pool": 100.0}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 1}


def test_each_class_apart() -> None:
    chosen = {"iter_0": chosen_of((1, 1, 0), (2, 2, 2)), "pool": chosen_of((1, 1, 1))}
    per_class = foreground_metrics(chosen, SEGMENTS, TRUTH, CLASSES)["per_class"]
    assert per_class["ball"]["precision50"] == {"iter_0": 100.0, "pool": 100.0}
    assert per_class["ball"]["found"] == {"iter_0": 33.33, "pool": 33.33}
    assert per_class["fish"]["mean_iou"] == {"iter_0": 37.5, "pool": None}
    assert per_class["fish"]["found"] == {"iter_0": 0.0, "pool": 0.0}


def test_what_is_told_without_ground_truth() -> None:
    first = chosen_of((1, 1, 0), (2, 1, 2), (2, 2, 2), inlier=[True, True, False])
    second = chosen_of((1, 1, 1), (2, 1, 2), (2, 2, 2), inlier=False)
    metrics = foreground_metrics({"iter_0": first, "iter_1": second, "pool": second}, SEGMENTS, truth_of(), CLASSES)
    assert metrics["inlier_distance"] == {"iter_0": 0.5, "iter_1": None}
    assert metrics["mean_prob"] == {"iter_0": 50.0, "iter_1": 50.0, "pool": 50.0}
    assert metrics["agreement"] == {"iter_1": 66.67}
    assert metrics["per_class"]["ball"]["precision50"] == dict.fromkeys(metrics["mean_prob"])
    assert metrics["confidence"] == {"auc": None, "ece": None}


def test_confidence_that_tells_right_from_wrong() -> None:
    pool = chosen_of((1, 1, 0), (1, 1, 1), (2, 2, 2), (2, 1, 2), confidence=[0.9, 0.35, 0.3, 1.0])
    outcomes = reliability_of(pool, SEGMENTS, TRUTH)
    assert outcomes["right"].tolist() == [True, True, False, True]
    metrics = foreground_metrics({"pool": pool}, SEGMENTS, TRUTH, CLASSES)
    assert metrics["confidence"]["auc"] == 100.0
    assert metrics["confidence"]["ece"] == pytest.approx((2 * 5 + 2 * 17.5) / 4)
    curve = reliability_curve(outcomes)
    assert curve["foregrounds"].tolist() == [2, 2]
    assert curve["precision"].tolist() == [50, 100]
    assert curve["confidence"].tolist() == pytest.approx([0.325, 0.95])


def test_confidence_that_tells_nothing() -> None:
    pool = chosen_of((1, 1, 0), (2, 2, 2))
    assert foreground_metrics({"pool": pool}, SEGMENTS, TRUTH, CLASSES)["confidence"]["auc"] == 50.0


def test_reliability_without_ground_truth_is_an_empty_table() -> None:
    curve = reliability_curve(reliability_of(chosen_of((1, 1, 0)), SEGMENTS, truth_of()))
    assert curve.columns.tolist() == ["confidence", "precision", "foregrounds"]
    assert curve.empty


def test_every_segment_with_every_class() -> None:
    ious = segment_ious(SEGMENTS, TRUTH, [1, 2]).set_index(["class_id", "segment_id"])["iou"]
    assert ious.to_dict() == pytest.approx({(1, 0): 1, (1, 1): 0.5, (1, 2): 1, (2, 0): 0, (2, 1): 0, (2, 2): 0.375})
    assert segment_ious(SEGMENTS, truth_of((1, 1, (0, 6), 0)), [1])["segment_id"].tolist() == [0, 1]
    assert segment_ious(SEGMENTS, truth_of(), [1]).empty
