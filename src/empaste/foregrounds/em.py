"""F-EM, the maths alone (EM-Paste §3.1, Algorithm 1): arrays in, arrays out, one class at a time.

Symbols of the paper: segment ``s``, feature extractor ``phi``, class ``a``, foreground ``O_i^a`` of image ``I_i``,
``h_i = phi(O_i^a)``, class mean ``mu`` and covariance ``Sigma``.

- Step 2, M-step: ``mu, Sigma`` of all ``h_i``; keep the ``k`` % with the smallest distance
  ``D(h) = sqrt((h - mu)^T Sigma^-1 (h - mu))``; ``mu, Sigma`` again, of those inliers.
- Step 3, E-step: in each image, of *all* segments the one with the smallest ``D``.

Step 1 is in `empaste.foregrounds.initial`.

Notes
-----
The paper's text has Mahalanobis distances, its figure cosine similarities; both are here, and two departures that hold
where features have much in common (`DISTANCES`). ``Sigma`` is shrunk (`empaste.foregrounds.covariances`); where a class
has a single sample, or samples that do not differ, it is that of all segments. The E-step may be a posterior: the
distance says how likely a look is for the class, ``evidence`` what the image itself says of the segment; with a weight
of zero it is the paper's. A class may be a mixture of several Gaussians (`empaste.foregrounds.mixture`).

Features are read block by block, so that they may lie in a file that is larger than memory.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.foregrounds.covariances import Covariance, fit_covariance, squared_distances
from empaste.foregrounds.mixture import assign_components

DISTANCES = ("mahalanobis", "relative_mahalanobis", "cosine", "centred_cosine")
"""``relative_mahalanobis``: D² to the class minus D² to all segments (J. Ren et al., 2021), on centred features;
``centred_cosine``: cosine after the mean of all segments is taken off."""

BLOCK = 4096
"""Rows of features that are in memory at once."""
MANY = 20_000
"""So many rows tell the mean and the covariance of all segments (or eight per dimension)."""

Reader = Callable[[Int[np.ndarray, " n"]], Float[np.ndarray, "n d"]]
"""The features of the named segments, embedded."""


@dataclass(frozen=True)
class Embedding:
    """What becomes of ``phi`` before distances: ``centre`` taken off, unit length, projected on ``axes``."""

    centre: Float[np.ndarray, " d"] | None
    unit: bool
    axes: Float[np.ndarray, "d r"] | None


@dataclass(frozen=True)
class Model:
    """What is known of a class: the mean of each component, and their common covariance (None for a cosine)."""

    means: Float[np.ndarray, "k d"]
    covariance: Covariance | None


@dataclass(frozen=True)
class Metric:
    """How distances are measured: the parameters, and the statistics of all segments of the data set."""

    distance: str
    covariance: str
    shrinkage: float
    max_components: int
    everything: Model


@dataclass(frozen=True)
class Candidates:
    """The segments of the images that show a class.

    ``rows`` in the features, ``image`` the number of each one's image (0, 1, …); ``evidence`` for being the object,
    higher is better, 0 where there is none; an E-step chooses among the ``eligible``, at least one per image.
    """

    rows: Int[np.ndarray, " n"]
    image: Int[np.ndarray, " n"]
    evidence: Float[np.ndarray, " n"]
    eligible: Bool[np.ndarray, " n"]


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


def fit_embedding(phi: Float[np.ndarray, "n d"], distance: str, normalise: bool, components: float | None) -> Embedding:
    """The embedding in which ``distance`` is measured, of at least one row.

    Centred by the mean of all where the distance asks for that; unit length where ``normalise`` or a cosine does.
    ``components`` projects on so many principal axes, or, under 1, on those that hold such a share of the variance;
    None does not, and cosines never do.
    """
    centred = distance in ("relative_mahalanobis", "centred_cosine")
    centre = _mean(phi).astype(phi.dtype) if centred else None
    embedding = Embedding(centre, normalise or "cosine" in distance, None)
    if components is None or "cosine" in distance:
        return embedding
    return replace(embedding, axes=_principal_axes(embed(_spread_rows(phi), embedding), components))


def embed(phi: Float[np.ndarray, "n d"], embedding: Embedding) -> Float[np.ndarray, "n r"]:
    """``phi`` embedded, in its own precision; a zero vector stays zero."""
    features = np.asarray(phi)
    if embedding.centre is not None:
        features = features - embedding.centre
    if embedding.unit:
        lengths = np.sqrt(np.einsum("nd,nd->n", features, features))[:, None]
        features = features / np.where(lengths > 0, lengths, 1)
    return features if embedding.axes is None else features @ embedding.axes


def fit_metric(
    phi: Float[np.ndarray, "n d"],
    embedding: Embedding,
    distance: str,
    covariance: str,
    shrinkage: float,
    max_components: int = 1,
) -> Metric:
    """The metric with the statistics of all segments, at least one; of evenly spaced ones where there are very many."""
    samples = embed(_spread_rows(phi), embedding).astype(np.float64)
    spread = None if "cosine" in distance else fit_covariance(samples, covariance, shrinkage)
    if spread is None and "cosine" not in distance:
        spread = Covariance(None, np.ones(samples.shape[1]))
    return Metric(distance, covariance, shrinkage, max_components, Model(samples.mean(axis=0)[None], spread))


def fit_class(samples: Float[np.ndarray, "n d"], metric: Metric) -> Model:
    """The statistics of one class's samples, at least one."""
    samples = samples.astype(np.float64, copy=False)
    component = assign_components(samples, metric.max_components)
    means = np.stack([samples[component == number].mean(axis=0) for number in range(component.max() + 1)])
    if "cosine" in metric.distance:
        return Model(means, None)
    spread = fit_covariance(samples - means[component], metric.covariance, metric.shrinkage)
    return Model(means, spread or metric.everything.covariance)


