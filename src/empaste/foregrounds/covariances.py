"""Covariance estimates that can be inverted with fewer samples than dimensions; no pseudo-inverse, which would make all
samples equally distant.

All but ``diagonal`` shrink the sample covariance towards a multiple of the identity,
``Sigma = (1 - w) S + w m I`` with ``m = tr(S) / d``, and differ in the weight ``w``:

- ``ledoit_wolf``: the weight of least expected error (Ledoit & Wolf 2004).
- ``oas``: the same under the assumption of a Gaussian (Chen, Wiesel, Eldar & Hero 2010).
- ``identity_shrinkage``: a fixed weight, the parameter ``shrinkage``.
- ``pca_ledoit_wolf``: Ledoit–Wolf; features are projected on their principal axes first (`embedding.fit_embedding`).
- ``diagonal``: variances alone.

With few samples, a shrunk covariance is told by the eigenvectors of ``S`` with a variance, at most one per sample; with
many, by a triangular factor of its inverse. Both make distances of many segments of many dimensions cheap.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float
from scipy.linalg import get_blas_funcs, solve_triangular

Weigh = Callable[[float, float, Float[np.ndarray, " n"], int, float], float]
"""Takes ``tr(S²)``, the mean variance, the samples' squared lengths, the dimension and the parameter ``shrinkage``."""
LEAST_WEIGHT_OF_FEW, LEAST_WEIGHT = 1e-4, 1e-6
"""Where a weight comes out smaller, with no more samples than dimensions and with more, so that the inverse exists."""
LEAST_VARIANCE = 1e-3
"""A dimension in which a class's samples do not differ gets this share of the mean variance."""


@dataclass(frozen=True)
class Covariance:
    """``z^T Sigma^-1 z`` is ``scale · (axes^T z)²``, plus ``rest`` times the squared length of what lies off the axes.

    ``axes`` None stands for the dimensions themselves; ``triangular`` ones are zero under the diagonal, and not
    orthonormal, so that nothing lies off them.
    """

    axes: Float[np.ndarray, "d r"] | None
    scale: Float[np.ndarray, " r"]
    rest: float = 0.0
    triangular: bool = False


def fit_covariance(samples: Float[np.ndarray, "n d"], method: str, shrinkage: float) -> Covariance | None:
    """The covariance of ``samples`` around their mean; None where they do not differ, so that there is none."""
    samples = samples.astype(np.float64, copy=False)
    centred = samples - samples.mean(axis=0)
    variance = float(np.mean(centred**2))
    if len(samples) < 2 or variance <= 1e-12 * max(1.0, float(np.mean(samples**2))):
        return None
    return COVARIANCES[method].fit(centred, variance, shrinkage)


def _diagonal(centred: Float[np.ndarray, "n d"], variance: float, _shrinkage: float) -> Covariance:
    return Covariance(None, 1 / np.maximum((centred**2).mean(axis=0), LEAST_VARIANCE * variance))


def _shrunk(centred: Float[np.ndarray, "n d"], variance: float, shrinkage: float, weigh: Weigh) -> Covariance:
    """Towards the identity, by the weight that ``weigh`` gives; ``variance`` is the mean of all dimensions'."""
    num, dimension = centred.shape
    lengths = np.square(centred).sum(axis=1)
    # Sum of the squared entries of S: the same for the samples' inner products, of which there may be fewer.
    products = (centred @ centred.T if num < dimension else centred.T @ centred) / num
    weight = weigh(float(np.square(products).sum()), variance, lengths, dimension, shrinkage)
    weight = max(weight, LEAST_WEIGHT_OF_FEW if num <= dimension else LEAST_WEIGHT)
    if 2 * num < dimension:
        return _by_eigenvectors(centred, products, weight, variance)
    return _by_factor(centred.T @ centred / num if num < dimension else products, weight, variance)


