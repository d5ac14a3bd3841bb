"""Which segments of an image show the same object, and which further ones another object of the class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.masks import RLE, mask_ious

SAME_OBJECT_IOU = 0.5
"""Two segments that overlap so much pass for the same object."""


def same_object(chosen: RLE, others: Sequence[RLE]) -> Bool[np.ndarray, " n"]:
    """Which of ``others``, of the same image, show what ``chosen`` shows."""
    return mask_ious([chosen], others)[0] >= SAME_OBJECT_IOU


def pick_further(
    taken: RLE, others: Sequence[RLE], costs: Float[np.ndarray, " n"], max_overlap: float, count: int
) -> Int[np.ndarray, " m"]:
    """Up to ``count`` of ``others``, best cost first (ties by index), that hardly overlap ``taken`` or each other.

    Non-maximum suppression by the share of the smaller segment that the better one covers: at most ``max_overlap``.
    """
    overlap = covered_shares([taken, *others])
    picked: list[int] = []
    for at in np.argsort(costs, kind="stable").tolist():
        if len(picked) == count:
            break
        if overlap[at + 1, [0, *(other + 1 for other in picked)]].max() <= max_overlap:
            picked.append(at)
    return np.array(picked, int)


def covered_shares(rles: Sequence[RLE]) -> Float[np.ndarray, "n n"]:
    """For every pair of masks the share of the smaller one that lies in the larger."""
    from pycocotools import mask as coco_mask

    areas = np.asarray(coco_mask.area(list(rles)), float)
    ious = mask_ious(rles, rles)
    shared = ious * (areas[:, None] + areas) / (1 + ious)
    return shared / np.maximum(np.minimum(areas[:, None], areas), 1)
