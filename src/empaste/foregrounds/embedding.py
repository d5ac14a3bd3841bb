"""What becomes of ``phi`` before distances are measured: centred, scaled to unit length, projected on principal axes.

Features are read block by block, so that they may lie in a file that is larger than memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

BLOCK = 4096
"""Rows of features that are in memory at once."""
MANY = 20_000
"""So many rows tell the mean and the covariance of all segments (or eight per dimension)."""


@dataclass(frozen=True)
class Embedding:
    """``centre`` is taken off first, then rows are scaled to length 1 (``unit``) and projected on ``axes``."""

    centre: Float[np.ndarray, " d"] | None
    unit: bool
    axes: Float[np.ndarray, "d r"] | None = None


def fit_embedding(phi: Float[np.ndarray, "n d"], centred: bool, unit: bool, components: float | None) -> Embedding:
    """The embedding of ``phi``, at least one row; ``centred`` takes the mean of all rows off.

    ``components`` projects on so many principal axes, or, under 1, on those that hold such a share of the variance;
    None does not project.
    """
    embedding = Embedding(_mean(phi).astype(phi.dtype) if centred else None, unit)
    if components is None:
        return embedding
    return replace(embedding, axes=_principal_axes(embed(spread_rows(phi), embedding), components))


def embed(phi: Float[np.ndarray, "n d"], embedding: Embedding) -> Float[np.ndarray, "n r"]:
    """``phi`` embedded, in its own precision; a zero vector stays zero."""
    features = np.asarray(phi)
    if embedding.centre is not None:
        features = features - embedding.centre
    if embedding.unit:
        lengths = np.sqrt(np.einsum("nd,nd->n", features, features))[:, None]
        features = features / np.where(lengths > 0, lengths, 1)
    return features if embedding.axes is None else features @ embedding.axes


def blocks(num: int) -> Iterator[slice]:
    """``num`` rows in parts of `BLOCK`."""
    return (slice(start, start + BLOCK) for start in range(0, num, BLOCK))


def spread_rows(phi: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m d"]:
    """All rows, or evenly spaced ones where they are many more than their statistics need."""
    most = max(MANY, 8 * phi.shape[1])
    return phi if len(phi) <= most else phi[np.linspace(0, len(phi) - 1, most).astype(int)]


def _mean(phi: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    total: Float[np.ndarray, " d"] = np.sum([phi[at].sum(axis=0, dtype=np.float64) for at in blocks(len(phi))], axis=0)
    return total / len(phi)


def _principal_axes(features: Float[np.ndarray, "n d"], components: float) -> Float[np.ndarray, "d r"]:
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    values, axes = np.linalg.eigh(centred.T @ centred)
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    if components < 1:
        components = 1 + int(np.sum(np.cumsum(values) < components * values.sum()))
    return np.ascontiguousarray(axes[:, : int(components)].astype(features.dtype))
