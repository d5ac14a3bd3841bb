import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.images import GRAY
from empaste.jittering import BRIGHTNESS, CONTRAST, Sample, augment, jitter_scale, recolour


def sample(height: int, width: int) -> Sample:
    """White objects on black: one in the upper left quarter, one that fills the lower right."""
    masks = np.zeros((2, height, width), np.uint8)
    masks[0, : height // 4, : width // 4] = 1
    masks[1, height // 2 :, width // 2 :] = 1
    image = np.repeat(255 * masks.max(axis=0)[..., None], 3, axis=2).astype(np.uint8)
    return Sample(image, masks, np.array([4, 9]))


def test_at_zoom_one_a_square_image_is_unchanged() -> None:
    before = sample(32, 32)
    after = jitter_scale(before, 32, 1.0, (0.7, 0.2))
    np.testing.assert_array_equal(after.image, before.image)
    np.testing.assert_array_equal(after.masks, before.masks)
    assert list(after.labels) == [4, 9]


def test_zooming_out_pads_with_gray_and_no_instance() -> None:
    after = jitter_scale(sample(32, 32), 32, 0.5, (0.0, 0.0))
    assert after.image.shape == (32, 32, 3)
    assert (after.image[16:] == GRAY).all()
    assert (after.image[:, 16:] == GRAY).all()
    assert not after.masks[:, 16:].any()
    assert not after.masks[:, :, 16:].any()
    assert after.masks[0].sum() == 16
    assert after.masks[1].sum() == 64


def test_the_place_reaches_both_ends_of_the_padding() -> None:
    for share, first in ((0.0, 0), (0.999, 16)):
        after = jitter_scale(sample(32, 32), 32, 0.5, (share, share))
        assert np.flatnonzero((after.image != GRAY).any(axis=(1, 2)))[0] == first


def test_zooming_in_crops_and_drops_what_is_outside() -> None:
    upper_left = jitter_scale(sample(32, 32), 32, 2.0, (0.0, 0.0))
    lower_right = jitter_scale(sample(32, 32), 32, 2.0, (0.999, 0.999))
    assert list(upper_left.labels) == [4]
    assert upper_left.masks.sum() == 16 * 16
    assert list(lower_right.labels) == [9]
    assert lower_right.masks.all()


def test_a_view_without_any_instance_is_an_empty_sample() -> None:
    empty = sample(32, 32)._replace(masks=np.zeros((0, 32, 32), np.uint8), labels=np.zeros(0, int))
    after = jitter_scale(empty, 16, 1.3, (0.5, 0.5))
    assert after.masks.shape == (0, 16, 16)
    assert after.labels.shape == (0,)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 500), (500, 1), (40, 70)])
def test_any_shape_comes_out_square_with_its_aspect_kept(size_hw: tuple[int, int]) -> None:
    white = np.full((*size_hw, 3), 255, np.uint8)
    after = jitter_scale(Sample(white, np.ones((1, *size_hw), np.uint8), np.array([1])), 64, 1.0, (0, 0))
    rows, columns = after.masks[0].any(axis=1).sum(), after.masks[0].any(axis=0).sum()
    assert max(rows, columns) == 64
    assert min(rows, columns) == max(1, round(64 * min(size_hw) / max(size_hw)))


@settings(max_examples=60, deadline=None)
@given(st.integers(16, 60), st.integers(16, 60), st.integers(16, 64), st.integers(0, 2**32 - 1))
def test_masks_follow_their_pixels(height: int, width: int, size: int, seed: int) -> None:
    after = augment(sample(height, width), size, (0.5, 2.0), np.random.default_rng(seed))
    assert after.image.shape == (size, size, 3)
    assert after.image.dtype == np.uint8
    assert after.masks.shape == (len(after.labels), size, size)
    assert all(mask.any() for mask in after.masks)
    inside = after.masks.max(axis=0, initial=0) > 0
    if 20 < inside.sum() < size * size - 20:
        assert after.image[inside].mean() > after.image[~inside].mean() + 50


@settings(max_examples=20, deadline=None)
@given(st.integers(16, 60), st.integers(16, 60), st.integers(0, 2**32 - 1))
def test_void_moves_as_a_mask_does(height: int, width: int, seed: int) -> None:
    before = sample(height, width)
    void = before.masks.max(axis=0)
    view = augment(before._replace(masks=void[None], labels=np.array([1]), void=void), 32, (0.5, 2.0),
                   np.random.default_rng(seed))  # fmt: skip
    if len(view.masks):
        assert view.void is not None
        np.testing.assert_array_equal(view.void, view.masks[0])
    else:
        assert view.void is None


