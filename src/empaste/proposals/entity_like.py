"""The merge hierarchy reduced to the best hardly overlapping segments: a set like entity segmentation gives.

The papers' results rest on entity segmentation (L. Qi et al., TPAMI 2022), which gives each image a few whole things
that do not overlap; Step 1 of F-EM (the n segments nearest to the CAM's centre) presumes such a set, since among *all*
merges the nearest are fragments. This one learned from no masks.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.proposals import hierarchical
from empaste.proposals.filters import is_eligible


def propose(
    image: UInt8[np.ndarray, "h w 3"],
    min_area: float,
    max_extent: float,
    max_overlap: float,
    num_best: int,
    **hierarchical_options: Any,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of at most ``num_best`` segments, best score first.

    Only segments that pass `filters.is_eligible` compete. A segment is passed over where a better one shares more than
    ``max_overlap`` of the smaller of the two.
    """
    masks, scores = hierarchical.propose(image, **hierarchical_options)
    compete = is_eligible(masks, min_area, max_extent)
    masks, scores = masks[compete], scores[compete]
    kept = suppress_overlaps(masks, max_overlap)[:num_best]
    return masks[kept], scores[kept]


def suppress_overlaps(masks: Bool[np.ndarray, "n h w"], max_overlap: float) -> Int[np.ndarray, " k"]:
    """The masks to keep, in order, so that of no two the smaller is covered by more than ``max_overlap``."""
    flat = masks.reshape(len(masks), int(np.prod(masks.shape[1:]))).astype(np.float32)
    common = flat @ flat.T
    areas = np.diag(common)
    clash = common > max_overlap * np.minimum(areas[:, None], areas[None])
    kept: list[int] = []
    for row in range(len(masks)):
        if not clash[row, kept].any():
            kept.append(row)
    return np.array(kept, int)
