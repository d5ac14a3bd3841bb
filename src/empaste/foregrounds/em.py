"""F-EM, the maths alone (EM-Paste §3.1, Algorithm 1): arrays in, arrays out, one class at a time.

Symbols of the paper: segment ``s``, feature extractor ``phi``, class ``a``, foreground ``O_i^a`` of image ``I_i``,
``h_i = phi(O_i^a)``, class mean ``mu`` and covariance ``Sigma``.

- Step 2, M-step: ``mu, Sigma`` of all ``h_i``; keep the ``k`` % with the smallest distance
  ``D(h) = sqrt((h - mu)^T Sigma^-1 (h - mu))``; ``mu, Sigma`` again, of those inliers.
- Step 3, E-step: in each image, of *all* segments the one with the smallest ``D``.

Step 1 is in `empaste.foregrounds.initial`.

Notes
-----
``D`` is one of `empaste.foregrounds.distances`. ``Sigma`` is shrunk (`empaste.foregrounds.covariances`); where a class
has a single sample, or samples that do not differ, it is that of all segments. The E-step may be a posterior: the
distance says how likely a look is for the class, ``evidence`` what the image itself says of the segment; with a weight
of zero it is the paper's. A class may be a mixture of several Gaussians (`empaste.foregrounds.mixture`).

Where features have more dimensions than a class has images, a chosen segment is near to statistics that it was part of,
and the E-step chooses it again. With ``folds`` over 1 the images of a class are dealt into so many folds, and the
segments of a fold are measured by the statistics of the other folds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.foregrounds.distances import Model
from empaste.foregrounds.embedding import blocks
from empaste.foregrounds.metric import Features, Metric, fit_class, measure


@dataclass(frozen=True)
class Candidates:
    """The segments of the images that show a class.

    ``rows`` in the features, ``image`` the number of each one's image (0, 1, …); ``evidence`` for being the object,
    higher is better, 0 where there is none; an E-step chooses among the ``eligible``, at least one per image.
    ``pinned`` is, per image, the index of the candidate that a person holds to be right, -1 where there is none; None
    stands for no image.
    """

    rows: Int[np.ndarray, " n"]
    image: Int[np.ndarray, " n"]
    evidence: Float[np.ndarray, " n"]
    eligible: Bool[np.ndarray, " n"]
    pinned: Int[np.ndarray, " images"] | None = None


@dataclass(frozen=True)
class Choice:
    """One segment per image: its index among the candidates, and whether the M-step keeps it.

    ``distances`` to the class statistics and ``costs``, the smallest of which is chosen, are those of all candidates;
    a first choice carries those under the statistics that follow from it.
    """

    index: Int[np.ndarray, " images"]
    inlier: Bool[np.ndarray, " images"]
    distances: Float[np.ndarray, " n"]
    costs: Float[np.ndarray, " n"]


def maximise(
    samples: Float[np.ndarray, "n d"],
    keep_percent: float,
    metric: Metric,
    sure: Bool[np.ndarray, " n"] | None = None,
) -> tuple[Model, Bool[np.ndarray, " n"]]:
    """M-step: the statistics of the inliers among a class's samples (at least one), and which they are.

    Inliers are the ``keep_percent`` % nearest, rounded, never fewer than two where there are two; ties go to the
    lower index. Samples that a person is ``sure`` of are inliers before all others, however many they are.
    """
    distances = measure(samples, fit_class(samples, metric), metric)
    sure = np.zeros(len(samples), bool) if sure is None else sure
    count = min(len(samples), max(2, round(len(samples) * keep_percent / 100), np.count_nonzero(sure)))
    inlier = np.zeros(len(samples), bool)
    inlier[np.lexsort((distances, ~sure))[:count]] = True
    return fit_class(samples[inlier], metric), inlier


def weigh(
    distances: Float[np.ndarray, " n"], candidates: Candidates, evidence_weight: float
) -> Float[np.ndarray, " n"]:
    """E-step: the cost of every candidate, infinite where it is not eligible.

    The distance minus ``evidence_weight`` times the evidence, both standardised among the eligible ones of the image: a
    posterior, up to constants. With a weight of zero its order is that of the distances.
    """
    ok, image = candidates.eligible, candidates.image
    costs = np.full(len(distances), np.inf)
    costs[ok] = standardise(distances[ok], image[ok])
    if evidence_weight:
        costs[ok] -= evidence_weight * standardise(candidates.evidence[ok], image[ok])
    return costs


def standardise(values: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """``values`` with mean 0 and standard deviation 1 within each group (0, 1, …); all 0 where they do not differ."""
    counts = np.maximum(np.bincount(group), 1)
    offsets = values - (np.bincount(group, values) / counts)[group]
    deviation = np.sqrt(np.bincount(group, offsets**2) / counts)[group]
    scale = np.maximum(np.abs(values), 1)
    return np.where(deviation > 1e-12 * scale, offsets / np.where(deviation > 0, deviation, 1), 0.0)


def choose_again(
    costs: Float[np.ndarray, " n"], image: Int[np.ndarray, " n"], distances: Float[np.ndarray, " n"] | None = None
) -> Int[np.ndarray, " images"]:
    """Per image, in order of its number, the index of the smallest cost; ties go to the smaller distance, where those
    are given, then to the lower index.
    """
    order = np.lexsort((np.arange(len(costs)), costs if distances is None else distances, costs, image))
    return order[np.flatnonzero(np.diff(image[order], prepend=-1))]


def alternate(
    candidates: Candidates,
    first: Int[np.ndarray, " images"],
    features: Features,
) -> list[Choice]:
    """The choices of one class after 0, 1, … ``iterations`` iterations, each with the inliers of its M-step.

    ``first`` is the choice of Step 1, an index into ``candidates`` per image. Of a list of ``keep_percent``, one per
    iteration, the last share repeats. Of an image with a pinned candidate every choice is that, and it is an inlier.
    """
    settings = features.metric.settings
    folds = deal(len(first), settings.folds)
    choices: list[Choice] = []
    index, sure = pin(first, candidates)
    chosen_by = None
    for step in range(settings.iterations + 1):
        samples, share = features.read(candidates.rows[index]), _share(settings.keep_percent, step)
        model, inlier = maximise(samples, share, features.metric, sure)
        if step < max(settings.iterations, 1):
            models = [model] if folds.max() == 0 else _fit_without(samples, folds, share, sure, features.metric)
            distances = _measure_all(candidates, folds, models, features)
            following = distances, weigh(distances, candidates, settings.evidence_weight)
        choices.append(Choice(index, inlier, *(chosen_by or following)))
        chosen_by = following
        index, _ = pin(choose_again(following[1], candidates.image, following[0]), candidates)
    return choices


def pin(
    index: Int[np.ndarray, " images"], candidates: Candidates
) -> tuple[Int[np.ndarray, " images"], Bool[np.ndarray, " images"]]:
    """The choice ``index`` with the pinned candidates in their images, and which images have one."""
    pinned = np.full(len(index), -1) if candidates.pinned is None else candidates.pinned
    return np.where(pinned >= 0, pinned, index), pinned >= 0


def _share(keep_percent: float | Sequence[float], step: int) -> float:
    shares = keep_percent if isinstance(keep_percent, Sequence) else [keep_percent]
    return shares[min(step, len(shares) - 1)]


def deal(num_images: int, num_folds: int) -> Int[np.ndarray, " images"]:
    """The fold of each of a class's images, 0, 1, …, in turn: as many folds as asked for, at most one per image."""
    return np.arange(num_images) % min(num_folds, num_images)


def _fit_without(
    samples: Float[np.ndarray, "n d"],
    folds: Int[np.ndarray, " n"],
    share: float,
    sure: Bool[np.ndarray, " n"],
    metric: Metric,
) -> list[Model]:
    """For each fold the statistics of the samples of all others."""
    others = [folds != fold for fold in range(folds.max() + 1)]
    return [maximise(samples[other], share, metric, sure[other])[0] for other in others]


def _measure_all(
    candidates: Candidates, folds: Int[np.ndarray, " images"], models: Sequence[Model], features: Features
) -> Float[np.ndarray, " n"]:
    """The distance of every candidate to the statistics of its image's fold, block by block."""
    distances = np.zeros(len(candidates.rows))
    for fold, model in enumerate(models):
        own = np.flatnonzero(folds[candidates.image] == fold)
        for at in blocks(len(own)):
            rows = candidates.rows[own[at]]
            measured = features.metric.distance.measure(features.read(rows), model, features.taken_off[rows])
            distances[own[at]] = measured
    return distances
