"""Selective search reduced to its best segments that differ: a set like entity segmentation gives.

The papers' results rest on entity segmentation (L. Qi et al., TPAMI 2022), which gives each image a few whole things;
Step 1 of F-EM (the n segments nearest to the CAM's centre) presumes such a set, since among *all* merges the nearest
are fragments. This one learned from no masks; with ``selective_search.contours`` its boundaries learned from outlines.

Notes
-----
Departs from entity segmentation: segments may overlap. A thing and a part of it both stay where they differ enough, for
it is not known which of them is the thing.
"""

import numpy as np
from jaxtyping import UInt8

from empaste.proposals import selective_search
from empaste.proposals.method import NOTHING, Context, Method, Segments
from empaste.settings import Fraction, Positive, Settings


class EntityLikeSettings(Settings):
    """How many segments are kept, and how much two of them may overlap."""

    max_iou: Fraction
    num_best: Positive


def propose(image: UInt8[np.ndarray, "h w 3"], settings: EntityLikeSettings, context: Context) -> Segments:
    """Masks and scores of at most ``num_best`` segments, best score first.

    A segment is passed over where its IoU with a better one is over ``max_iou``. The search has its other parameters
    from its own section, ``proposals.selective_search``.
    """
    search = selective_search.METHOD.section(context.settings).model_copy(update={"max_iou": settings.max_iou})
    masks, scores = selective_search.propose(image, search, context)
    return masks[: settings.num_best], scores[: settings.num_best]


METHOD = Method(
    "entity_like",
    propose,
    EntityLikeSettings,
    learned_from=NOTHING,
    may_learn_from=selective_search.learned_outlines,
    speed="340",
)
