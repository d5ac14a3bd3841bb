"""F-EM, the maths alone (EM-Paste §3.1, Algorithm 1): arrays in, arrays out, one class at a time.

Symbols of the paper: segment ``s``, feature extractor ``phi``, class ``a``, foreground ``O_i^a`` of image ``I_i``,
``h_i = phi(O_i^a)``, centre ``c`` of the class activation map, class mean ``mu`` and covariance ``Sigma``.

- Step 1, initial choice: of the ``n`` segments with the smallest mean pixel distance to ``c``, the one with the highest
  class probability.
- Step 2, M-step: ``mu, Sigma`` of all ``h_i``; keep the ``k`` % with the smallest distance
  ``D(h) = sqrt((h - mu)^T Sigma^-1 (h - mu))``; ``mu, Sigma`` again, of those inliers.
- Step 3, E-step: in each image, of *all* segments the one with the smallest ``D``.

Notes
-----
The paper's text has Mahalanobis distances, its figure cosine similarities; both are here, and two departures that hold
where features have much in common (`DISTANCES`). ``Sigma`` is singular with fewer samples than dimensions, and a
pseudo-inverse would make all samples equally distant, so it is shrunk (`COVARIANCES`). Where a class has a single
sample, or samples that do not differ, ``Sigma`` is that of all segments.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

DISTANCES = ("mahalanobis", "relative_mahalanobis", "cosine", "centred_cosine")
"""``relative_mahalanobis``: D² to the class minus D² to all segments (J. Ren et al., 2021), on centred features;
``centred_cosine``: cosine after the mean of all segments is taken off."""

COVARIANCES = ("ledoit_wolf", "identity_shrinkage")
"""Ledoit & Wolf (2004), or ``(1 - w) S + w tr(S)/d I`` with a fixed weight ``w``."""


@dataclass(frozen=True)
class Gaussian:
    """Mean and inverse covariance; no inverse covariance where the distance is a cosine."""

    mean: Float[np.ndarray, " d"]
    precision: Float[np.ndarray, "d d"] | None


@dataclass(frozen=True)
class Choice:
    """One segment per image: its index among the class's segments, its distance, whether the M-step keeps it."""

    index: Int[np.ndarray, " images"]
    distance: Float[np.ndarray, " images"]
    inlier: Bool[np.ndarray, " images"]


@dataclass(frozen=True)
class Metric:
    """How distances are measured: the parameters, and the statistics of all segments of the data set."""

    distance: str
    covariance: str
    shrinkage: float
    everything: Gaussian


def embed(phi: Float[np.ndarray, "n d"], distance: str, normalise: bool) -> Float[np.ndarray, "n d"]:
    """The features in which ``distance`` is measured: centred by the mean of all where it asks for that, unit length
    where ``normalise`` or a cosine does; a zero vector stays zero."""
    features = np.asarray(phi, np.float64)
    if distance in ("relative_mahalanobis", "centred_cosine") and len(features):
        features = features - features.mean(axis=0)
    if normalise or "cosine" in distance:
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.where(lengths > 0, lengths, 1)
    return features


def fit_metric(features: Float[np.ndarray, "n d"], distance: str, covariance: str, shrinkage: float) -> Metric:
    """The metric with the statistics of all segments' ``features``, at least one."""
    mean = features.mean(axis=0)
    if "cosine" in distance:
        return Metric(distance, covariance, shrinkage, Gaussian(mean, None))
    precision = invert_covariance(features, covariance, shrinkage)
    return Metric(
        distance, covariance, shrinkage, Gaussian(mean, np.eye(len(mean)) if precision is None else precision)
    )


def fit_class(features: Float[np.ndarray, "n d"], metric: Metric) -> Gaussian:
    """``mu`` and ``Sigma^-1`` of one class's samples, at least one."""
    mean = features.mean(axis=0)
    if "cosine" in metric.distance:
        return Gaussian(mean, None)
    precision = invert_covariance(features, metric.covariance, metric.shrinkage)
    return Gaussian(mean, metric.everything.precision if precision is None else precision)


