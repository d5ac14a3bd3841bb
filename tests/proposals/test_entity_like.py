"""Suppression of overlaps, by hand."""

import numpy as np

from empaste.proposals.entity_like import suppress_overlaps


def strip(start, end):
    mask = np.zeros((1, 10), bool)
    mask[0, start:end] = True
    return mask


def test_smaller_segment_decides():
    masks = np.array([strip(0, 10), strip(2, 4), strip(8, 10)])
    assert suppress_overlaps(masks, 0.3).tolist() == [0]
    assert suppress_overlaps(masks, 1.0).tolist() == [0, 1, 2]


def test_overlap_at_the_limit_is_kept():
    masks = np.array([strip(0, 5), strip(4, 8)])
    assert suppress_overlaps(masks, 0.25).tolist() == [0, 1]
    assert suppress_overlaps(masks, 0.24).tolist() == [0]


def test_no_masks():
    assert suppress_overlaps(np.zeros((0, 4, 4), bool), 0.3).tolist() == []
