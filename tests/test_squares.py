"""The square frame: where an image lies in it, and what a mask covers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.images import GRAY
from empaste.squares import fit_square, fit_square_mask, square_frame


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 300))
def test_the_frame_fills_the_square_and_keeps_the_aspect(height: int, width: int, side: int) -> None:
    frame = square_frame(height, width, side)
    assert max(frame.height, frame.width) == side
    assert min(frame.height, frame.width) >= 1
    assert 0 <= side - frame.height - 2 * frame.top <= 1
    assert 0 <= side - frame.width - 2 * frame.left <= 1
    assert abs(frame.height - max(1, side * height / max(height, width))) <= 0.5


def test_what_the_image_leaves_is_gray() -> None:
    square = fit_square(np.zeros((2, 8, 3), np.uint8), 16)
    assert square.shape == (16, 16, 3)
    assert (square[6:10] == 0).all()
    assert (square[:6] == GRAY).all()
    assert (square[10:] == GRAY).all()


def test_an_extreme_image_keeps_a_line() -> None:
    square = fit_square(np.zeros((1, 10_000, 3), np.uint8), 32)
    assert ((square == 0).all(axis=(1, 2))).sum() == 1


@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 40))
@settings(deadline=None)
def test_a_mask_lies_where_the_image_does(height: int, width: int, side: int) -> None:
    frame = square_frame(height, width, side)
    whole = fit_square_mask(np.ones((height, width), bool), side)
    inner = np.zeros((side, side), bool)
    inner[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = True
    np.testing.assert_allclose(whole, inner, atol=1e-6)
    mask = np.random.default_rng(height).random((height, width)) < 0.5
    covered = fit_square_mask(mask, side)
    assert covered.dtype == np.float32
    assert covered.min() >= 0
    assert covered.max() <= 1 + 1e-6
    np.testing.assert_allclose(covered + fit_square_mask(~mask, side), whole, atol=1e-5)


def test_a_thin_mask_covers_its_share() -> None:
    mask = np.zeros((100, 100), bool)
    mask[:, 40] = True
    np.testing.assert_allclose(fit_square_mask(mask, 10)[:, 4], 0.1, rtol=1e-4)
