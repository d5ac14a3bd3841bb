"""Covariance estimates that can be inverted with fewer samples than dimensions; no pseudo-inverse, which would make all
samples equally distant.

All but ``diagonal`` shrink the sample covariance towards a multiple of the identity,
``Sigma = (1 - w) S + w m I`` with ``m = tr(S) / d``, and differ in the weight ``w``:

- ``ledoit_wolf``: the weight of least expected error (Ledoit & Wolf 2004).
- ``oas``: the same under the assumption of a Gaussian (Chen, Wiesel, Eldar & Hero 2010).
- ``identity_shrinkage``: a fixed weight, the parameter ``shrinkage``.
- ``pca_ledoit_wolf``: Ledoit–Wolf; the features are projected on their principal axes first (`em.fit_embedding`).
- ``diagonal``: variances alone.

A shrunk covariance needs the eigenvectors of ``S`` alone, at most one per sample: that is all that is kept of it, and
what makes distances of many segments of many dimensions cheap.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

LEAST_WEIGHT = 1e-4
"""Where a weight comes out smaller and the samples are fewer than the dimensions, so that the inverse exists."""
LEAST_VARIANCE = 1e-3
"""A dimension in which a class's samples do not differ gets this share of the mean variance."""


@dataclass(frozen=True)
class Covariance:
    """``z^T Sigma^-1 z`` is ``scale · (axes^T z)²``, plus ``rest`` times the squared length of what lies off the axes.

    ``axes`` are orthonormal; None stands for the dimensions themselves.
    """

    axes: Float[np.ndarray, "d r"] | None
    scale: Float[np.ndarray, " r"]
    rest: float


def fit_covariance(samples: Float[np.ndarray, "n d"], method: str, shrinkage: float) -> Covariance | None:
    """The covariance of ``samples`` around their mean; None where they do not differ, so that there is none."""
    centred = samples - samples.mean(axis=0)
    variance = float(np.mean(centred**2))
    if len(samples) < 2 or variance <= 1e-12 * max(1.0, float(np.mean(samples**2))):
        return None
    if method == "diagonal":
        variances = np.maximum((centred**2).mean(axis=0), LEAST_VARIANCE * variance)
        return Covariance(None, 1 / variances, 0.0)
    values, axes = _principal_axes(centred)
    dimension = centred.shape[1]
    weight = WEIGHTS[method](values, np.square(centred).sum(axis=1), dimension, shrinkage)
    full = len(values) == dimension
    if not full or values.min() * (1 - weight) + weight * variance < LEAST_WEIGHT * variance:
        weight = max(weight, LEAST_WEIGHT)
    return Covariance(
        axes.astype(samples.dtype),
        1 / ((1 - weight) * values + weight * variance),
        0.0 if full else 1 / (weight * variance),
    )


def squared_distances(offsets: Float[np.ndarray, "n d"], covariance: Covariance) -> Float[np.ndarray, " n"]:
    """``z^T Sigma^-1 z`` of every row ``z``, never negative; products in the precision of the rows, sums in double."""
    if covariance.axes is None:
        return np.square(offsets, dtype=np.float64) @ covariance.scale
    along = np.square(offsets @ covariance.axes.astype(offsets.dtype, copy=False), dtype=np.float64)
    squared = along @ covariance.scale
    if covariance.rest:
        off = np.einsum("nd,nd->n", offsets, offsets, dtype=np.float64) - along.sum(axis=1)
        squared += covariance.rest * np.maximum(off, 0)
    return squared


def _principal_axes(
    centred: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, " r"], Float[np.ndarray, "d r"]]:
    """The eigenvalues of the sample covariance, all or those over zero, and their eigenvectors as columns."""
    num, dimension = centred.shape
    centred = centred.astype(np.float64, copy=False)
    if num > dimension:
        values, axes = np.linalg.eigh(centred.T @ centred / num)
        return np.maximum(values, 0), axes
    values, mixtures = np.linalg.eigh(centred @ centred.T / num)
    kept = values > 1e-10 * values[-1]
    return values[kept], centred.T @ mixtures[:, kept] / np.sqrt(num * values[kept])


def _fixed(values: np.ndarray, lengths: np.ndarray, dimension: int, shrinkage: float) -> float:
    return shrinkage


def _ledoit_wolf(values: np.ndarray, lengths: np.ndarray, dimension: int, shrinkage: float) -> float:
    """From the eigenvalues of ``S`` and the squared lengths of the samples: both sums of the paper are in them."""
    num, mean = len(lengths), values.sum() / dimension
    squared = np.square(values).sum()
    error = (np.square(lengths).sum() / num - squared) / (dimension * num)
    spread = squared / dimension - mean**2
    error = min(error, spread)
    return 0.0 if error <= 0 else float(error / spread)


def _oas(values: np.ndarray, lengths: np.ndarray, dimension: int, shrinkage: float) -> float:
    mean = values.sum() / dimension
    squared = np.square(values).sum() / dimension**2
    spread = (len(lengths) + 1) * (squared - mean**2 / dimension)
    return 1.0 if spread <= 0 else float(min((squared + mean**2) / spread, 1.0))


WEIGHTS: dict[str, Callable[[np.ndarray, np.ndarray, int, float], float]] = {
    "ledoit_wolf": _ledoit_wolf,
    "oas": _oas,
    "identity_shrinkage": _fixed,
    "pca_ledoit_wolf": _ledoit_wolf,
}
COVARIANCES = (*WEIGHTS, "diagonal")
