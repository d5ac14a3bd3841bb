"""What backgrounds must lose, read from the artifacts."""

from pathlib import Path

import numpy as np

from empaste.artifacts.arrays import write_array
from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.backgrounds.reading import read_erased
from empaste.masks import encode_mask
from tests.review.conftest import MASKS, box, segment_rows, write_run


def test_masks_of_decisions_are_erased_before_what_was_chosen(tmp_path: Path) -> None:
    there = write_run(tmp_path)
    write_array(there.features / "probs.npy", np.zeros((3, 2), np.float32))
    pool = read_table(there.foregrounds / "pool.parquet", Foregrounds)
    write_table(pool, there.foregrounds / "iter_0.parquet", Foregrounds)
    drawn = segment_rows().iloc[2:].assign(segment_id=3, counts=encode_mask(box(8))["counts"])
    places = there.labels, there.segments, there.features, there.foregrounds
    chosen = read_erased(*places, 0.5)
    write_table(drawn, there.foregrounds / BY_HAND, Segments)
    assert read_erased(*places, 0.5) == chosen | {2: (encode_mask(box(8))["counts"], encode_mask(MASKS[2])["counts"])}
