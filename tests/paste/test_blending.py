"""What the edges of pasted objects look like."""

import math

import numpy as np
import pytest

from empaste.paste import BLENDINGS
from empaste.paste.blending import HALF, blend_gaussian, blend_none, blend_poisson, blend_ring, ring_margin


def disk(size: int, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[:size, :size] - (size - 1) / 2
    return np.where(np.hypot(ys, xs) <= radius, 255, 0).astype(np.uint8)


def noise(size: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)


@pytest.mark.parametrize("name", BLENDINGS)
@pytest.mark.parametrize("radius", [0.0, 1.0, 8.0, 40.0])
def test_every_blending_returns_a_new_piece_and_touches_nothing_far_from_the_object(name: str, radius: float) -> None:
    patch, colour, coverage = noise(48, 0), noise(48, 1), disk(48, radius)
    before = patch.copy(), colour.copy(), coverage.copy()
    blended, hidden = BLENDINGS[name].blend(patch, colour, coverage, 1.0)
    assert blended.shape == patch.shape
    assert blended.dtype == np.uint8
    assert (hidden is None) == (name != "ring")
    for array, copy in zip((patch, colour, coverage), before, strict=True):
        assert np.array_equal(array, copy)
    far = disk(48, radius + 8) == 0
    assert np.array_equal(blended[far], patch[far])
    if radius == 8.0:
        assert not np.array_equal(blended, patch)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
def test_a_ring_shows_the_object_in_its_old_surroundings(sigma: float) -> None:
    patch, colour = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 200, np.uint8)
    coverage = disk(64, 10.0)
    patch, hidden = blend_ring(patch, colour, coverage, sigma)
    assert hidden is not None
    blended = patch[..., 0].astype(int)
    width = math.ceil(2 * sigma)
    assert (blended[disk(64, 10.0 + width / 2) > 0] >= 150).all()  # the outline's surroundings are the object's own
    assert (blended[disk(64, 10.0 + 1.5 * ring_margin(sigma)) == 0] == 0).all()
    assert np.array_equal(hidden, blended >= 100)
    assert abs(math.sqrt(hidden.sum() / math.pi) - 10 - width) < 1


def test_a_ring_of_the_image_itself_changes_nothing() -> None:
    patch, coverage = noise(48, 0), disk(48, 9.0)
    difference = blend_ring(patch, patch, coverage, 1.5).patch.astype(int) - patch
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("name", BLENDINGS)
def test_every_blending_takes_an_object_that_fills_the_piece_or_is_not_there(name: str) -> None:
    patch, colour = noise(20, 0), noise(20, 1)
    BLENDINGS[name].blend(patch, colour, np.full((20, 20), 255, np.uint8), 2.0)
    assert np.array_equal(BLENDINGS[name].blend(patch, colour, np.zeros((20, 20), np.uint8), 2.0).patch, patch)
    one = BLENDINGS[name].blend(patch[:1, :1], colour[:1, :1], np.full((1, 1), 255, np.uint8), 2.0).patch
    assert one.shape == (1, 1, 3)


def test_none_copies_the_mask() -> None:
    patch, colour = noise(9, 0), noise(9, 1)
    coverage = np.zeros((9, 9), np.uint8)
    coverage[2, 2], coverage[3, 3] = HALF - 1, HALF
    blended = blend_none(patch, colour, coverage, 1.0).patch
    assert np.array_equal(blended[3, 3], colour[3, 3])
    blended[3, 3] = patch[3, 3]
    assert np.array_equal(blended, patch)


def test_gaussian_makes_a_ramp_between_the_two_colours() -> None:
    patch, colour = np.full((30, 30, 3), 100, np.uint8), np.full((30, 30, 3), 200, np.uint8)
    coverage = np.zeros((30, 30), np.uint8)
    coverage[:, 15:] = 255
    row = blend_gaussian(patch, colour, coverage, 2.0).patch[15, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert row[0] == 100
    assert row[-1] == 200
    assert row[14] < 150 <= row[15]
    # The integral of a Gaussian of sigma 2: a half-pixel from the edge 60 %, a pixel and a half 77 %.
    assert row[15:17] == pytest.approx([160, 177], abs=2)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 5.0])
def test_gaussian_shows_the_object_just_where_its_mask_is(sigma: float) -> None:
    coverage = np.zeros((40, 40), np.uint8)
    coverage[20, 5:35] = 255
    coverage[5:15, 5:15] = 255
    coverage[10, 10] = 0
    patch, colour = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    blended = blend_gaussian(patch, colour, coverage, sigma).patch
    assert np.array_equal(blended[..., 0] >= HALF, coverage >= HALF)


def test_poisson_of_a_piece_of_the_image_itself_changes_nothing() -> None:
    # Any shift of the object against its mask or its place would show, since the picture is noise.
    patch = noise(60, 2)
    for radius in (5.0, 12.5, 20.0):
        assert np.abs(blend_poisson(patch, patch, disk(60, radius), 1.0).patch.astype(int) - patch).max() <= 2


def test_poisson_keeps_the_contrast_to_the_surroundings() -> None:
    coverage = disk(60, 12)
    colour = np.where(coverage[..., None] > 0, np.uint8(150), np.uint8(50)).repeat(3, axis=2)
    blended = blend_poisson(np.full((60, 60, 3), 100, np.uint8), colour, coverage, 1.0).patch
    assert blended[30, 30].tolist() == pytest.approx([200] * 3, abs=3)


def test_poisson_reaches_the_edge_of_the_image() -> None:
    coverage = np.roll(disk(60, 12), 25, axis=1)
    coverage[:, :30] = 0
    colour = np.where(coverage[..., None] > 0, np.uint8(150), np.uint8(50)).repeat(3, axis=2)
    blended = blend_poisson(np.full((60, 60, 3), 100, np.uint8), colour, coverage, 1.0).patch
    assert blended[30, 50, 0] > 150


def test_poisson_copies_what_it_would_wash_out() -> None:
    patch, colour, line = noise(40, 0), noise(40, 1), np.zeros((40, 40), np.uint8)
    line[20:22, 5:35] = 255
    assert np.array_equal(blend_poisson(patch, colour, line, 1.0).patch, blend_none(patch, colour, line, 1.0).patch)


def test_blendings_that_keep_surroundings_exist() -> None:
    assert {name for name, blending in BLENDINGS.items() if blending.keeps_surroundings} == {"ring", "poisson"}


@pytest.mark.parametrize("sigma", [1.0, 1.7, 3.0, 8.0])
def test_both_soft_edges_are_equally_wide(sigma: float) -> None:
    coverage = np.zeros((9, 161), np.uint8)
    coverage[:, 80:] = 255
    patch, colour = np.zeros((9, 161, 3), np.uint8), np.full((9, 161, 3), 255, np.uint8)
    widths = []
    for name in ("gaussian", "box_blur"):
        ramp = BLENDINGS[name].blend(patch, colour, coverage, sigma).patch[4, :, 0].astype(float)
        steps = np.diff(ramp) / 255
        places = np.arange(160) - 79.0
        widths.append(np.sqrt((steps * places**2).sum() - (steps * places).sum() ** 2))
    assert widths[0] == pytest.approx(sigma, rel=0.2)
    assert widths[1] == pytest.approx(widths[0], rel=0.25)
