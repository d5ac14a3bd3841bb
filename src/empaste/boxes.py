"""Boxes: ``xywh`` (COCO files) and ``xyxy`` (computation), pixel-edge coordinates, float."""

import numpy as np
from jaxtyping import Float


def xywh_to_xyxy(boxes_xywh: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """The same boxes as corners."""
    boxes_xywh = np.asarray(boxes_xywh, float).reshape(-1, 4)
    return np.concatenate([boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]], axis=1)


def xyxy_to_xywh(boxes_xyxy: Float[np.ndarray, "n 4"]) -> Float[np.ndarray, "n 4"]:
    """The same boxes as corner and size."""
    boxes_xyxy = np.asarray(boxes_xyxy, float).reshape(-1, 4)
    return np.concatenate([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]], axis=1)
