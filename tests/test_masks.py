"""Masks and their run-length encodings on hand-drawn grids."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays

from empaste.masks import decode_mask, decode_masks, encode_mask, mask_box_xywh, rle_area_box_xywh
from empaste.rle import run_lengths

MASK = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], bool)
MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12))


def test_an_rle_is_what_json_holds() -> None:
    rle = encode_mask(MASK)
    assert rle["size"] == [3, 4]
    assert all(type(side) is int for side in rle["size"])
    # Down the columns: three off, two on, one off, one on, five off.
    assert run_lengths(rle["counts"]) == [3, 2, 1, 1, 5]
    assert encode_mask(np.asfortranarray(MASK)) == rle == encode_mask(MASK.astype(np.uint8))


@given(MASKS)
@settings(deadline=None)
def test_there_and_back(mask: np.ndarray) -> None:
    decoded = decode_mask(encode_mask(mask))
    assert decoded.dtype == bool
    assert (decoded == mask).all()


def test_several_masks_of_one_size() -> None:
    masks = decode_masks([encode_mask(MASK), encode_mask(~MASK)])
    assert masks.shape == (2, 3, 4)
    assert masks.dtype == bool
    assert masks.flags.c_contiguous
    assert (masks[0] == MASK).all()
    assert (masks[1] == ~MASK).all()


@pytest.mark.parametrize(
    ("mask", "box"),
    [
        (MASK, (1, 0, 2, 2)),
        (np.zeros((3, 4), bool), (0, 0, 0, 0)),
        (np.ones((3, 4), bool), (0, 0, 4, 3)),
        (np.eye(3, dtype=bool), (0, 0, 3, 3)),
        (np.ones((1, 1), bool), (0, 0, 1, 1)),
    ],
)
def test_tight_boxes(mask: np.ndarray, box: tuple[int, int, int, int]) -> None:
    assert mask_box_xywh(mask) == box
    assert all(type(number) is int for number in mask_box_xywh(mask))


@given(MASKS)
def test_a_box_holds_its_mask_and_touches_it_on_every_side(mask: np.ndarray) -> None:
    x, y, width, height = mask_box_xywh(mask)
    inside = mask[y : y + height, x : x + width]
    assert inside.sum() == mask.sum()
    assert not mask.any() or (inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any())


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_area_and_box_of_an_rle_are_those_of_its_mask(mask: np.ndarray) -> None:
    assert rle_area_box_xywh(encode_mask(mask)) == (int(mask.sum()), mask_box_xywh(mask))
    assert encode_mask(np.asfortranarray(mask)) == encode_mask(mask) == encode_mask(mask.astype(np.int64))


def test_arrays_need_no_pycocotools() -> None:
    code = "import sys; sys.modules['pycocotools'] = None; import empaste.masks, empaste.overlaps, empaste.rle"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