def test_the_same_draw_gives_the_same_view() -> None:
    views = [augment(sample(40, 30), 32, (0.6, 1.4), np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(views[0].image, views[1].image)
    np.testing.assert_array_equal(views[0].masks, views[1].masks)


def test_half_of_the_views_are_flipped() -> None:
    half = sample(32, 32)._replace(masks=np.zeros((1, 32, 32), np.uint8), labels=np.array([1]))
    half.masks[0, :, :16] = 1
    views = [augment(half, 32, (1.0, 1.0), np.random.default_rng(seed)) for seed in range(200)]
    flipped = sum(int(view.masks[0, 0, -1]) for view in views)
    assert 70 < flipped < 130


def test_recolouring_by_hand() -> None:
    image = np.array([[[100, 100, 100], [200, 200, 200]]], np.uint8)  # mean 150
    assert recolour(image, 1.0, 0.5)[0, :, 0].tolist() == [125, 175]
    assert recolour(image, 1.1, 1.0)[0, :, 0].tolist() == [110, 220]
    assert recolour(image, 1.1, 1.5)[0, :, 0].tolist() == [82, 248]  # 82.5 rounds to even; 1.1 × 225 = 247.5
    assert recolour(image, 2.0, 1.0)[0, :, 0].tolist() == [200, 255]


def whole_images(before: Sample, size: int, jitter: tuple[float, float], rng: np.random.Generator) -> Sample:
    """`augment` as one would write it down: everything zoomed whole, laid on a canvas, mirrored and recoloured."""
    height, width = before.image.shape[:2]
    scale, place = rng.uniform(*jitter) * size / max(height, width), (rng.random(), rng.random())
    zoomed = max(1, round(height * scale)), max(1, round(width * scale))
    down, across = (int(share * (abs(side - size) + 1)) for side, share in zip(zoomed, place, strict=True))
    crop = np.s_[down if zoomed[0] > size else 0 :, across if zoomed[1] > size else 0 :]
    corner = np.s_[0 if zoomed[0] > size else down :, 0 if zoomed[1] > size else across :]

    def framed(array: np.ndarray, interpolation: int, fill: int) -> np.ndarray:
        canvas = np.full((size, size, *array.shape[2:]), fill, np.uint8)
        part = cv2.resize(array, zoomed[::-1], interpolation=interpolation)[crop][:size, :size]
        canvas[corner][: part.shape[0], : part.shape[1]] = part
        return canvas

    image = framed(before.image, cv2.INTER_AREA if zoomed[0] < height else cv2.INTER_LINEAR, GRAY)
    masks = np.array([framed(mask, cv2.INTER_NEAREST_EXACT, 0) for mask in before.masks], np.uint8)
    masks = masks.reshape(-1, size, size)
    if rng.random() < 0.5:
        image, masks = image[:, ::-1], masks[:, :, ::-1]
    brightness = rng.uniform(*BRIGHTNESS) if rng.random() < 0.5 else 1.0
    contrast = rng.uniform(*CONTRAST) if rng.random() < 0.5 else 1.0
    values = brightness * (contrast * image.astype(float) + (1 - contrast) * image.mean())
    visible = masks.any(axis=(1, 2))
    return Sample(np.clip(np.rint(values), 0, 255).astype(np.uint8), masks[visible], before.labels[visible])


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 70), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_a_view_is_that_of_the_whole_image(height: int, width: int, size: int, num: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    masks = np.zeros((num, height, width), np.uint8)
    for mask in masks:  # holes, and some that are empty from the start
        y, x = rng.integers(height), rng.integers(width)
        part = mask[y : y + rng.integers(1, 40), x : x + rng.integers(1, 40)]
        part[:] = rng.random(part.shape) < rng.choice([0.0, 0.1, 1.0])
    before = Sample(rng.integers(0, 256, (height, width, 3), np.uint8), masks, np.arange(num))
    after, wanted = (make(before, size, (0.1, 2.0), np.random.default_rng(seed)) for make in (augment, whole_images))
    np.testing.assert_array_equal(after.masks, wanted.masks)
    np.testing.assert_array_equal(after.labels, wanted.labels)
    np.testing.assert_allclose(after.image.astype(int), wanted.image.astype(int), atol=1)  # halves round either way


def test_an_instance_outside_of_the_view_is_dropped_though_its_box_reaches_in() -> None:
    masks = np.zeros((1, 32, 32), np.uint8)
    masks[0, 0], masks[0, :, 31] = 1, 1  # an angle around the lower left
    corner = sample(32, 32)._replace(masks=masks, labels=np.array([7]))
    assert jitter_scale(corner, 32, 2.0, (0.999, 0.0)).masks.shape == (0, 32, 32)
    assert jitter_scale(corner, 32, 2.0, (0.999, 0.999)).masks.sum() == 2 * 32


def test_views_are_laid_out_in_memory_without_gaps() -> None:
    for seed in range(8):
        view = augment(sample(40, 30), 32, (0.6, 1.4), np.random.default_rng(seed))
        assert view.image.flags.c_contiguous
        assert view.masks.flags.c_contiguous
