"""Which segments of an image show the same object, and which further ones another object of the class."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.overlaps import SAME_OBJECT_IOU, best_ious, covered_shares, suppress
from empaste.rle import RLE


def same_object(chosen: RLE, others: Sequence[RLE]) -> Bool[np.ndarray, " n"]:
    """Which of ``others``, of the same image, show what ``chosen`` shows."""
    same: Bool[np.ndarray, " n"] = best_ious(others, [chosen]) >= SAME_OBJECT_IOU
    return same


def pick_further(
    taken: RLE, others: Sequence[RLE], costs: Float[np.ndarray, " n"], max_overlap: float, count: int
) -> Int[np.ndarray, " m"]:
    """Up to ``count`` of ``others``, best cost first (ties by index), that hardly overlap ``taken`` or each other.

    Non-maximum suppression by the share of the smaller segment that the better one covers: at most ``max_overlap``.
    """
    clash = covered_shares([taken, *others]) > max_overlap
    best_first = np.argsort(costs, kind="stable") + 1
    picked: Int[np.ndarray, " m"] = suppress(clash, np.append(0, best_first), count + 1)[1:] - 1
    return picked