def squared_distances(offsets: Float[np.ndarray, "n d"], covariance: Covariance) -> Float[np.ndarray, " n"]:
    """``z^T Sigma^-1 z`` of every row ``z``, never negative, as doubles; computed in the precision of the rows."""
    scale = covariance.scale.astype(offsets.dtype, copy=False)
    if covariance.axes is None:
        return np.asarray(np.square(offsets) @ scale, np.float64)
    axes = covariance.axes.astype(offsets.dtype, copy=False)
    if covariance.triangular:
        (multiply,) = get_blas_funcs(("trmm",), (axes, offsets))
        along = multiply(1.0, axes.T, offsets.T, lower=1).T
        return np.asarray(np.einsum("nd,nd->n", along, along), np.float64)
    along = np.square(offsets @ axes)
    off = np.einsum("nd,nd->n", offsets, offsets) - along.sum(axis=1)
    return np.asarray(np.asarray(along @ scale, np.float64) + covariance.rest * np.maximum(off, 0))


def _by_eigenvectors(
    centred: Float[np.ndarray, "n d"], products: Float[np.ndarray, "n n"], weight: float, variance: float
) -> Covariance:
    """Of few samples, whose inner products (by their number) have the eigenvalues of ``S`` that are not zero."""
    values, mixtures = np.linalg.eigh(products)
    kept = values > 1e-10 * values[-1]
    values = values[kept]
    axes = centred.T @ mixtures[:, kept] / np.sqrt(len(centred) * values)
    return Covariance(axes, 1 / ((1 - weight) * values + weight * variance), 1 / (weight * variance))


def _by_factor(sample: Float[np.ndarray, "d d"], weight: float, variance: float) -> Covariance:
    """``Sigma^-1 = W W^T`` with ``W`` zero under the diagonal."""
    shrunk = (1 - weight) * sample
    shrunk[np.diag_indices(len(shrunk))] += weight * variance
    inverse = solve_triangular(np.linalg.cholesky(shrunk), np.eye(len(shrunk)), lower=True)
    return Covariance(np.ascontiguousarray(inverse.T), np.ones(len(shrunk)), triangular=True)


def _fixed(_squared: float, _mean: float, _lengths: np.ndarray, _dimension: int, shrinkage: float) -> float:
    return shrinkage


def _ledoit_wolf(squared: float, mean: float, lengths: np.ndarray, dimension: int, _shrinkage: float) -> float:
    """From ``tr(S²)``, ``tr(S) / d`` and the squared lengths of the samples, in which the paper's sums are."""
    num = len(lengths)
    spread = squared / dimension - mean**2
    error = min((np.square(lengths).sum() / num - squared) / (dimension * num), spread)
    return 0.0 if error <= 0 else float(error / spread)


def _oas(squared: float, mean: float, lengths: np.ndarray, dimension: int, _shrinkage: float) -> float:
    squared /= dimension**2
    spread = (len(lengths) + 1) * (squared - mean**2 / dimension)
    return 1.0 if spread <= 0 else float(min((squared + mean**2) / spread, 1.0))


@dataclass(frozen=True)
class Estimate:
    """How a covariance is estimated: from centred samples, their mean variance and the parameter ``shrinkage``.

    ``projects`` where features are first projected on so many principal axes as the parameter ``components`` says.
    """

    fit: Callable[[Float[np.ndarray, "n d"], float, float], Covariance]
    projects: bool = False


COVARIANCES: dict[str, Estimate] = {
    "ledoit_wolf": Estimate(partial(_shrunk, weigh=_ledoit_wolf)),
    "oas": Estimate(partial(_shrunk, weigh=_oas)),
    "identity_shrinkage": Estimate(partial(_shrunk, weigh=_fixed)),
    "pca_ledoit_wolf": Estimate(partial(_shrunk, weigh=_ledoit_wolf), projects=True),
    "diagonal": Estimate(_diagonal),
}
"""A new estimate is one record here and its name in `settings`."""
