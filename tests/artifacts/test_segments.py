"""Rows of the segments' table as masks."""

import json

import numpy as np
import pandas as pd

from empaste.artifacts.segments import segment_rles
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
