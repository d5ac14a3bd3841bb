"""Overlaps of masks on hand-drawn grids, and what suppression leaves."""

import numpy as np
import pytest

from empaste.masks import encode_mask
from empaste.overlaps import best_ious, mask_ious, suppress

MASK = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]], bool)


def test_overlap_of_every_pair() -> None:
    half = np.zeros_like(MASK)
    half[0, 1:3] = True
    ious = mask_ious([encode_mask(MASK), encode_mask(~MASK)], [encode_mask(MASK), encode_mask(half)])
    assert ious == pytest.approx(np.array([[1, 2 / 3], [0, 0]]))


def test_no_overlaps_of_nothing() -> None:
    rle = encode_mask(MASK)
    assert mask_ious([], [rle]).shape == (0, 1)
    assert mask_ious([rle, rle], []).shape == (2, 0)
    assert mask_ious([], []).shape == (0, 0)


def test_the_best_overlap_of_each() -> None:
    first, second = encode_mask(MASK), encode_mask(~MASK)
    assert best_ious([first, second], [second]).tolist() == [0, 1]
    assert best_ious([first, second], []).tolist() == [0, 0]
    assert best_ious([], [first]).tolist() == []


def test_what_a_dropped_one_clashes_with_stays() -> None:
    chain = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) <= 1
    assert suppress(chain, [0, 1, 2, 3, 4]).tolist() == [0, 2, 4]
    assert suppress(chain, [1, 0, 2, 3, 4]).tolist() == [1, 3]
    assert suppress(chain, np.arange(5), 2).tolist() == [0, 2]
    assert suppress(chain, [], None).tolist() == suppress(chain, [3], 0).tolist() == []


def test_suppression_goes_from_the_best() -> None:
    clash = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    assert suppress(clash, np.array([0, 1, 2])).tolist() == [0, 2]
    assert suppress(clash, np.array([1, 0, 2])).tolist() == [1]
    assert suppress(np.zeros((0, 0), bool), np.arange(0)).tolist() == []
