"""How segments are shown: what is cropped, what is gray or blurred, what erosion removes, what keeps its place."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.features.settings import FeaturesSettings
from empaste.features.views import VIEWS, crop_on_gray, in_place_on_blur, in_place_on_gray
from empaste.images import GRAY, blurred
from empaste.masks import mask_box_xywh
from empaste.squares import BLUR, fit_square, square_frame


def some_image(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(150, 256, (height, width, 3), np.uint8)


def show(image: np.ndarray, mask: np.ndarray, erosion: int, side: int) -> np.ndarray:
    return crop_on_gray(image, erosion, side)(mask, mask_box_xywh(mask))


def test_the_box_is_cropped_and_the_rest_gray() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[5:13, 10:18] = True
    mask[5, 10] = False
    expected = image[5:13, 10:18].copy()
    expected[0, 0] = GRAY
    np.testing.assert_array_equal(show(image, mask, 0, 8), expected)


def test_a_wide_segment_is_padded_with_gray() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[4:6, 3:11] = True
    shown = show(image, mask, 0, 8)
    np.testing.assert_array_equal(shown[3:5], image[4:6, 3:11])
    assert (shown[:3] == GRAY).all()
    assert (shown[5:] == GRAY).all()


def test_erosion_removes_specks_and_the_rim() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[4:14, 10:20] = True
    mask[1, 28] = True  # a speck far away
    np.testing.assert_array_equal(show(image, mask, 1, 8), image[5:13, 11:19])


def test_the_edge_of_the_image_does_not_erode() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[:8, 22:] = True
    np.testing.assert_array_equal(show(image, mask, 1, 7), image[:7, 23:])


def test_a_segment_that_erosion_would_empty_is_kept_whole() -> None:
    image, mask = some_image(), np.zeros((20, 30), bool)
    mask[7:9, 3:5] = True
    np.testing.assert_array_equal(show(image, mask, 1, 2), image[7:9, 3:5])
    one = np.zeros((20, 30), bool)
    one[19, 29] = True
    assert (show(image, one, 3, 4) == image[19, 29]).all()


@given(st.integers(0, 3), st.data())
@settings(deadline=None)
def test_cropping_first_changes_nothing(erosion: int, data: st.DataObject) -> None:
    """Against the definition: erode the whole mask, gray outside, crop the box of what is left."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    mask = np.zeros((12, 16), bool)
    for _ in range(3):
        y, x = rng.integers(0, 12), rng.integers(0, 16)
        mask[y : y + rng.integers(1, 8), x : x + rng.integers(1, 8)] = True
    padded = np.pad(mask, erosion, constant_values=True)
    size = 2 * erosion + 1
    eroded = np.asarray(np.lib.stride_tricks.sliding_window_view(padded, (size, size)).all(axis=(2, 3)))
    kept = eroded if eroded.any() else mask
    left, top, width, height = mask_box_xywh(kept)
    image = some_image(12, 16)
    crop = np.where(kept[:, :, None], image, GRAY).astype(np.uint8)[top : top + height, left : left + width]
    np.testing.assert_array_equal(show(image, mask, erosion, 16), fit_square(crop, 16))


def test_in_place_the_segment_keeps_its_place() -> None:
    image, mask = some_image(20, 20), np.zeros((20, 20), bool)
    mask[5:13, 10:18] = True
    square = fit_square(image, 20)
    on_gray = in_place_on_gray(image, 3, 20)(mask, mask_box_xywh(mask))
    np.testing.assert_array_equal(on_gray[mask], square[mask])
    assert (on_gray[~mask] == GRAY).all()
    on_blur = in_place_on_blur(image, 3, 20)(mask, mask_box_xywh(mask))
    np.testing.assert_array_equal(on_blur[mask], square[mask])
    np.testing.assert_array_equal(on_blur[~mask], blurred(square, BLUR * 20)[~mask])


def test_in_place_a_wide_image_is_padded_with_gray() -> None:
    image = some_image(16, 64)
    soft = in_place_on_blur(image, 0, 32)(np.zeros((16, 64), bool), (0, 0, 0, 0))
    assert (soft[:12] == GRAY).all()
    assert (soft[20:] == GRAY).all()
    np.testing.assert_array_equal(soft[12:20], blurred(fit_square(image, 32)[12:20], BLUR * 32))
    shown = in_place_on_gray(image, 0, 32)(np.ones((16, 64), bool), (0, 0, 64, 16))
    np.testing.assert_array_equal(shown, fit_square(image, 32))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [(300, 1), (1, 300), (1, 1)])
def test_a_segment_one_pixel_wide_shows(view: str, shape: tuple[int, int]) -> None:
    """Far narrower than a pixel of the square, it still changes it."""
    image, mask = np.full((300, 400, 3), 250, np.uint8), np.zeros((300, 400), bool)
    mask[: shape[0], 7 : 7 + shape[1]] = True
    if view == "in_place_blur":
        image[:, :200] = 0
        image[mask] = 250
    show = VIEWS[view](image, 1, 64)
    shown = show(mask, mask_box_xywh(mask))
    assert shown.shape == (64, 64, 3)
    if shape != (1, 1) or view == "crop":
        nothing = np.full_like(shown, GRAY) if view == "crop" else show(np.zeros_like(mask), (0, 0, 0, 0))
        assert (shown != nothing).any()


@pytest.mark.parametrize("view", VIEWS.values())
@given(height=st.integers(1, 40), width=st.integers(1, 40), side=st.integers(8, 40))
@settings(deadline=None)
def test_a_view_fills_its_square(view: Callable[..., Any], height: int, width: int, side: int) -> None:
    image, mask = some_image(height, width), np.ones((height, width), bool)
    shown = view(image, 0, side)(mask, (0, 0, width, height))
    assert shown.shape == (side, side, 3)
    assert shown.dtype == np.uint8
    frame = square_frame(height, width, side)
    inner = shown[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    expected = fit_square(image, side)[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    np.testing.assert_array_equal(inner, expected)


def test_the_models_know_every_view() -> None:
    (views,) = get_args(FeaturesSettings.model_fields["views"].annotation)
    assert get_args(views) == tuple(VIEWS)
