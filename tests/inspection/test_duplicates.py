"""Near-duplicates are pictures of the same thing, whatever their size and compression; others are none."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.images import decode_rgb, encode_rgb
from empaste.inspection import duplicates
from empaste.inspection.duplicates import find_pairs, hamming
from empaste.inspection.looking import Look
from tests.inspection.looks import look, picture


def worse(image: np.ndarray) -> np.ndarray:
    """``image`` smaller, and compressed hard."""
    return decode_rgb(encode_rgb(cv2.resize(image, None, fx=0.6, fy=0.6), ".jpg", 40), "worse")


def test_copies_and_worse_copies_are_found_equal_ones_first() -> None:
    looks = [look(1, picture(1)), look(2, picture(2)), look(3, worse(picture(1)), "val"), look(4, picture(2))]
    pairs = find_pairs(looks)
    assert [(one.first, one.second, one.same) for one in pairs] == [(1, 3, True), (0, 2, False)]
    assert pairs[0].bits == 0 <= pairs[1].bits <= duplicates.MAX_BITS


@pytest.mark.parametrize("block", [1, 2, 512])
def test_pairs_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", block)
    looks = [look(number, picture(number % 3)) for number in range(6)]
    assert [(one.first, one.second) for one in find_pairs(looks)] == [(0, 3), (1, 4), (2, 5)]


def test_flat_pictures_of_other_colours_are_no_duplicates() -> None:
    flat = [np.full((60, 60, 3), value, np.uint8) for value in (20, 200)]
    assert find_pairs([look(number, image) for number, image in enumerate(flat)]) == []


def test_what_could_not_be_read_is_passed_over() -> None:
    bad = Look(look(9, picture(9)).example, (), error="damaged")
    assert [(one.first, one.second) for one in find_pairs([bad, look(1, picture(1)), bad, look(2, picture(1))])] == [
        (1, 3)
    ]
    assert find_pairs([bad]) == []


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=6))
def test_bits_that_differ_are_counted(rows: list[bytes]) -> None:
    values = np.array([list(row) for row in rows], np.uint8)
    expected = [[bin(int.from_bytes(a) ^ int.from_bytes(b)).count("1") for b in rows] for a in rows]
    assert hamming(values, values).tolist() == expected
