"""Rows of the segments' table as masks."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts.segments import check_segment_images, decode_segments, read_runs, segment_rles
from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask

MASKS = [np.eye(4, 6, dtype=bool), np.ones((2, 3), bool)]
ROWS = pd.DataFrame(
    [{"segment_id": n, "counts": encode_mask(m)["counts"], "height": m.shape[0], "width": m.shape[1]}
     for n, m in enumerate(MASKS)]
)  # fmt: skip


def test_masks_come_back_in_order_whatever_the_index() -> None:
    rles = segment_rles(ROWS.set_index("segment_id").iloc[::-1])
    assert [decode_mask(rle).tolist() for rle in rles] == [mask.tolist() for mask in reversed(MASKS)]


def test_they_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(segment_rles(ROWS))) == segment_rles(ROWS)


def test_no_rows_give_no_masks() -> None:
    assert segment_rles(ROWS.iloc[:0]) == []


def test_decoded_masks_are_checked_one_by_one() -> None:
    rows = ROWS.assign(area=[4, 5])
    masks = decode_segments(rows, (4, 6), Path("a.png"))
    assert next(masks).tolist() == MASKS[0].tolist()
    with pytest.raises(InputError, match=re.escape("a.png is 4 high and 6 wide, its segment 1 is of an image 2 high")):
        next(masks)
    with pytest.raises(InputError, match=re.escape("segment 1 of a.png should have 5 pixels, its mask has 6; run:")):
        next(decode_segments(rows.iloc[1:], (2, 3), Path("a.png")))


def test_segments_of_unknown_images_are_refused() -> None:
    rows = pd.DataFrame({"image_id": [3, 3, 5]})
    check_segment_images(rows, {3, 5}, Path("segments"), Path("images"))
    with pytest.raises(InputError, match="segments names the image 5, which images lacks; run: dvc repro proposals"):
        check_segment_images(rows, {3}, Path("segments"), Path("images"))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 300), st.integers(0, 5))
def test_runs_are_the_pixels_that_decoding_gives(seed: int, height: int, width: int, num: int) -> None:
    """Of noise, whose runs are short, of rectangles, whose runs are long, of empty and of full masks."""
    rng = np.random.default_rng(seed)
    masks = [rng.random((height, width)) < rng.random() for _ in range(num)]
    masks += [np.zeros((height, width), bool), np.ones((height, width), bool)]
    for _ in range(num):
        masks.append(np.zeros((height, width), bool))
        masks[-1][rng.integers(height) :, rng.integers(width) :] = True
    drawn = np.zeros((len(masks), width * height), int)
    for owner, start, stop in zip(*read_runs([encode_mask(mask)["counts"] for mask in masks]), strict=True):
        drawn[owner, start:stop] += 1
    assert np.array_equal(drawn.reshape(-1, width, height).transpose(0, 2, 1), np.array(masks))


def test_no_masks_have_no_runs() -> None:
    assert [len(column) for column in read_runs([])] == [0, 0, 0]


@pytest.mark.parametrize("counts", ["", "0", "P", "```0", "x" * 9])
def test_masks_that_do_not_fill_their_image_are_refused(counts: str) -> None:
    """pycocotools would write beyond its memory."""
    rows = ROWS.assign(counts=[ROWS["counts"][0], counts])
    with pytest.raises(InputError, match=r"a mask whose runs do not fill its image.*run: dvc repro proposals"):
        segment_rles(rows)