def invert_covariance(
    features: Float[np.ndarray, "n d"], covariance: str, shrinkage: float
) -> Float[np.ndarray, "d d"] | None:
    """The inverse of the shrunk covariance; None where the samples do not differ, so that there is none."""
    centred = features - features.mean(axis=0)
    num, dimension = centred.shape
    variance = np.sum(centred**2) / (num * dimension)
    if num < 2 or variance <= 1e-12 * max(1.0, float(np.mean(features**2))):
        return None
    if covariance == "ledoit_wolf":
        from sklearn.covariance import ledoit_wolf

        return np.linalg.inv(ledoit_wolf(centred, assume_centered=True)[0])
    # A weight of zero leaves a singular matrix where samples are few; the tiny floor keeps it invertible.
    weight = max(shrinkage, 1e-6)
    shrunk = (1 - weight) * (centred.T @ centred) / num
    shrunk[np.diag_indices(dimension)] += weight * variance
    return np.linalg.inv(shrunk)


def measure(features: Float[np.ndarray, "n d"], statistics: Gaussian, metric: Metric) -> Float[np.ndarray, " n"]:
    """The distance of every row to a class: smaller is more alike; a relative one may be negative."""
    if statistics.precision is None:
        length = np.linalg.norm(statistics.mean)
        return 1 - features @ statistics.mean / (length if length > 0 else 1)
    own = _squared_mahalanobis(features, statistics)
    if metric.distance == "mahalanobis":
        return np.sqrt(own)
    return own - _squared_mahalanobis(features, metric.everything)


def _squared_mahalanobis(features: Float[np.ndarray, "n d"], statistics: Gaussian) -> Float[np.ndarray, " n"]:
    z = features - statistics.mean
    return np.maximum(((z @ statistics.precision) * z).sum(axis=1), 0)


def mean_distances(masks: Bool[np.ndarray, "n h w"], centre_xy: tuple[float, float]) -> Float[np.ndarray, " n"]:
    """The mean Euclidean distance of each mask's pixels to ``centre_xy``, in pixels; infinite for an empty mask."""
    height, width = masks.shape[1:]
    x, y = centre_xy
    to_centre = np.hypot(np.arange(width) - x, (np.arange(height) - y)[:, None]).ravel()
    segment, pixel = np.nonzero(masks.reshape(len(masks), height * width))
    counts = np.bincount(segment, minlength=len(masks))
    sums = np.bincount(segment, to_centre[pixel], minlength=len(masks))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def choose_first(distances: Float[np.ndarray, " n"] | None, probs: Float[np.ndarray, " n"], num_nearest: int) -> int:
    """Step 1 in one image: the most probable of the ``num_nearest`` nearest; of all, where there are no distances.

    Ties go to the lower index.
    """
    if distances is None:
        return int(np.argmax(probs))
    nearest = np.sort(np.argsort(distances, kind="stable")[:num_nearest])
    return int(nearest[np.argmax(probs[nearest])])


def maximise(
    features: Float[np.ndarray, "n d"], keep_percent: float, metric: Metric
) -> tuple[Gaussian, Bool[np.ndarray, " n"]]:
    """M-step: the statistics of the inliers among a class's samples (at least one), and which they are.

    Inliers are the ``keep_percent`` % nearest, rounded, never fewer than two where there are two; ties go to the
    lower index.
    """
    distances = measure(features, fit_class(features, metric), metric)
    count = min(len(features), max(2, round(len(features) * keep_percent / 100)))
    inlier = np.zeros(len(features), bool)
    inlier[np.argsort(distances, kind="stable")[:count]] = True
    return fit_class(features[inlier], metric), inlier


def choose_again(distances: Float[np.ndarray, " n"], image: Int[np.ndarray, " n"]) -> Int[np.ndarray, " images"]:
    """E-step: per image, in order of its number, the index of the smallest distance; ties go to the lower index."""
    order = np.lexsort((np.arange(len(distances)), distances, image))
    first = np.flatnonzero(np.diff(image[order], prepend=-1))
    return order[first]


def alternate(
    features: Float[np.ndarray, "n d"],
    image: Int[np.ndarray, " n"],
    first: Choice,
    iterations: int,
    keep_percent: float,
    metric: Metric,
) -> list[Choice]:
    """The choices of one class after 0, 1, … ``iterations`` iterations, each with the inliers of its M-step.

    ``features`` are those of all segments of the images that show the class, ``image`` the number of each one's image
    (0, 1, …), ``first`` the choice of Step 1 in as many images.
    """
    choices = []
    choice = first
    for step in range(iterations + 1):
        statistics, inlier = maximise(features[choice.index], keep_percent, metric)
        choices.append(replace(choice, inlier=inlier))
        if step < iterations:
            distances = measure(features, statistics, metric)
            index = choose_again(distances, image)
            choice = Choice(index, distances[index], np.zeros(len(index), bool))
    return choices
