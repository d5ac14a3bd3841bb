"""Distances of a data set's segments: the embedding of its features, the statistics of all of them and of a class."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from empaste.foregrounds.covariances import Covariance
from empaste.foregrounds.distances import DISTANCES, Distance, Model
from empaste.foregrounds.embedding import Embedding, blocks, embed, spread_rows
from empaste.foregrounds.mixture import assign_components
from empaste.foregrounds.settings import ForegroundsSettings


@dataclass(frozen=True)
class Metric:
    """How distances are measured: F-EM's parameters, the embedding, and the statistics of all segments."""

    settings: ForegroundsSettings
    embedding: Embedding
    everything: Model

    @property
    def distance(self) -> Distance:
        """The one that the parameters name."""
        return DISTANCES[self.settings.distance]


@dataclass(frozen=True)
class Features:
    """The features of a data set, which may lie in a file, with the metric and what this takes off each row."""

    phi: Float[np.ndarray, "n d"]
    metric: Metric
    taken_off: Float[np.ndarray, " n"]

    def read(self, rows: Int[np.ndarray, " m"]) -> Float[np.ndarray, "m r"]:
        """The embedded features of ``rows``."""
        return embed(self.phi[rows], self.metric.embedding)


def fit_features(phi: Float[np.ndarray, "n d"], settings: ForegroundsSettings) -> Features:
    """``phi``, at least one row, ready to be measured."""
    metric = fit_metric(phi, settings)
    return Features(phi, metric, measure_everything(phi, metric))


def fit_metric(phi: Float[np.ndarray, "n d"], settings: ForegroundsSettings) -> Metric:
    """The metric of a data set's features, at least one row; of evenly spaced ones where there are very many."""
    distance = DISTANCES[settings.distance]
    embedding = distance.embed(phi, settings)
    samples = embed(spread_rows(phi), embedding).astype(np.float64)
    spread = distance.fit(samples, Covariance(None, np.ones(samples.shape[1])), settings)
    return Metric(settings, embedding, Model(samples.mean(axis=0)[None], spread))


def fit_class(samples: Float[np.ndarray, "n d"], metric: Metric) -> Model:
    """The statistics of one class's embedded samples, at least one.

    Where they do not differ, or there is a single one, the covariance is that of all segments.
    """
    samples = samples.astype(np.float64, copy=False)
    component = assign_components(samples, metric.settings.max_components)
    means = np.stack([samples[component == number].mean(axis=0) for number in range(component.max() + 1)])
    spread = metric.distance.fit(samples - means[component], metric.everything.covariance, metric.settings)
    return Model(means, spread)


def measure(features: Float[np.ndarray, "n d"], model: Model, metric: Metric) -> Float[np.ndarray, " n"]:
    """The distance of every embedded row to a class, to its nearest component: smaller is more alike."""
    take_off = metric.distance.take_off
    taken_off = take_off(features, metric.everything) if take_off else np.zeros(len(features))
    return metric.distance.measure(features, model, taken_off)


def measure_everything(phi: Float[np.ndarray, "n d"], metric: Metric) -> Float[np.ndarray, " n"]:
    """What the distance takes off each row of ``phi``, of whatever class: measured once, block by block."""
    take_off = metric.distance.take_off
    if take_off is None:
        return np.zeros(len(phi))
    taken_off = [take_off(embed(phi[at], metric.embedding), metric.everything) for at in blocks(len(phi))]
    return np.concatenate([*taken_off, np.zeros(0)])
