"""Which of the candidates are kept: no class in them, then the best of each caption."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from empaste.backgrounds.clip_selection import Clip, best_of, clip_scores
from empaste.backgrounds.presence import Presence, presence
from empaste.backgrounds.scenes import Candidate

if TYPE_CHECKING:  # worker processes need no torch
    from empaste.artifacts.classifier import TrainedClassifier


class Judged(NamedTuple):
    """Per candidate: class probabilities, what is present, the CLIP score (NaN: not scored), whether it is kept."""

    probs: Float[np.ndarray, "n c"]
    present: Presence
    scores: Float[np.ndarray, " n"]
    selected: Bool[np.ndarray, " n"]


def judge(
    candidates: Sequence[tuple[int, Candidate]],
    classifier: "TrainedClassifier",
    clip: Clip | None,
    *,
    keep: int,
    presence_threshold: float,
    batch_size: int = 64,
) -> Judged:
    """Judge candidates given as (image id, candidate); all of an image must come together. None gives empty arrays.

    Of the candidates of one caption (or, without captions, of one image) in which no class shows, the ``keep`` with the
    best CLIP score are selected; without CLIP the first.

    Notes: the papers select by CLIP and assume the absence of objects. Here presence is looked at first, so that a
    candidate with an object in it does not take the place of one without.
    """
    from empaste.artifacts.classifier import classify

    images = [candidate.image for _, candidate in candidates]
    probs, _ = classify(classifier, images, batch_size)
    present = presence(probs, classifier.class_ids, presence_threshold)
    scores = np.full(len(images), np.nan)
    if clip is not None and images:
        scores = clip_scores(clip, images, [candidate.prompt for _, candidate in candidates], batch_size)
    groups = np.array([(image_id, candidate.caption_id) for image_id, candidate in candidates], int).reshape(-1, 2)
    selected = np.zeros(len(images), bool)
    for group in np.unique(groups, axis=0):
        selected |= best_of(scores, (groups == group).all(axis=1) & ~present.shows, keep)
    return Judged(probs, present, scores, selected)
