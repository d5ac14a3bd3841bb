"""Augmentation: seeded per image, gray where the image does not reach, exact for the moves that can be done by hand."""

import numpy as np
import torch

from empaste.classification.augment import COLOUR, MAX_SHIFT, ZOOM, Draw, augment, draw_augmentation
from empaste.images import GRAY

STILL = Draw(0, 0, 0, 1, 1, 1, 1, 1)


def some_images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)


def as_bytes(images: torch.Tensor) -> np.ndarray:
    return (images * 255).round().numpy().astype(np.uint8).transpose(0, 2, 3, 1)


def test_a_draw_that_changes_nothing() -> None:
    images = some_images()
    np.testing.assert_array_equal(as_bytes(augment(images, [STILL, STILL], "cpu")), images)


def test_flip_shift_and_quarter_turn() -> None:
    images = some_images()
    flipped, shifted = as_bytes(augment(images, [STILL._replace(flip=-1), STILL._replace(shift_x=0.25)], "cpu"))
    np.testing.assert_array_equal(flipped, images[0, :, ::-1])
    np.testing.assert_array_equal(shifted[:, 2:], images[1, :, :-2])
    assert (shifted[:, :2] == GRAY).all()
    turned = as_bytes(augment(images[:1], [STILL._replace(angle=np.pi / 2)], "cpu"))[0]
    assert np.abs(turned.astype(int) - np.rot90(images[0], -1)).max() <= 1


def test_zoomed_out_lies_on_gray() -> None:
    white = np.full((1, 8, 8, 3), 255, np.uint8)
    small = as_bytes(augment(white, [STILL._replace(zoom=0.5)], "cpu"))[0]
    assert (small[2:6, 2:6] == 255).all()
    outside = small.copy()
    outside[1:7, 1:7] = GRAY
    assert (outside == GRAY).all()


def test_order_of_the_batch_does_not_matter() -> None:
    draws = [draw_augmentation(0, 3, image_id, 0) for image_id in (4, 9)]
    images = some_images()
    both = augment(images, draws, "cpu")
    torch.testing.assert_close(augment(images[1:], draws[1:], "cpu")[0], both[1])


def test_draws_follow_from_seed_epoch_image_and_showing() -> None:
    reference = draw_augmentation(0, 0, 1, 0)
    assert draw_augmentation(0, 0, 1, 0) == reference
    others = [(1, 0, 1, 0), (0, 1, 1, 0), (0, 0, 2, 0), (0, 0, 1, 1), (-1, 0, 1, 0)]
    assert len({reference, *(draw_augmentation(*other) for other in others)}) == 6


def test_draws_stay_in_their_ranges() -> None:
    draws = [draw_augmentation(0, 0, image_id, 0) for image_id in range(500)]
    assert max(abs(draw.shift_x) for draw in draws) <= MAX_SHIFT
    assert ZOOM[0] <= min(draw.zoom for draw in draws) < max(draw.zoom for draw in draws) <= ZOOM[1]
    assert {draw.flip for draw in draws} == {-1, 1}
    assert all(abs(factor - 1) <= COLOUR for draw in draws for factor in draw[5:])


def test_colour_keeps_gray_where_nothing_is_shown() -> None:
    draw = STILL._replace(zoom=0.5, brightness=1.3, contrast=0.7, saturation=0.7)
    corner = as_bytes(augment(some_images()[:1], [draw], "cpu"))[0, 0, 0]
    assert corner.tolist() == [GRAY] * 3


def test_brightness_contrast_saturation_by_hand() -> None:
    image = np.zeros((1, 2, 2, 3), np.uint8)
    image[0, :, 0] = (100, 40, 10)
    bright = as_bytes(augment(image, [STILL._replace(brightness=2)], "cpu"))[0, 0, 0]
    assert bright.tolist() == [200, 80, 20]
    flat = as_bytes(augment(image, [STILL._replace(contrast=0)], "cpu"))[0]
    assert (flat == 25).all()
    pale = as_bytes(augment(image, [STILL._replace(saturation=0)], "cpu"))[0]
    assert (pale[:, 0] == 50).all()
    assert (pale[:, 1] == 0).all()
