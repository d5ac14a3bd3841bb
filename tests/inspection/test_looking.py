"""What is seen of one image."""

from pathlib import Path

import numpy as np
import pytest

from empaste.datasets.records import Example, Picture
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.inspection.looking import SIDE, describe, has_network, look_at, small_gray
from tests.inspection.looks import picture


def load(example: Example, _max_side: int) -> Picture:
    """A picture with a mask of a quarter, one of a crowd, and a box of a tenth."""
    if example.image_id < 0:
        raise InputError("damaged")
    image = picture(example.image_id, (100, 80))
    quarter = np.zeros((80, 100), bool)
    quarter[:40, :50] = True
    boxes = ((2, (0.0, 0.0, 10.0, 80.0), 0),)
    return Picture(
        encode_rgb(image, ".jpg"), 80, 100, (2,), ((2, quarter, 0), (2, ~quarter, 1)), boxes=boxes, digest="d"
    )


def test_sizes_areas_and_labels_are_those_of_the_picture() -> None:
    seen = look_at(Example(1, "train", "train/1.jpg", ()), load, with_phi=False)
    assert (seen.size_hw, seen.areas, seen.class_ids, seen.digest) == ((80, 100), (0.25, 0.1), (2,), "d")
    assert seen.phi is None
    assert seen.error == ""


def test_the_size_is_that_of_the_file_not_of_what_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(encode_rgb(picture(1, (700, 300)), ".jpg"))
    seen = look_at(Example(1, "train", "train/1.jpg", (), tmp_path / "1.jpg"), load, with_phi=False)
    assert seen.size_hw == (300, 700)


def test_an_image_that_cannot_be_read_comes_back_with_its_error() -> None:
    seen = look_at(Example(-1, "val", "val/1.jpg", (1,)), load, with_phi=True)
    assert (seen.error, seen.class_ids, seen.phash) == ("damaged", (1,), None)


def test_margins_are_measured_in_shares_of_the_image() -> None:
    def framed(_: Example, max_side: int) -> Picture:
        assert max_side == SIDE
        image = np.pad(picture(1, (80, 60)), ((20, 20), (0, 0), (0, 0)))
        return Picture(encode_rgb(image, ".png"), 100, 80, (1,), ())

    assert look_at(Example(1, "train", "train/1.jpg", ()), framed, with_phi=False).margin_area == pytest.approx(0.4)


def test_small_gray_versions_correlate() -> None:
    values = small_gray(picture(1))
    assert np.isclose(values @ values, 1, atol=1e-5)
    assert np.isclose(values.mean(), 0, atol=1e-6)
    assert not small_gray(np.full((9, 9, 3), 7, np.uint8)).any()


@pytest.mark.skipif(not has_network(), reason="needs: uv pip install -e '.[imagenet]'")
def test_the_network_describes_an_image_the_same_each_time() -> None:
    first, second, other = (describe(picture(seed)) for seed in (1, 1, 2))
    assert first.shape == (1280,)
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
