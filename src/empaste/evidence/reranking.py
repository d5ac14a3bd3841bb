"""A first look at all judged segments by deletion alone, and at the best of them by all fills: a cascade.

Per image and class, the ``num_reranked`` segments of the best score, of which insertion is not known yet, are judged by
all fills, alone and taken out. What was not asked of the others is estimated: it is their deletion by the first fill,
and what those judged by all fills have more than that on average. So all scores are comparable, and z-scores are among
as many segments as without a cascade.

Notes
-----
This is the difference estimator of two-phase sampling (W. G. Cochran: Sampling Techniques, 1977, ch. 12): a cheap
measurement of all, the costly one of some. Here the best are drawn and not random ones, since only their order counts.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from empaste.evidence.in_place import FILLS, Square, insert_and_delete, logits_of
from empaste.evidence.scoring import Terms, score_segments, shortlist
from empaste.evidence.settings import EvidenceWeights
from empaste.images import mixed
from empaste.squares import SquareFrame

Covers = Float[np.ndarray, "n side side"]
Answers = Float[np.ndarray, "_ c"]


class Scene(NamedTuple):
    """An image in the classifier's square, and what each judged segment covers of that."""

    square: Square
    frame: SquareFrame
    covers: Covers


def look_first(scene: Scene, fill: str) -> UInt8[np.ndarray, "m side side 3"]:
    """The image, then the image without each segment: ``m = 1 + n``."""
    filled = FILLS[fill](scene.square, scene.frame)
    return np.stack([scene.square, *(mixed(filled, scene.square, cover) for cover in scene.covers)])


def look_again(
    scene: Scene, best: Int[np.ndarray, " b"], fills: Sequence[str]
) -> list[UInt8[np.ndarray, "_ side side 3"]]:
    """What `look_first` has not shown of the segments ``best``: per fill what it makes of the image and each alone.

    Of all fills but the first also the image without each.
    """
    covers = scene.covers[best]
    shown = []
    for number, fill in enumerate(fills):
        filled = FILLS[fill](scene.square, scene.frame)
        alone = [mixed(scene.square, filled, cover) for cover in covers]
        without = [mixed(filled, scene.square, cover) for cover in covers] if number else []
        shown.append(np.stack([filled, *alone, *without]))
    return shown


def choose_best(
    first: Answers,
    terms: Mapping[int, Terms],
    judged: Int[np.ndarray, " k"],
    class_ids: Sequence[int],
    weights: EvidenceWeights,
    num: int,
) -> Int[np.ndarray, " b"]:
    """Which of the ``judged`` are among the ``num`` best for a class of ``terms``, by the answers to `look_first`."""
    deletion = _first_deletion(first)
    by_deletion = weights.model_copy(update={"insertion": 0.0})
    found = [np.zeros(0, int)]
    for class_id, coarse in terms.items():
        own = deletion[:, class_ids.index(class_id)]
        among = Terms(*(term[judged] for term in coarse))._replace(insertion=np.zeros(len(judged)), deletion=own)
        found.append(shortlist(score_segments(among, by_deletion), num))
    return np.unique(np.concatenate(found))


def estimate(
    first: Answers, again: Sequence[Answers], best: Int[np.ndarray, " b"]
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n c"]]:
    """Insertion and deletion of every segment: the means over all fills of the ``best``, an estimate of the others.

    ``first`` and ``again`` are the answers to `look_first` and `look_again`.
    """
    known = _first_deletion(first)
    num, whole, without = len(best), first[:1], first[1:][best]
    answers = [
        np.concatenate([whole, one[: 1 + num], one[1 + num :] if number else without])
        for number, one in enumerate(again)
    ]
    insertion, deletion = (_estimated(known, best, means) for means in insert_and_delete(answers))
    return insertion, deletion


def _first_deletion(first: Answers) -> Float[np.ndarray, "n c"]:
    logits = logits_of(first)
    return np.asarray(logits[0] - logits[1:])


def _estimated(
    known: Float[np.ndarray, "n c"], best: Int[np.ndarray, " b"], means: Float[np.ndarray, "b c"]
) -> Float[np.ndarray, "n c"]:
    """``means`` of the ``best``; of the others what is ``known``, and by how much the means exceed that on average."""
    if not best.size:
        return known
    estimated: Float[np.ndarray, "n c"] = known + (means - known[best]).mean(axis=0)
    estimated[best] = means
    return estimated
