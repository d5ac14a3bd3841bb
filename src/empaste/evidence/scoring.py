"""One number per segment: how much it looks like the whole object that makes the classifier see the class.

Terms, all of one (image, class):

- ``cam_overlap``: ``sum min(cover, map) / sum max(cover, map)``, the soft intersection over union with the heat map;
- ``insertion``, ``deletion``: see `in_place`;
- ``objectness``: the score that the proposal source gave the segment;
- ``frame_share``: how much of the image's frame the segment touches. Grounds and skies do, objects hardly; and tags
  alone cannot tell an object from the surroundings that it always comes with.

The score is their weighted sum, all but the last as z-scores among the segments compared. At first segments are
compared without insertion and deletion; the best of them are judged in place, and only those can win.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from empaste.evidence.settings import EvidenceWeights
from empaste.squares import SquareFrame


class Terms(NamedTuple):
    """What is known of the segments of one (image, class); insertion and deletion are NaN where not judged."""

    cam_overlap: Float[np.ndarray, " n"]
    frame_share: Float[np.ndarray, " n"]
    objectness: Float[np.ndarray, " n"]
    insertion: Float[np.ndarray, " n"]
    deletion: Float[np.ndarray, " n"]


def frame_share(covers: Float[np.ndarray, "n side side"], frame: SquareFrame) -> Float[np.ndarray, " n"]:
    """How much of the image's frame each segment touches, 0 to 1."""
    rows, columns = frame.inside
    shown = covers[:, rows, columns]
    edges = [shown[:, 0], shown[:, -1], shown[:, :, 0], shown[:, :, -1]]
    touched = sum(edge.sum(axis=1) for edge in edges)
    return np.asarray(np.asarray(touched, float) / sum(edge.shape[1] for edge in edges))


def cam_overlap(
    covers: Float[np.ndarray, "n side side"], heat: Float[np.ndarray, "side side"]
) -> Float[np.ndarray, " n"]:
    """Each segment's soft intersection over union with ``heat`` (0 to 1); 0 where the map is empty."""
    flat, cells = covers.reshape(len(covers), heat.size), heat.ravel()
    mass = cells.sum(dtype=float)
    if not mass > 0:
        return np.zeros(len(covers))
    common = np.minimum(flat, cells).sum(axis=1, dtype=float)
    return np.asarray(common / (flat.sum(axis=1, dtype=float) + mass - common))


def standardise(values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """z-scores; zeros where the values do not differ."""
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 1e-12 else np.zeros(len(values))


def coarse_score(terms: Terms, weights: EvidenceWeights) -> Float[np.ndarray, " n"]:
    """The score without insertion and deletion."""
    return (
        weights.cam_overlap * standardise(terms.cam_overlap)
        + weights.objectness * standardise(terms.objectness)
        - weights.frame * terms.frame_share
    )


def shortlist(scores: Float[np.ndarray, " n"], num: int) -> Int[np.ndarray, " k"]:
    """The ``num`` best, in their own order; all where ``num`` is 0; ties go to the lower index."""
    return np.sort(np.argsort(-scores, kind="stable")[: num or None])


def score_segments(terms: Terms, weights: EvidenceWeights) -> Float[np.ndarray, " n"]:
    """The score of every segment; those not judged in place (NaN) come after all that were, in coarse order."""
    coarse = coarse_score(terms, weights)
    judged = np.flatnonzero(~np.isnan(terms.insertion))
    if not judged.size:
        return coarse
    among = Terms(*(term[judged] for term in terms))
    fine = (
        coarse_score(among, weights)
        + weights.insertion * standardise(among.insertion)
        + weights.deletion * standardise(among.deletion)
    )
    scores: Float[np.ndarray, " n"] = coarse - coarse.max() + fine.min() - 1
    scores[judged] = fine
    return scores
