"""From image files to the segments table."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.image_keys import NamedImage
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.overlaps import mask_ious
from empaste.proposals import coco_results, felzenszwalb
from empaste.proposals.method import Context
from empaste.proposals.table import match_images, propose_image, propose_segments, segment_table
from empaste.rle import RLE
from tests.proposals.sources import context_of, section_of

SECTION = section_of(felzenszwalb.METHOD, scales=[50.0], sigma=0.5, min_size=20)
FILTERS: dict[str, Any] = {"max_side": 0, "min_area": 0.01, "max_extent": 0.95, "max_segments": 500}
SETTINGS = context_of(method="felzenszwalb", felzenszwalb=SECTION, **FILTERS).settings


def test_rows_describe_their_masks(tmp_path: Path, disc_image: np.ndarray) -> None:
    write_rgb(tmp_path / "a.png", disc_image)
    rows = propose_image((7, tmp_path / "a.png"), SETTINGS).rows
    assert len(rows)
    for row in rows.to_dict("records"):
        mask = decode_mask({"counts": row["counts"], "size": [row["height"], row["width"]]})
        assert row["image_id"] == 7
        assert row["area"] == np.count_nonzero(mask)
        assert (row["x"], row["y"], row["box_width"], row["box_height"]) == mask_box_xywh(mask)
    assert rows["score"].is_monotonic_decreasing


def test_shrunk_image_gives_masks_of_the_full_size(
    tmp_path: Path, disc_image: np.ndarray, disc_mask: np.ndarray
) -> None:
    write_rgb(tmp_path / "a.png", disc_image.repeat(4, axis=0).repeat(4, axis=1))
    rows = propose_image((1, tmp_path / "a.png"), SETTINGS.model_copy(update={"max_side": 64})).rows
    assert set(rows["height"]) == {224}
    assert set(rows["width"]) == {256}
    target = encode_mask(disc_mask.repeat(4, axis=0).repeat(4, axis=1))
    found: list[RLE] = [{"counts": counts, "size": [224, 256]} for counts in rows["counts"]]
    assert mask_ious(found, [target]).max() > 0.8


def test_very_wide_image(tmp_path: Path) -> None:
    image = np.full((400, 10_000, 3), 200, np.uint8)
    image[50:300, 2000:6000] = (30, 60, 200)
    write_rgb(tmp_path / "a.png", image)
    rows = propose_image((1, tmp_path / "a.png"), SETTINGS.model_copy(update={"max_side": 320})).rows
    assert set(rows["width"]) == {10_000}


def test_at_most_so_many(disc_image: np.ndarray) -> None:
    masks, scores = propose_segments(disc_image, Context(SETTINGS.model_copy(update={"max_segments": 1}), 1, "a.png"))
    assert len(masks) == len(scores) == 1


def test_table_numbers_segments_through_the_images(tmp_path: Path, disc_image: np.ndarray) -> None:
    write_rgb(tmp_path / "a.png", disc_image)
    rows = [propose_image((i, tmp_path / "a.png"), SETTINGS).rows for i in (3, 5)]
    table = segment_table(rows)
    assert table["segment_id"].tolist() == list(range(len(rows[0]) + len(rows[1])))
    write_table(table, tmp_path / "segments.parquet", Segments)


@pytest.mark.parametrize("count", [0, 2])
def test_table_without_segments_is_legal(tmp_path: Path, count: int) -> None:
    write_rgb(tmp_path / "a.png", np.zeros((1, 1, 3), np.uint8))
    rows = [propose_image((i, tmp_path / "a.png"), SETTINGS).rows for i in range(count)]
    table = segment_table(rows)
    write_table(table, tmp_path / "segments.parquet", Segments)
    assert len(table) == 0


def test_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png is not a readable image \(0 bytes\)"):
        propose_image((1, tmp_path / "a.png"), SETTINGS)


def test_a_file_is_compared_with_all_images_once(tmp_path: Path) -> None:
    """Image 1 is called 2 and image 2 is called 1: each gets what the file has for its id, and nothing else."""
    images = [NamedImage(1, "train/2.png", "train"), NamedImage(2, "train/1.png", "train")]
    masks = {1: np.arange(48).reshape(6, 8) < 8, 2: np.arange(48).reshape(6, 8) >= 24}
    rows = [{"image_id": number, "segmentation": encode_mask(mask), "score": 0.5} for number, mask in masks.items()]
    (tmp_path / "results.json").write_text(json.dumps(rows))
    section = section_of(coco_results.METHOD, file=str(tmp_path / "results.json"), num_best=5)
    changes = FILTERS | {"method": "coco_results", "coco_results": section, "max_extent": 2.0}
    settings = SETTINGS.model_copy(update=changes)
    keys, (said,) = match_images(settings, images)
    assert "results.json names images by id (2 of 2 are also names of files" in said
    for one in images:
        path = tmp_path / one.file_name
        path.parent.mkdir(exist_ok=True)
        write_rgb(path, np.zeros((6, 8, 3), np.uint8))
        (area,) = propose_image((one.image_id, path), settings, keys).rows["area"]
        assert area == masks[one.image_id].sum()
    assert match_images(settings.model_copy(update={"method": "slic"}), images) == ({}, [])
