"""Boxes: ``xywh`` (COCO files) and ``xyxy`` (computation), pixel-edge coordinates, float."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Real


def xywh_to_xyxy(boxes_xywh: Real[np.ndarray, "..."]) -> Float[np.ndarray, "n 4"]:
    """The boxes (n, 4) as corners; an empty array of any shape holds no box."""
    boxes_xywh = np.asarray(boxes_xywh, float).reshape(-1, 4)
    return np.concatenate([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], axis=1)


def xyxy_to_xywh(boxes_xyxy: Real[np.ndarray, "..."]) -> Float[np.ndarray, "n 4"]:
    """The boxes (n, 4) as corner and size; an empty array of any shape holds no box."""
    boxes_xyxy = np.asarray(boxes_xyxy, float).reshape(-1, 4)
    return np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)


def box_ious(first_xywh: Sequence[Sequence[float]], second_xywh: Sequence[Sequence[float]]) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every pair of ``xywh`` boxes; an empty side gives an empty array."""
    from pycocotools import mask as coco_mask

    if not len(first_xywh) or not len(second_xywh):
        return np.zeros((len(first_xywh), len(second_xywh)))
    boxes = (np.asarray(rows, float) for rows in (first_xywh, second_xywh))
    return np.asarray(coco_mask.iou(*boxes, [0] * len(second_xywh)))
