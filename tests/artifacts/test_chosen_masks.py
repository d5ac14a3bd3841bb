"""The masks that a choice may name: segments, and those that a person's decisions add."""

from pathlib import Path

import pandas as pd

from empaste.artifacts.chosen_masks import BY_HAND, read_by_hand, read_chosen_masks
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_into, write_table

ROW = {
    "image_id": 1, "counts": "04", "height": 2, "width": 2, "area": 4, "x": 0, "y": 0, "box_width": 2, "box_height": 2,
    "score": 0.5,
}  # fmt: skip


def rows(*segment_ids: int) -> pd.DataFrame:
    return pd.DataFrame([{"segment_id": id_} | ROW for id_ in segment_ids])


def test_masks_of_decisions_follow_the_segments(tmp_path: Path) -> None:
    segments, foregrounds = tmp_path / "segments", tmp_path / "foregrounds"
    write_into(segments, rows(0, 1), Segments)
    assert read_by_hand(foregrounds) is None
    assert read_chosen_masks(segments, foregrounds)["segment_id"].tolist() == [0, 1]
    write_table(rows(2), foregrounds / BY_HAND, Segments)
    assert read_chosen_masks(segments, foregrounds).equals(rows(0, 1, 2))
