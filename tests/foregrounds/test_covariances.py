"""Shrunk covariances against scikit-learn's, and where there is none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf, oas

from empaste.foregrounds.covariances import COVARIANCES, Covariance, fit_covariance, squared_distances

SHAPES = [(6, 40), (40, 40), (41, 40), (200, 5)]


def samples_of(shape: tuple[int, int], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) @ rng.normal(size=(shape[1], shape[1])) + rng.normal(size=shape[1])


def expected(samples: np.ndarray, estimate: Callable[..., Any], offsets: np.ndarray) -> np.ndarray:
    covariance = estimate(samples - samples.mean(axis=0), assume_centered=True)[0]
    return np.asarray(np.einsum("nd,de,ne->n", offsets, np.linalg.inv(covariance), offsets))


def fitted(samples: np.ndarray, method: str, shrinkage: float) -> Covariance:
    """The covariance of samples that differ."""
    covariance = fit_covariance(samples, method, shrinkage)
    assert covariance is not None
    return covariance


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("method", "estimate"), [("ledoit_wolf", ledoit_wolf), ("oas", oas)])
def test_weights_are_those_of_the_literature(shape: tuple[int, int], method: str, estimate: Callable[..., Any]) -> None:
    samples = samples_of(shape)
    offsets = samples_of((7, shape[1]), 1)
    covariance = fitted(samples, method, 0.0)
    assert squared_distances(offsets, covariance) == pytest.approx(expected(samples, estimate, offsets), rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", [0.2, 1.0])
def test_fixed_weight_of_the_identity(shape: tuple[int, int], weight: float) -> None:
    samples = samples_of(shape)
    offsets = samples_of((7, shape[1]), 1)
    sample = np.cov(samples.T, bias=True)
    shrunk = (1 - weight) * sample + weight * np.trace(sample) / shape[1] * np.eye(shape[1])
    distances = squared_distances(offsets, fitted(samples, "identity_shrinkage", weight))
    assert distances == pytest.approx(np.einsum("nd,de,ne->n", offsets, np.linalg.inv(shrunk), offsets), rel=1e-6)


def test_diagonal_counts_each_dimension_apart() -> None:
    samples = np.array([[2.0, 0, 7], [-2, 0, 7], [0, 1, 7], [0, -1, 7]])
    covariance = fitted(samples, "diagonal", 0.0)
    distances = squared_distances(np.array([[np.sqrt(2), 0, 0], [0, np.sqrt(0.5), 0], [0, 0, 1]]), covariance)
    assert distances[:2] == pytest.approx([1, 1])
    assert np.isfinite(distances[2])
    assert distances[2] > 100


@pytest.mark.parametrize("method", COVARIANCES)
def test_fewer_samples_than_dimensions_are_still_told_apart(method: str) -> None:
    samples = np.random.default_rng(0).normal(size=(6, 40))
    samples[5] += 8
    distances = squared_distances(samples - samples.mean(axis=0), fitted(samples, method, 0.3))
    assert np.argmax(distances) == 5
    assert len(set(distances.round(6))) == 6


@pytest.mark.parametrize("method", COVARIANCES)
@pytest.mark.parametrize("samples", [np.full((3, 2), 0.1), np.ones((1, 2)), np.full((5, 3), 1e6)])
def test_samples_that_do_not_differ_have_none(method: str, samples: np.ndarray) -> None:
    assert fit_covariance(samples, method, 0.3) is None


@pytest.mark.parametrize("method", COVARIANCES)
@pytest.mark.parametrize("shape", [(2, 30), (31, 30), (90, 30)])
def test_samples_on_a_line_give_finite_distances(method: str, shape: tuple[int, int]) -> None:
    """All dimensions but one are constant, and no weight is asked for."""
    samples = np.zeros(shape)
    samples[:, 3] = np.arange(len(samples))
    distances = squared_distances(np.eye(30), fitted(samples, method, 0.0))
    assert np.isfinite(distances).all()
    assert np.argmin(distances) == 3


@pytest.mark.parametrize("method", COVARIANCES)
def test_single_precision_agrees(method: str) -> None:
    samples = samples_of((50, 80))
    covariance = fitted(samples, method, 0.2)
    offsets = samples_of((9, 80), 1)
    assert squared_distances(offsets.astype(np.float32), covariance) == pytest.approx(
        squared_distances(offsets, covariance), rel=1e-3
    )
