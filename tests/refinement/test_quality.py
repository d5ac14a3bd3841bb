"""Figures of rounds drawn by hand."""

import numpy as np
import pandas as pd

from empaste.artifacts.truth import GroundTruth, TrueInstance
from empaste.masks import encode_mask
from empaste.refinement.quality import refine_metrics
from empaste.refinement.rounds import Instance, Round
from empaste.rle import RLE

CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["sports", "animal"]})


def bar(left: int, right: int) -> RLE:
    mask = np.zeros((10, 10), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


def round_of(*rows: tuple[int, int, int, int], empty: int = 0, kept: int = 0) -> Round:
    """Instances of (image, class, left, right)."""
    found = [Instance(image_id=i, class_id=c, segmentation=bar(a, b), score=0.5) for i, c, a, b in rows]
    return Round(instances=found, void=[], empty=[(k, 1) for k in range(empty)], kept=[(k, 2) for k in range(kept)])


def truth_of(*rows: tuple[int, int, int, int], ignored: bool = False) -> GroundTruth:
    return GroundTruth(
        TrueInstance(i, c, number, bar(a, b), is_ignored=ignored) for number, (i, c, a, b) in enumerate(rows)
    )


TRUTH = truth_of((1, 1, 0, 6), (1, 1, 8, 10), (2, 2, 0, 8), (2, 1, 0, 3))


def test_each_figure_of_each_round_in_percent() -> None:
    first = round_of((1, 1, 0, 6), (2, 2, 0, 3), empty=2, kept=1)
    second = round_of((1, 1, 6, 10), kept=3)
    assert refine_metrics([first, second], TRUTH, CLASSES) == {
        "precision50": {"round_1": 50.0, "round_2": 100.0},
        "precision75": {"round_1": 50.0, "round_2": 0.0},
        "mean_iou": {"round_1": 68.75, "round_2": 50.0},
        "found": {"round_1": 25.0, "round_2": 25.0},
        "instances": {"round_1": 2, "round_2": 1},
        "empty": {"round_1": 2, "round_2": 0},
        "kept": {"round_1": 1, "round_2": 3},
        "instances_per_class": {"ball": 1, "fish": 0},
    }


def test_an_instance_of_another_class_or_image_does_not_count() -> None:
    metrics = refine_metrics([round_of((1, 2, 0, 6), (2, 1, 0, 3))], truth_of((1, 1, 0, 6), (2, 2, 0, 3)), CLASSES)
    assert metrics["precision50"] == metrics["found"] == {"round_1": 0.0}


def test_images_that_nobody_outlined_are_left_out() -> None:
    metrics = refine_metrics([round_of((1, 1, 0, 6), (3, 1, 0, 3))], TRUTH, CLASSES)
    assert metrics["precision50"] == {"round_1": 100.0}
    assert metrics["instances"] == {"round_1": 2}


def test_without_ground_truth_instances_are_counted() -> None:
    metrics = refine_metrics([round_of((1, 1, 0, 6))], truth_of(), CLASSES)
    assert metrics["precision50"] == metrics["precision75"] == metrics["mean_iou"] == {"round_1": None}
    assert metrics["found"] == {"round_1": None}
    assert metrics["instances_per_class"] == {"ball": 1, "fish": 0}


def test_what_lies_in_an_ignored_region_alone_is_no_find() -> None:
    metrics = refine_metrics([round_of((1, 1, 0, 6))], truth_of((1, 1, 0, 6), ignored=True), CLASSES)
    assert metrics["precision50"] == {"round_1": 0.0}
    assert metrics["found"] == {"round_1": None}


def test_a_round_that_drew_nothing() -> None:
    metrics = refine_metrics([round_of(empty=4)], TRUTH, CLASSES)
    assert metrics["precision50"] == metrics["mean_iou"] == {"round_1": None}
    assert metrics["found"] == {"round_1": 0.0}


def test_no_round() -> None:
    metrics = refine_metrics([], TRUTH, CLASSES)
    assert metrics["instances_per_class"] == {"ball": 0, "fish": 0}
    assert all(figures == {} for name, figures in metrics.items() if name != "instances_per_class")
