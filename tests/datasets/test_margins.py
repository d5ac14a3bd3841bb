"""Margins are cut off to the pixel, with the annotations along; skies, walls and plain backgrounds are no margins."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from empaste.datasets.margins import CUT, LOST, cut, find_margins, trim
from empaste.datasets.opening import open_data_set
from empaste.datasets.records import NO_MARGINS, Margins, Picture
from empaste.images import decode_rgb, encode_rgb, write_rgb
from tests.datasets.layouts import settings_of, write_folder


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """What no margin looks like: every pixel of its own."""
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), np.uint8)


def photo(height: int, width: int) -> np.ndarray:
    """Soft patches of many colours, as JPEG is made for."""
    return cv2.resize(noise(height // 8, width // 8), (width, height), interpolation=cv2.INTER_CUBIC)


def framed(content: np.ndarray, margins: Margins, colour: tuple[int, int, int] = (255, 255, 255)) -> np.ndarray:
    widths = (margins.top, margins.bottom), (margins.left, margins.right), (0, 0)
    inside = np.pad(np.ones(content.shape[:2], bool), widths[:2])
    return np.where(inside[..., None], np.pad(content, widths), np.array(colour, np.uint8))


def picture_of(image: np.ndarray) -> Picture:
    height, width = image.shape[:2]
    return Picture(encode_rgb(image, ".png"), height, width, (1,), ())


@given(
    st.tuples(*[st.integers(0, 12)] * 4),
    st.sampled_from([(255, 255, 255), (0, 0, 0), (250, 240, 230)]),
    st.integers(0, 9),
)
def test_margins_of_any_width_are_found_to_the_pixel(
    widths: tuple[int, int, int, int], colour: tuple[int, int, int], seed: int
) -> None:
    assert find_margins(framed(noise(40, 50, seed), Margins(*widths), colour)) == Margins(*widths)


def test_a_frame_in_a_frame_and_the_bars_of_a_film() -> None:
    inner = framed(noise(60, 80), Margins(4, 4, 4, 4), (0, 0, 0))
    assert find_margins(framed(inner, Margins(8, 8, 8, 8))) == Margins(12, 12, 12, 12)
    assert find_margins(framed(noise(60, 80), Margins(20, 20, 0, 0), (16, 16, 16))) == Margins(20, 20, 0, 0)


@pytest.mark.parametrize("quality", [95, 60])
def test_what_jpeg_writes_around_an_edge_is_cut_off_too(quality: int) -> None:
    wanted = Margins(21, 13, 30, 18)
    image = framed(photo(120, 160), wanted)
    found = find_margins(decode_rgb(encode_rgb(image, ".jpg", quality, full_colour=False), ""))
    assert np.abs(np.subtract(found, wanted)).max() <= 2


def sky() -> np.ndarray:
    """Light above to dark below, without noise, over a straight horizon."""
    image = noise(90, 120)
    image[:60] = np.linspace(240, 150, 60).astype(np.uint8)[:, None, None]
    return image


def wall() -> np.ndarray:
    """A wall of one colour under a sensor's noise, over a floor with a straight edge."""
    image = noise(90, 120)
    image[:30] = np.random.default_rng(1).normal(200, 6, (30, 120, 3)).astype(np.uint8)
    return image


def product() -> np.ndarray:
    """A round thing on white paper."""
    image = np.full((90, 120, 3), 255, np.uint8)
    return cv2.circle(image, (60, 45), 40, (90, 20, 20), -1)


def small_thing() -> np.ndarray:
    """A square that takes up a tenth of its white paper."""
    image = np.full((90, 120, 3), 255, np.uint8)
    image[30:63, 40:73] = noise(33, 33)
    return image


@pytest.mark.parametrize(
    "image", [sky(), wall(), product(), small_thing(), noise(40, 50), np.full((40, 50, 3), 255, np.uint8), noise(1, 1)]
)
def test_what_is_no_margin_stays(image: np.ndarray) -> None:
    assert find_margins(image) == NO_MARGINS


@given(
    arrays(
        np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3)), elements=st.sampled_from([0, 90, 255])
    ),
    st.tuples(*[st.integers(0, 9)] * 4),
)
def test_of_any_image_enough_is_left(content: np.ndarray, widths: tuple[int, int, int, int]) -> None:
    image = framed(content, Margins(*widths))
    left = cut(image, find_margins(image))
    assert left.size >= image.size / 3


def test_a_line_is_not_worth_another_jpeg() -> None:
    assert find_margins(framed(noise(300, 300), Margins(2, 0, 0, 0))) == NO_MARGINS
    assert find_margins(framed(noise(300, 300), Margins(4, 0, 0, 0))) == Margins(4, 0, 0, 0)


def test_annotations_move_along_and_what_lay_in_a_margin_is_counted() -> None:
    image = framed(noise(40, 50), Margins(10, 0, 20, 0))
    inside, outside = np.zeros((2, 50, 70), bool)
    inside[5:20, 15:30] = True
    outside[:8, :8] = True
    boxes = ((1, (15.0, 5.0, 20.0, 15.0), 0), (1, (0.0, 0.0, 9.0, 9.0), 0))
    masks = ((1, inside, 0), (2, outside, 1))
    after = trim(replace(picture_of(image), masks=masks, void=outside, boxes=boxes, digest="whole"), "a.jpg")
    assert (after.height, after.width, after.class_ids, after.digest) == (40, 50, (1,), "whole")
    assert decode_rgb(after.jpeg, "").shape == (40, 50, 3)
    ((class_id, mask, crowd),) = after.masks
    assert (class_id, crowd, mask.shape) == (1, 0, (40, 50))
    assert (mask == inside[10:, 20:]).all()
    assert after.boxes == ((1, (0.0, 0.0, 15.0, 10.0), 0),)
    assert after.void is not None
    assert not after.void.any()
    assert [remark.reason for remark in after.remarks] == [CUT, LOST, LOST]


def test_an_image_without_margins_keeps_its_bytes() -> None:
    before = picture_of(noise(40, 50))
    assert trim(before, "a.jpg") is before


@pytest.mark.parametrize(("asked", "height"), [(True, 40), (False, 60)])
def test_only_training_images_are_trimmed_and_only_where_asked(tmp_path: Path, asked: bool, height: int) -> None:
    root = write_folder(tmp_path, ["a.png,cat,train", "b.png,cat,val"])
    for name in ("a.png", "b.png"):
        write_rgb(root / "images" / name, framed(photo(40, 56), Margins(10, 10, 10, 10)))
    data = open_data_set(
        settings_of(root, dataset="folder", trim_margins=asked), lambda each, items, _: map(each, items)
    )
    heights = {one.split: data.data.load(one, 0).height for one in data.data.examples}
    assert heights == {"train": height, "val": 60}
