"""The number of Gaussians of a class."""

from collections.abc import Sequence

import numpy as np
import pytest

from empaste.foregrounds.mixture import assign_components


def clouds(centres: Sequence[float], each: int = 30, dimension: int = 40, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.normal(0, 1, (each, dimension)) + centre * np.eye(dimension)[0] for centre in centres])


@pytest.mark.parametrize("num", [1, 2, 3])
def test_as_many_as_there_are(num: int) -> None:
    component = assign_components(clouds([12.0 * n for n in range(num)]), 4)
    groups = component.reshape(num, 30)
    assert (groups == groups[:, :1]).all()
    assert len(set(groups[:, 0].tolist())) == num


def test_never_more_than_allowed() -> None:
    samples = clouds([0, 12, 24])
    assert assign_components(samples, 3).max() == 2
    assert assign_components(samples, 2).max() <= 1
    assert assign_components(samples, 1).max() == 0


@pytest.mark.parametrize("samples", [clouds([0, 12], each=3), np.ones((20, 4)), clouds([0])[:1]])
def test_too_few_or_equal_samples_are_one(samples: np.ndarray) -> None:
    assert not assign_components(samples, 4).any()


def test_a_lonely_outlier_is_no_component() -> None:
    samples = np.concatenate([clouds([0]), clouds([60], each=1)])
    assert not assign_components(samples, 2).any()
