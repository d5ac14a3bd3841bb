"""Quality figures on masks drawn by hand."""

import numpy as np
import pandas as pd

from empaste.foregrounds.quality import foreground_metrics
from empaste.masks import encode_mask

CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["sports", "animal"]})


def bar(left, right):
    mask = np.zeros((10, 10), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


SEGMENTS = pd.DataFrame(
    [(0, 1, 0, 6), (1, 1, 6, 10), (2, 2, 0, 3)], columns=["segment_id", "image_id", "left", "right"]
).assign(
    counts=lambda t: [bar(a, b)["counts"] for a, b in zip(t["left"], t["right"], strict=True)], height=10, width=10
)


def chosen_of(*rows):
    return pd.DataFrame(rows, columns=["image_id", "class_id", "segment_id"])


def truth_of(*rows):
    return {
        "annotations": [
            {"image_id": i, "category_id": c, "segmentation": bar(*box), "iscrowd": crowd} for i, c, box, crowd in rows
        ]
    }


TRUTH = truth_of((1, 1, (0, 6), 0), (1, 1, (8, 10), 0), (2, 2, (0, 8), 0), (2, 1, (0, 3), 0))


def test_each_figure_in_percent():
    chosen = {"iter_0": chosen_of((1, 1, 0), (2, 2, 2)), "pool": chosen_of((1, 1, 1))}
    metrics = foreground_metrics(chosen, SEGMENTS, TRUTH, CLASSES)
    assert metrics["precision50"] == {"iter_0": 50.0, "pool": 100.0}
    assert metrics["mean_iou"] == {"iter_0": 68.75, "pool": 50.0}
    assert metrics["found"] == {"iter_0": 25.0, "pool": 25.0}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 0}


def test_instance_of_another_class_or_image_does_not_count():
    chosen = {"pool": chosen_of((1, 2, 0), (2, 1, 2))}
    metrics = foreground_metrics(chosen, SEGMENTS, truth_of((1, 1, (0, 6), 0), (2, 2, (0, 3), 0)), CLASSES)
    assert metrics["precision50"] == {"pool": 0.0}
    assert metrics["found"] == {"pool": 0.0}


def test_crowds_are_left_out():
    metrics = foreground_metrics(
        {"pool": chosen_of((1, 1, 0))}, SEGMENTS, truth_of((1, 1, (0, 6), 1), (2, 2, (0, 3), 0)), CLASSES
    )
    assert metrics["precision50"] == {"pool": 0.0}


def test_without_ground_truth_only_masks_are_counted():
    metrics = foreground_metrics({"pool": chosen_of((1, 1, 0))}, SEGMENTS, truth_of(), CLASSES)
    assert metrics["precision50"] == metrics["mean_iou"] == metrics["found"] == {"pool": None}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 0}


def test_nothing_chosen():
    metrics = foreground_metrics({"pool": chosen_of()}, SEGMENTS, TRUTH, CLASSES)
    assert metrics["precision50"] == {"pool": None}
    assert metrics["found"] == {"pool": 0.0}


def test_images_that_nobody_outlined_are_left_out():
    chosen = {"pool": chosen_of((1, 1, 0), (2, 2, 2))}
    metrics = foreground_metrics(chosen, SEGMENTS, truth_of((1, 1, (0, 6), 0)), CLASSES)
    assert metrics["precision50"] == {"pool": 100.0}
    assert metrics["masks_per_class"] == {"ball": 1, "fish": 1}
