"""The place stays, the object goes, and two candidates differ."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.backgrounds import inpaint
from empaste.backgrounds.patch_fill import fill_hole
from empaste.backgrounds.scenes import Scene
from empaste.images import read_rgb
from empaste.masks import encode_mask


def reddish(image: np.ndarray) -> np.ndarray:
    return (image[..., 0] > 150) & (image[..., 1] < 70) & (image[..., 2] < 70)


def test_the_object_is_gone_and_the_place_is_there(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert reddish(read_rgb(scene.path)).sum() == 14 * 14
        for candidate in inpaint.make(scene, 2, 0).candidates:
            assert not reddish(candidate.image).any()
            sky, ground = candidate.image[:8].mean(axis=(0, 1)), candidate.image[-8:].mean(axis=(0, 1))
            assert sky[2] > 150 > sky[1]
            assert ground[1] > 120 > ground[2]


def test_two_candidates_of_one_image_differ(scenes: list[Scene]) -> None:
    first, second = inpaint.make(scenes[0], 2, 0).candidates
    assert np.abs(first.image.astype(int) - second.image).mean() > 2


def test_the_erased_region_has_a_margin(scenes: list[Scene]) -> None:
    hole = inpaint.erased(scenes[0])
    assert hole[16:34, 12:22].all()
    assert hole[20:30, 8:26].all()
    assert not hole[:15].any()
    assert not hole[:, 27:].any()
    assert not inpaint.erased(dataclasses.replace(scenes[0], erase=())).any()


def test_too_little_context_is_skipped(scenes: list[Scene]) -> None:
    most = np.ones((48, 64), bool)
    most[:, :12] = False
    made = inpaint.make(dataclasses.replace(scenes[0], erase=(encode_mask(most)["counts"],)), 2, 0)
    assert made.candidates == []
    assert not made.has_context


def test_the_likeliest_are_erased_first_as_long_as_a_place_is_left(scenes: list[Scene]) -> None:
    halves = np.zeros((2, 48, 64), bool)
    halves[0, :, :28], halves[1, :, 36:] = True, True
    for order in ([0, 1], [1, 0]):
        erase = tuple(encode_mask(halves[index])["counts"] for index in order) + scenes[2].erase
        hole = inpaint.erased(dataclasses.replace(scenes[2], erase=erase))
        assert hole[halves[order[0]]].all()
        assert not hole[halves[order[1]]].all()
        assert hole[20:30, 32:34].all()  # a smaller one that comes later still fits


def test_a_fill_leaves_the_rest_and_repeats_itself() -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    hole = np.zeros((40, 60), bool)
    hole[10:20, 15:30] = True
    filled = fill_hole(image, hole, np.random.default_rng(1))
    assert filled is not None
    np.testing.assert_array_equal(filled[~hole], image[~hole])
    again = fill_hole(image, hole, np.random.default_rng(1))
    np.testing.assert_array_equal(filled, again)


def test_a_regular_texture_is_continued_not_smeared() -> None:
    stripes = np.zeros((64, 96, 3), np.uint8)
    stripes[:, (np.arange(96) // 4) % 2 == 1] = (230, 200, 40)
    hole = np.zeros((64, 96), bool)
    hole[20:44, 34:58] = True
    filled = fill_hole(stripes, hole, np.random.default_rng(0))
    assert filled is not None
    error = np.abs(filled[hole].astype(int) - stripes[hole]).mean()
    assert error < 12  # of 130 between stripes on average; a smear is off by about 60


def test_a_large_image_is_filled_with_its_own_pixels() -> None:
    rng = np.random.default_rng(0)
    image = np.where(rng.random((300, 400, 1)) < 0.5, 40, 200).astype(np.uint8).repeat(3, axis=2)
    hole = np.zeros((300, 400), bool)
    hole[100:180, 150:260] = True
    filled = fill_hole(image, hole, np.random.default_rng(0), max_side=100)
    assert filled is not None
    inner = filled[120:160, 180:230].astype(int)
    assert min(np.abs(inner - 40).min(), np.abs(inner - 200).min()) <= 45
    assert inner.std() > 60  # as grainy as the rest (80); interpolation would give about 30


def test_an_empty_hole_gives_the_image_and_a_full_one_nothing() -> None:
    image = np.full((30, 30, 3), 9, np.uint8)
    hole = np.zeros((30, 30), bool)
    np.testing.assert_array_equal(fill_hole(image, hole, np.random.default_rng(0)), image)
    assert fill_hole(image, ~hole, np.random.default_rng(0)) is None


@settings(max_examples=15, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    box=st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0, 0.7), st.floats(0, 0.7)),
)
def test_any_size_and_any_hole(size: tuple[int, int], box: tuple[float, float, float, float]) -> None:
    height, width = size
    hole = np.zeros(size, bool)
    top, left = int(box[0] * height), int(box[1] * width)
    hole[top : top + int(box[2] * height) + 1, left : left + int(box[3] * width) + 1] = True
    image = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    filled = fill_hole(image, hole, np.random.default_rng(0))
    if filled is not None:
        assert filled.shape == image.shape
        np.testing.assert_array_equal(filled[~hole], image[~hole])


@pytest.mark.parametrize("shape", [(40, 60, 3), (60, 40, 3), (1, 1, 3), (2, 90, 3)])
def test_variation_covers_the_whole_image(shape: tuple[int, int, int]) -> None:
    for seed in range(20):
        varied = inpaint.vary(np.full(shape, 128, np.uint8), np.random.default_rng(seed))
        assert varied.shape == shape
        assert np.ptp(varied[..., 0].astype(int)) == 0
        assert 100 <= varied.min() <= varied.max() <= 150
