"""What an export reads of a run."""

from pathlib import Path

from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.exporting.reading import Places, read_source
from empaste.masks import encode_mask
from tests.review.conftest import MASKS, box, segment_rows, write_pool, write_run


def test_masks_of_decisions_are_exported_as_they_are(tmp_path: Path) -> None:
    there = write_run(tmp_path)
    drawn = segment_rows().iloc[2:].assign(segment_id=3, counts=encode_mask(box(8))["counts"])
    write_table(drawn, there.foregrounds / BY_HAND, Segments)
    write_pool(there, [(1, 1, 0, 0.9), (2, 1, 3, 1.0)])
    images = read_source("foregrounds", Places(run=there)).images
    assert [one.mask for image in images for one in image.instances] == [encode_mask(MASKS[0]), encode_mask(box(8))]
