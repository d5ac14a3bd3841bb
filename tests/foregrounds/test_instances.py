"""Which segments show the same object, and which another, on bars drawn by hand."""

import numpy as np
import pytest

from empaste.foregrounds.instances import pick_further, same_object
from empaste.masks import encode_mask
from empaste.overlaps import covered_shares
from empaste.rle import RLE


def bar(left: int, right: int) -> RLE:
    mask = np.zeros((4, 20), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


def test_same_object_from_half_the_union_on() -> None:
    others = [bar(0, 10), bar(0, 5), bar(0, 4), bar(5, 15), bar(10, 20)]
    assert same_object(bar(0, 10), others).tolist() == [True, True, False, False, False]


def test_shares_of_the_smaller_segment() -> None:
    shares = covered_shares([bar(0, 10), bar(8, 12), bar(8, 10), bar(15, 20)])
    assert shares == pytest.approx(np.array([[1, 0.5, 1, 0], [0.5, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]))


def test_further_ones_hardly_overlap_any_better_one() -> None:
    others = [bar(0, 4), bar(10, 14), bar(13, 17), bar(16, 20)]
    costs = np.array([0.0, 3, 2, 1])
    assert pick_further(bar(0, 5), others, costs, 0.2, 9).tolist() == [3, 1]
    assert pick_further(bar(0, 5), others, costs, 0.25, 9).tolist() == [3, 2, 1]


def test_best_first_up_to_the_number_ties_by_index() -> None:
    others = [bar(6, 8), bar(9, 11), bar(12, 14)]
    assert pick_further(bar(0, 5), others, np.array([1.0, 0, 0]), 0.2, 2).tolist() == [1, 2]
    assert pick_further(bar(0, 5), others, np.zeros(3), 0.2, 0).tolist() == []
