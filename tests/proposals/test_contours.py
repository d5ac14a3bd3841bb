"""The basins between learned contours, and what contours change in the search."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.proposals import entity_like, selective_search
from empaste.proposals.contours import watershed_regions
from empaste.proposals.region_graph import consecutive
from tests.networks.hed_files import save_step_finder
from tests.proposals.sources import context_of, section_of


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(save_step_finder(tmp_path / "steps.weights.h5"))


def ridges(*columns: float) -> np.ndarray:
    """A 12 × 40 contour map with a line of each height at every tenth column."""
    contours = np.zeros((12, 40), np.float32)
    for number, height in enumerate(columns, start=1):
        contours[:, 10 * number] = height
    return contours


def test_basins_are_parted_by_contours() -> None:
    basins = watershed_regions(ridges(0.9, 0.5, 0.7), 1)
    inside = basins[:, [*range(9), *range(12, 19), *range(22, 29), *range(32, 40)]]
    assert np.array_equal(inside, np.repeat([0, 1, 2, 3], [9, 7, 7, 8])[None].repeat(12, axis=0))
    assert basins.max() == 3


def test_a_small_basin_joins_behind_its_weakest_border() -> None:
    """10 columns between a strong and a weak contour, beside 19 and 9 columns that are left as they are."""
    contours = np.zeros((12, 40), np.float32)
    contours[:, 20], contours[:, 30] = 0.9, 0.5
    assert watershed_regions(contours, 12 * 8)[0, [0, 25, 35]].tolist() == [0, 1, 2]
    assert watershed_regions(contours, 12 * 11)[0, [0, 25, 35]].tolist() == [0, 1, 1]


def test_no_basin_is_left_alone_where_the_image_is_smaller() -> None:
    assert not watershed_regions(ridges(0.9, 0.5, 0.7), 481).any()


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 30), (2, 2), (30, 1), (9, 14)])
def test_a_map_without_contours_is_one_basin(size_hw: tuple[int, int]) -> None:
    assert watershed_regions(np.full(size_hw, 0.4, np.float32), 3).tolist() == np.zeros(size_hw).tolist()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 30), st.integers(1, 40))
def test_basins_are_connected_numbered_and_large_enough(seed: int, height: int, width: int, min_size: int) -> None:
    contours = np.random.default_rng(seed).random((height, width), np.float32)
    basins = watershed_regions(contours, min_size)
    assert np.array_equal(basins, consecutive(basins))
    assert np.bincount(basins.ravel()).min() >= min(min_size, height * width)
    assert np.array_equal(basins, watershed_regions(contours, min_size))


def test_the_disc_is_found_by_its_contour(weights: str, disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    section = section_of(entity_like.METHOD, num_best=1)
    context = context_of(selective_search=section_of(selective_search.METHOD, contours=weights))
    masks, scores = entity_like.propose(disc_image, section, context)
    assert np.count_nonzero(masks[0] & disc_mask) > 0.9 * np.count_nonzero(masks[0] | disc_mask)
    assert 0 <= scores[0] <= 1


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 300), (2, 2), (40, 1), (30, 44)])
def test_flat_images_of_any_size(weights: str, size_hw: tuple[int, int]) -> None:
    section = section_of(selective_search.METHOD, contours=weights)
    masks, scores = selective_search.propose(np.full((*size_hw, 3), 90, np.uint8), section, context_of())
    assert masks.shape == (len(scores), *size_hw)
    assert np.all((scores >= 0) & (scores <= 1))
