"""Rounds as COCO files."""

from pathlib import Path

import numpy as np
import pandas as pd

from empaste.artifacts.coco import read_coco
from empaste.masks import decode_mask, encode_mask
from empaste.refinement.rounds import Instance, Round, VoidRegion
from empaste.refinement.writing import void_per_image, write_rounds
from empaste.rle import RLE

IMAGES = pd.DataFrame({"image_id": [4, 5], "file_name": ["4.jpg", "5.jpg"], "height": [6, 6], "width": [8, 8]})
CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["sports", "animal"]})


def columns(left: int, right: int) -> RLE:
    mask = np.zeros((6, 8), bool)
    mask[:, left:right] = True
    return encode_mask(mask)


def round_of(instances: list[tuple[int, int, int, int]], void: list[tuple[int, int, int, int]]) -> Round:
    """Both as (image, class, first column, last column and one)."""
    return Round(
        instances=[Instance(image_id=i, class_id=c, segmentation=columns(a, b), score=0.5) for i, c, a, b in instances],
        void=[VoidRegion(image_id=i, class_id=c, segmentation=columns(a, b)) for i, c, a, b in void],
        empty=[],
        kept=[],
    )


def test_void_of_an_image_is_that_of_all_its_classes_without_its_instances() -> None:
    one = round_of([(4, 1, 0, 3), (5, 2, 0, 8)], [(4, 1, 3, 4), (4, 2, 2, 6), (5, 1, 1, 2)])
    found = void_per_image(one)
    assert list(found) == [4]
    assert np.flatnonzero(decode_mask(found[4])[0]).tolist() == [3, 4, 5]


def test_files_hold_instances_and_void(tmp_path: Path) -> None:
    first, last = round_of([(4, 1, 0, 3)], []), round_of([(4, 1, 0, 2)], [(4, 1, 2, 5)])
    write_rounds(tmp_path, [first, last], IMAGES, CLASSES)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pool.json", "round_1.json", "round_2.json"]
    assert ["void" in row for row in read_coco(tmp_path / "round_1.json")["images"]] == [False, False]
    pool = read_coco(tmp_path / "pool.json")
    assert [row.get("void") for row in pool["images"]] == [columns(2, 5), None]
    assert [row["segmentation"] for row in pool["annotations"]] == [columns(0, 2)]
    assert pool == read_coco(tmp_path / "round_2.json") | {"info": pool["info"]}


def test_without_a_round_the_pool_is_empty(tmp_path: Path) -> None:
    write_rounds(tmp_path, [], IMAGES, CLASSES)
    assert read_coco(tmp_path / "pool.json")["annotations"] == []
