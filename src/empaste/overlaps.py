"""How much masks overlap, and which of them are left where several show the same thing."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.rle import RLE

SAME_OBJECT_IOU = 0.5
"""Two masks of an image and class that overlap so much pass for the same object."""


def mask_ious(
    first: Sequence[RLE], second: Sequence[RLE], regions: Sequence[bool] | None = None
) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every pair; an empty side gives an empty array.

    Where one of ``second`` is a region in which anything may lie (``regions``), the share of the first mask that lies
    in it, as COCO does with crowds.
    """
    from pycocotools import mask as coco_mask

    if not first or not second:
        return np.zeros((len(first), len(second)))
    return np.asarray(coco_mask.iou(list(first), list(second), [int(one) for one in regions or [False] * len(second)]))


def best_ious(masks: Sequence[RLE], others: Sequence[RLE]) -> Float[np.ndarray, " n"]:
    """The highest IoU that each of ``masks`` has with any of ``others``; 0 where there is none."""
    best: Float[np.ndarray, " n"] = mask_ious(masks, others).max(axis=1, initial=0)
    return best


def covered_shares(rles: Sequence[RLE]) -> Float[np.ndarray, "n n"]:
    """For every pair of masks the share of the smaller one that lies in the larger."""
    from pycocotools import mask as coco_mask

    areas = np.asarray(coco_mask.area(list(rles)), float)
    ious = mask_ious(rles, rles)
    shared = ious * (areas[:, None] + areas) / (1 + ious)
    shares: Float[np.ndarray, "n n"] = shared / np.maximum(np.minimum(areas[:, None], areas), 1)
    return shares


def suppress(
    clash: Bool[np.ndarray, "n n"], order: Int[np.ndarray, " m"] | Sequence[int], count: int | None = None
) -> Int[np.ndarray, " k"]:
    """Non-maximum suppression (NMS): the first ``count`` of ``order`` (None: all) that clash with none kept before.

    ``clash`` is symmetric; ``order`` names its rows, best first.
    """
    left = np.ones(len(clash), bool)
    kept: list[int] = []
    for row in order:
        if len(kept) == count:
            break
        if left[row]:
            kept.append(int(row))
            left &= ~clash[row]
    return np.array(kept, int)
