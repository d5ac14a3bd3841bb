"""Selective search reduced to its best segments that differ: a set like entity segmentation gives.

The papers' results rest on entity segmentation (L. Qi et al., TPAMI 2022), which gives each image a few whole things;
Step 1 of F-EM (the n segments nearest to the CAM's centre) presumes such a set, since among *all* merges the nearest
are fragments. This one learned from no masks.

Notes
-----
Departs from entity segmentation: segments may overlap. A thing and a part of it both stay where they differ enough, for
it is not known which of them is the thing.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals import selective_search


def propose(
    image: UInt8[np.ndarray, "h w 3"], num_best: int, max_iou: float, **search_options: Any
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of at most ``num_best`` segments, best score first.

    A segment is passed over where its IoU with a better one is over ``max_iou``. Other options: those of
    `selective_search.propose`.
    """
    masks, scores = selective_search.propose(image, max_iou=max_iou, **search_options)
    return masks[:num_best], scores[:num_best]
