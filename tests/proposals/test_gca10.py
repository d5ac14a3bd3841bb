"""GCa10: every expansion is optimal, superpixels keep to their patches and to edges."""

import itertools
import sys

import numpy as np
import pytest

from empaste.errors import InputError
from empaste.proposals.gca10 import METHOD, STEPS, Patch, edge_weights, expand, propose, superpixels
from tests.proposals.sources import context_of, section_of


def energy(labels: np.ndarray, weights: np.ndarray) -> float:
    """The energy by its definition, one pixel pair at a time."""
    height, width = labels.shape
    total = 0.0
    for k, (down, right) in enumerate(STEPS):
        for row, column in np.ndindex(height, width):
            other = (row + down, column + right)
            if other[0] < height and 0 <= other[1] < width and labels[row, column] != labels[other]:
                total += weights[k, row, column]
    return total


@pytest.mark.parametrize("seed", range(8))
def test_an_expansion_is_the_best_there_is(seed: int) -> None:
    """Beside all 512 ways of giving the label to pixels of a 3 × 3 patch."""
    rng = np.random.default_rng(seed)
    weights = edge_weights(rng.integers(0, 256, (4, 5, 3)).astype(np.uint8), 40.0)
    labels = rng.integers(0, 3, (4, 5))
    expanded = labels.copy()
    expand(expanded, 7, Patch(1, 1, 4, 4), weights)
    ways = []
    for bits in itertools.product([False, True], repeat=9):
        way = labels.copy()
        way[1:4, 1:4][np.reshape(bits, (3, 3))] = 7
        ways.append(energy(way, weights))
    assert energy(expanded, weights) == pytest.approx(min(ways))
    outside = np.ones_like(labels, bool)
    outside[1:4, 1:4] = False
    assert np.array_equal(expanded[outside], labels[outside])


def test_superpixels_are_no_larger_than_their_patch() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    labels = superpixels(edge_weights(image, 30.0), (40, 60), 12, 2)
    for label in np.unique(labels):
        rows, columns = np.nonzero(labels == label)
        assert np.ptp(rows) < 12
        assert np.ptp(columns) < 12


def test_borders_follow_an_edge() -> None:
    image = np.full((20, 30, 3), 60, np.uint8)
    image[:, 14:] = 200
    labels = superpixels(edge_weights(image, 5.0), (20, 30), 20, 3)
    assert len(np.unique(labels)) == 2
    assert (labels[:, :14] == labels[0, 0]).all()
    assert (labels[:, 14:] == labels[0, -1]).all()


def test_weights_fall_with_the_difference_and_end_at_the_frame() -> None:
    image = np.full((3, 4, 3), 60, np.uint8)
    image[:, 2:] = 90
    weights = edge_weights(image, 10.0)
    assert weights[0, 1, 0] == 1
    assert 0 < weights[0, 1, 1] < 1
    assert weights[2, 0, 0] == pytest.approx(np.sqrt(0.5))
    assert not weights[0, :, -1].any()
    assert not weights[1, -1].any()
    assert not weights[3, :, 0].any()


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, disc_image: np.ndarray) -> None:
    monkeypatch.setitem(sys.modules, "maxflow", None)
    with pytest.raises(
        InputError, match=r"PyMaxflow is not installed; install it with: uv pip install -e '\.\[gca10\]'"
    ):
        propose(disc_image, section_of(METHOD, patch_sizes=[0.5], sigma=12.0, num_sweeps=2), context_of())
