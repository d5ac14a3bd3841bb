"""Photographs and their masks go to one upright frame, at most so long, and into a JPEG."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from empaste.datasets.decoding import masks_upright, to_picture
from empaste.errors import InputError
from empaste.images import decode_rgb
from empaste.photographs import Photograph, read_photograph
from tests.test_photographs import SCENE, near


def test_a_plain_jpeg_keeps_its_bytes_unless_it_shrinks(tmp_path: Path) -> None:
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", quality=60)
    photograph = read_photograph(tmp_path / "a.jpg")
    assert to_picture(photograph, (), [], 30, "a").jpeg == (tmp_path / "a.jpg").read_bytes()
    smaller = to_picture(photograph, (), [], 15, "a")
    assert (smaller.height, smaller.width) == (10, 15)
    assert near(decode_rgb(np.frombuffer(smaller.jpeg, np.uint8), "a"), SCENE[::2, ::2], 12)


@pytest.mark.parametrize("size_wh", [(1, 1), (10_000, 3), (3, 10_000)])
def test_extreme_sizes_are_legal(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    Image.new("RGB", size_wh).save(tmp_path / "a.png")
    picture = to_picture(read_photograph(tmp_path / "a.png"), (), [], 0, "a")
    assert (picture.width, picture.height) == size_wh
    assert decode_rgb(np.frombuffer(picture.jpeg, np.uint8), "a").shape == (size_wh[1], size_wh[0], 3)
    small = to_picture(read_photograph(tmp_path / "a.png"), (), [], 100, "a")
    assert min(small.width, small.height) == 1
    assert max(small.width, small.height) <= 100


def test_wider_than_jpeg_can_be(tmp_path: Path) -> None:
    Image.new("L", (70_000, 1)).save(tmp_path / "a.png")
    photograph = read_photograph(tmp_path / "a.png")
    with pytest.raises(
        InputError, match=r"the.png is 70000 × 1 pixels; allowed are 65500 a side: set prepare.max_side"
    ):
        to_picture(photograph, (), [], 0, "the.png")
    assert to_picture(photograph, (), [], 1000, "the.png").width == 1000


MASK = np.zeros((20, 30), bool)
MASK[2:6, 4:20] = True


def draw(height: int, width: int) -> np.ndarray:
    """The mask in the frame asked for: upright, or as it was stored (turned to the left)."""
    return np.array([MASK if (height, width) == (20, 30) else np.rot90(MASK)])


def test_masks_follow_the_frame_that_the_annotation_states() -> None:
    upright = Photograph(SCENE, 6, None)
    assert (masks_upright(upright, None, draw, "a") == MASK).all()
    assert (masks_upright(upright, (20, 30), draw, "a") == MASK).all()
    # Orientation 6: what is stored must be turned clockwise to be upright.
    assert (masks_upright(upright, (30, 20), draw, "a")[0] == MASK).all()


@pytest.mark.parametrize("orientation", [1, 6])
def test_annotations_for_another_size_are_refused(orientation: int) -> None:
    with pytest.raises(InputError, match=r"a.jpg is 30 × 20 pixels, but its annotations are for 31 × 20"):
        masks_upright(Photograph(SCENE, orientation, None), (20, 31), draw, "a.jpg")


def test_masks_shrink_along_and_vanish_when_nothing_is_left() -> None:
    speck = np.zeros((20, 30), bool)
    speck[0, 0] = True
    picture = to_picture(Photograph(SCENE, 1, None), (4,), [(4, MASK, 0), (4, speck, 1)], 15, "a")
    ((class_id, mask, iscrowd),) = picture.masks
    assert (class_id, iscrowd, mask.shape) == (4, 0, (10, 15))
    assert mask.sum() == MASK.sum() / 4
    assert mask[1:3, 2:10].all()
