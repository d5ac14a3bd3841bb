"""Recall on instances drawn by hand."""

import numpy as np
import pandas as pd

from empaste.masks import encode_mask
from empaste.proposals.recall import best_ious, proposal_metrics


def box_mask(left, right):
    mask = np.zeros((10, 10), bool)
    mask[:, left:right] = True
    return mask


def segments_of(*entries):
    rows = [(image_id, encode_mask(box_mask(*box))["counts"], 10, 10) for image_id, box in entries]
    return pd.DataFrame(rows, columns=["image_id", "counts", "height", "width"])


def truth_of(*entries, crowd=0):
    annotations = [
        {"image_id": image_id, "segmentation": encode_mask(box_mask(*box)), "iscrowd": crowd}
        for image_id, box in entries
    ]
    return {"annotations": annotations}


def test_best_segment_of_the_same_image_counts():
    segments = segments_of((1, (0, 6)), (1, (0, 5)), (2, (0, 4)))
    assert best_ious(segments, truth_of((1, (0, 5)), (2, (0, 8)), (3, (0, 5)))).tolist() == [1.0, 0.5, 0.0]


def test_metrics_in_percent():
    segments = segments_of((1, (0, 5)), (2, (0, 4)))
    metrics = proposal_metrics(segments, truth_of((1, (0, 5)), (2, (0, 8)), (3, (0, 5))), num_images=4)
    assert metrics == {"recall50": 66.67, "recall70": 33.33, "segments_per_image": 0.5}


def test_without_ground_truth_recall_is_not_measured():
    metrics = proposal_metrics(segments_of((1, (0, 5))), truth_of(), num_images=1)
    assert metrics == {"recall50": None, "recall70": None, "segments_per_image": 1.0}


def test_crowds_do_not_count():
    assert best_ious(segments_of((1, (0, 5))), truth_of((1, (0, 5)), crowd=1)).size == 0