def measure(features: Float[np.ndarray, "n d"], model: Model, metric: Metric) -> Float[np.ndarray, " n"]:
    """The distance of every row to a class, to its nearest component: smaller is more alike.

    A relative one may be negative.
    """
    own = _nearest(features, model)
    if metric.distance == "mahalanobis":
        return np.sqrt(own)
    return own - _nearest(features, metric.everything) if metric.distance == "relative_mahalanobis" else own


def measure_everything(phi: Float[np.ndarray, "n d"], embedding: Embedding, metric: Metric) -> Float[np.ndarray, " n"]:
    """What a relative distance takes off, for every row: D² to all segments; zeros for the others."""
    if metric.distance != "relative_mahalanobis":
        return np.zeros(len(phi))
    parts = [_nearest(embed(block, embedding), metric.everything) for block in _blocks(phi)]
    return np.concatenate([*parts, np.zeros(0)])


def maximise(
    samples: Float[np.ndarray, "n d"], keep_percent: float, metric: Metric
) -> tuple[Model, Bool[np.ndarray, " n"]]:
    """M-step: the statistics of the inliers among a class's samples (at least one), and which they are.

    Inliers are the ``keep_percent`` % nearest, rounded, never fewer than two where there are two; ties go to the
    lower index.
    """
    distances = measure(samples, fit_class(samples, metric), metric)
    count = min(len(samples), max(2, round(len(samples) * keep_percent / 100)))
    inlier = np.zeros(len(samples), bool)
    inlier[np.argsort(distances, kind="stable")[:count]] = True
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
    are given, then to the lower index."""
    order = np.lexsort((np.arange(len(costs)), costs if distances is None else distances, costs, image))
    return order[np.flatnonzero(np.diff(image[order], prepend=-1))]


def alternate(
    candidates: Candidates,
    first: Int[np.ndarray, " images"],
    read: Reader,
    background: Float[np.ndarray, " n"],
    iterations: int,
    keep_percent: Sequence[float],
    metric: Metric,
    evidence_weight: float = 0.0,
) -> list[Choice]:
    """The choices of one class after 0, 1, … ``iterations`` iterations, each with the inliers of its M-step.

    ``first`` is the choice of Step 1, an index into ``candidates`` per image. ``read`` gives the features of rows,
    ``background`` what `measure_everything` says of the candidates. ``keep_percent`` holds one share per iteration, the
    last of which repeats.
    """
    choices: list[Choice] = []
    index, chosen_by = first, None
    for step in range(iterations + 1):
        percent = keep_percent[min(step, len(keep_percent) - 1)]
        model, inlier = maximise(read(candidates.rows[index]), percent, metric)
        if step < max(iterations, 1):
            distances = _measure_all(candidates.rows, read, model, background, metric)
            following = distances, weigh(distances, candidates, evidence_weight)
        choices.append(Choice(index, inlier, *(chosen_by or following)))
        chosen_by = following
        index = choose_again(following[1], candidates.image, following[0])
    return choices


def _measure_all(
    rows: Int[np.ndarray, " n"],
    read: Reader,
    model: Model,
    background: Float[np.ndarray, " n"],
    metric: Metric,
) -> Float[np.ndarray, " n"]:
    """As `measure`, block by block."""
    parts = [_nearest(read(rows[start : start + BLOCK]), model) for start in range(0, len(rows), BLOCK)]
    own = np.concatenate([*parts, np.zeros(0)])
    return np.sqrt(own) if metric.distance == "mahalanobis" else own - background


def _nearest(features: Float[np.ndarray, "n d"], model: Model) -> Float[np.ndarray, " n"]:
    """D² to the nearest component; one minus the greatest cosine where there is no covariance."""
    if model.covariance is None:
        lengths = np.linalg.norm(model.means, axis=1, keepdims=True)
        directions = model.means / np.where(lengths > 0, lengths, 1)
        return 1 - np.asarray(features @ directions.T.astype(features.dtype), np.float64).max(axis=1)
    means = model.means.astype(features.dtype, copy=False)
    return np.minimum.reduce([squared_distances(features - mean, model.covariance) for mean in means])


def _blocks(phi: Float[np.ndarray, "n d"]) -> Iterator[Float[np.ndarray, "m d"]]:
    return (phi[start : start + BLOCK] for start in range(0, len(phi), BLOCK))


def _mean(phi: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    return np.sum([block.sum(axis=0, dtype=np.float64) for block in _blocks(phi)], axis=0) / len(phi)


def _spread_rows(phi: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m d"]:
    """All rows, or evenly spaced ones where they are many more than their statistics need."""
    most = max(MANY, 8 * phi.shape[1])
    return phi if len(phi) <= most else phi[np.linspace(0, len(phi) - 1, most).astype(int)]


def _principal_axes(features: Float[np.ndarray, "n d"], components: float) -> Float[np.ndarray, "d r"]:
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred)
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    if components < 1:
        components = 1 + int(np.sum(np.cumsum(values) < components * values.sum()))
    return np.ascontiguousarray(axes[:, : int(components)].astype(features.dtype))
