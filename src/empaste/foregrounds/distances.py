"""How far a segment is from a class, by name: each distance says how it embeds, fits and measures.

Notes
-----
The paper's text has Mahalanobis distances, its figure cosine similarities; both are here, and two departures that hold
where features have much in common:

- ``relative_mahalanobis``: D² to the class minus D² to all segments (J. Ren et al., 2021), on centred features;
- ``centred_cosine``: the cosine after the mean of all segments is taken off.

A new distance is one record in `DISTANCES` and its name in `settings`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from empaste.foregrounds.covariances import COVARIANCES, Covariance, fit_covariance, squared_distances
from empaste.foregrounds.embedding import Embedding, fit_embedding
from empaste.foregrounds.settings import ForegroundsSettings


@dataclass(frozen=True)
class Model:
    """What is known of a class: the mean of each component, and their common covariance, which a cosine ignores."""

    means: Float[np.ndarray, "k d"]
    covariance: Covariance


Embed = Callable[[Float[np.ndarray, "n d"], ForegroundsSettings], Embedding]
Fit = Callable[[Float[np.ndarray, "n d"], Covariance, ForegroundsSettings], Covariance]
Measure = Callable[[Float[np.ndarray, "n d"], Model, Float[np.ndarray, " n"]], Float[np.ndarray, " n"]]
TakeOff = Callable[[Float[np.ndarray, "n d"], Model], Float[np.ndarray, " n"]]


@dataclass(frozen=True)
class Distance:
    """One way to compare features with a class.

    ``embed`` gives the embedding of all ``phi``; ``fit`` the covariance of one class's samples, given the one that
    holds where they do not differ; ``measure`` the distance of every row to the nearest component of a class, smaller
    is more alike. Where there is one, ``take_off`` says of every row, from the model of all segments, what ``measure``
    takes off.
    """

    embed: Embed
    fit: Fit
    measure: Measure
    take_off: TakeOff | None = None


def _embed_for_covariance(
    phi: Float[np.ndarray, "n d"], settings: ForegroundsSettings, centred: bool = False
) -> Embedding:
    components = settings.components if COVARIANCES[settings.covariance].projects else None
    return fit_embedding(phi, centred, settings.normalise, components)


def _embed_for_cosine(
    phi: Float[np.ndarray, "n d"], _settings: ForegroundsSettings, centred: bool = False
) -> Embedding:
    """Of unit length always, and never projected."""
    return fit_embedding(phi, centred, unit=True, components=None)


def _fit_covariance(
    samples: Float[np.ndarray, "n d"], otherwise: Covariance, settings: ForegroundsSettings
) -> Covariance:
    return fit_covariance(samples, settings.covariance, settings.shrinkage) or otherwise


def _fit_nothing(
    _samples: Float[np.ndarray, "n d"], otherwise: Covariance, _settings: ForegroundsSettings
) -> Covariance:
    return otherwise


def _squared(features: Float[np.ndarray, "n d"], model: Model) -> Float[np.ndarray, " n"]:
    """D² to the nearest component."""
    means = model.means.astype(features.dtype, copy=False)
    return np.asarray(np.minimum.reduce([squared_distances(features - mean, model.covariance) for mean in means]))


def _mahalanobis(
    features: Float[np.ndarray, "n d"], model: Model, _taken_off: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    return np.asarray(np.sqrt(_squared(features, model)))


def _relative_mahalanobis(
    features: Float[np.ndarray, "n d"], model: Model, taken_off: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """May be negative."""
    return np.asarray(_squared(features, model) - taken_off)


def _cosine(
    features: Float[np.ndarray, "n d"], model: Model, _taken_off: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """One minus the greatest cosine."""
    lengths = np.linalg.norm(model.means, axis=1, keepdims=True)
    directions = model.means / np.where(lengths > 0, lengths, 1)
    cosines = np.asarray(features @ directions.T.astype(features.dtype), np.float64)
    return np.asarray(1 - cosines.max(axis=1))


DISTANCES: dict[str, Distance] = {
    "mahalanobis": Distance(_embed_for_covariance, _fit_covariance, _mahalanobis),
    "relative_mahalanobis": Distance(
        partial(_embed_for_covariance, centred=True), _fit_covariance, _relative_mahalanobis, _squared
    ),
    "cosine": Distance(_embed_for_cosine, _fit_nothing, _cosine),
    "centred_cosine": Distance(partial(_embed_for_cosine, centred=True), _fit_nothing, _cosine),
}
