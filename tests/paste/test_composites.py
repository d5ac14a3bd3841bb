"""The written data set: numbering, what is left out, and that COCO tools read it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO

from empaste.images import encode_rgb, read_rgb
from empaste.masks import encode_mask
from empaste.paste.compose import EncodedComposite
from empaste.paste.composites import summarise, write_composites
from empaste.paste.pool import Background
from empaste.paste.sources import Foreground

CLASSES = pd.DataFrame({"class_id": [3, 8], "name": ["cat", "dog"], "supercategory": ["animal", "animal"]})


def annotation(class_id: int, source: str) -> dict[str, Any]:
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:6] = True
    return {"category_id": class_id, "segmentation": encode_mask(mask), "area": 8, "bbox": [2, 1, 4, 2], "iscrowd": 0,
            "source": source, "segment_id": 4}  # fmt: skip


def composite(shade: int, *annotations: dict[str, Any], dropped: int = 0) -> EncodedComposite:
    image = np.full((6, 8, 3), shade, np.uint8)
    return EncodedComposite(encode_rgb(image, ".jpg", 95), (6, 8), list(annotations), dropped)


def item(kind: str, source_id: int, pasted_on: bool) -> Background:
    return Background(kind, source_id, 0, Path("x.jpg"), (), pasted_on)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, dict[str, Any], dict[str, int]]:
    items = [item("original", 5, True), item("background", 7, True), item("original", 5, False)]
    composites = [
        composite(10, annotation(3, "original"), annotation(8, "pasted"), dropped=1),
        composite(20, dropped=2),
        composite(30, annotation(3, "original")),
    ]
    return tmp_path, *write_composites(tmp_path, items, composites, CLASSES)


def test_images_are_numbered_from_one_without_gaps_and_empty_ones_stay_out(
    written: tuple[Path, dict[str, Any], dict[str, int]],
) -> None:
    folder, data, left_out = written
    assert [image["file_name"] for image in data["images"]] == ["000001.jpg", "000002.jpg"]
    assert sorted(path.name for path in (folder / "images").iterdir()) == ["000001.jpg", "000002.jpg"]
    assert [int(read_rgb(folder / "images" / f"00000{k}.jpg").mean().round()) for k in (1, 2)] == [10, 30]
    assert [(row["id"], row["image_id"]) for row in data["annotations"]] == [(1, 1), (2, 1), (3, 2)]
    assert left_out == {"dropped_instances": 3, "dropped_images": 1}


def test_coco_tools_open_it(written: tuple[Path, dict[str, Any], dict[str, int]]) -> None:
    coco = COCO(str(written[0] / "instances.json"))
    assert coco.getImgIds() == [1, 2]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["cat", "dog"]
    assert coco.annToMask(coco.anns[2]).sum() == coco.anns[2]["area"] == 8


def test_the_summary_counts_every_class_even_one_without_a_foreground(
    written: tuple[Path, dict[str, Any], dict[str, int]],
) -> None:
    foregrounds = [Foreground(5, 3, k, "segment_id", encode_mask(np.ones((6, 8), bool))) for k in (1, 2)]
    assert summarise(written[1], written[2], foregrounds, CLASSES) == {
        "images": 2,
        "instances": 3,
        "instances_per_class": {"cat": 2, "dog": 1},
        "foregrounds": 2,
        "foregrounds_per_class": {"cat": 2, "dog": 0},
        "originals_with_extraction": 1,
        "composites_on_originals": 1,
        "composites_on_backgrounds": 0,
        "unpasted_originals": 1,
        "pasted": 1,
        "own": 2,
        "dropped_instances": 3,
        "dropped_images": 1,
    }
