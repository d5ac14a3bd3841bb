"""Masks that say nothing new: empty ones, those that an earlier mask repeats, and those that a better one resembles."""

import numpy as np
from jaxtyping import Bool, Float, Int


def first_of_each(masks: Bool[np.ndarray, "n h w"]) -> Int[np.ndarray, " k"]:
    """The indices, in order, of the masks that are neither empty nor the same as an earlier one."""
    first: dict[bytes, int] = {}
    for index, mask in enumerate(masks):
        if mask.any():
            first.setdefault(np.packbits(mask).tobytes(), index)
    return np.array(list(first.values()), int)


def best_unlike(
    masks: Bool[np.ndarray, "n h w"], scores: Float[np.ndarray, " n"], max_iou: float
) -> Int[np.ndarray, " k"]:
    """The indices, best score first, of the masks whose IoU with none of the better ones is over ``max_iou``.

    Of equal scores the first is the better one. Of equal masks one stays, whatever ``max_iou``. No mask is empty.
    """
    # On bits rather than on runs, of which ragged masks have so many that an image would take minutes.
    bits = np.packbits(masks.reshape(len(masks), masks.shape[1] * masks.shape[2]), axis=1)
    areas = np.count_nonzero(masks, axis=(1, 2))
    bounds = np.minimum(areas, areas[:, None]) / np.maximum(areas, areas[:, None])  # no IoU is over that of the areas
    comparable = (bounds > max_iou) | (bounds == 1)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable"):
        near = [other for other in kept if comparable[index, other]]
        common = np.bitwise_count(bits[near] & bits[index]).sum(axis=1, dtype=int)
        ious = common / (areas[near] + areas[index] - common)
        if not ((ious > max_iou) | (ious == 1)).any():
            kept.append(int(index))
    return np.array(kept, int)
