"""COCO files: what is written opens with pycocotools; what is no data set is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO

from empaste.artifacts.coco import coco_dataset, instance, read_coco, write_coco
from empaste.artifacts.coco_records import Coco
from empaste.errors import InputError
from empaste.masks import encode_mask


def example() -> Coco:
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:7] = True
    mask[2, 3] = False
    images = pd.DataFrame({"image_id": [3], "split": ["train"], "file_name": ["a.jpg"], "height": [6], "width": [8]})
    classes = pd.DataFrame({"class_id": [5], "name": ["fish"], "supercategory": ["animal"]})
    return coco_dataset(images, classes, [instance(1, 3, 5, encode_mask(mask), source="pasted")], "an example")


def test_an_instance_is_exactly_its_mask() -> None:
    annotation = example()["annotations"][0]
    assert annotation["bbox"] == [2, 1, 5, 3]
    assert annotation["area"] == 14
    assert annotation["source"] == "pasted"


def test_other_tools_open_it(tmp_path: Path) -> None:
    write_coco(tmp_path / "a.json", example())
    coco = COCO(str(tmp_path / "a.json"))
    assert coco.annToMask(coco.anns[1]).sum() == 14
    assert coco.cats[5]["name"] == "fish"
    assert read_coco(tmp_path / "a.json") == example()


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="does not exist"):
        read_coco(path)
    path.write_text("{")
    with pytest.raises(InputError, match="not valid JSON"):
        read_coco(path)
    path.write_text('{"images": []}')
    with pytest.raises(InputError, match="lacks annotations, categories"):
        read_coco(path)
    path.write_text("[]")
    with pytest.raises(InputError, match="lacks images, annotations, categories"):
        read_coco(path)


def test_void_stands_with_its_image() -> None:
    images = pd.DataFrame({"image_id": [1, 2], "file_name": ["a", "b"], "height": 4, "width": 6})
    classes = pd.DataFrame({"class_id": [1], "name": ["cat"], "supercategory": ["animal"]})
    void = encode_mask(np.ones((4, 6), bool))
    rows = coco_dataset(images, classes, [], "test", {2: void})["images"]
    assert "void" not in rows[0]
    assert rows[1]["void"] == void


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"annotations": [3]}, "annotations is no list of objects"),
        ({"images": {}}, "images is no list of objects"),
        ({"annotations": [{"id": 1}]}, r"annotations\[0\] has no such mask; allowed is an RLE"),
        ({"annotations": [{"segmentation": {"size": [6, 8], "counts": "0"}}]}, r"annotations\[0\] has no such mask"),
        (
            {"annotations": [{"segmentation": {"size": [6, "8"], "counts": "`10"}}]},
            r"annotations\[0\] has no such mask",
        ),
        ({"annotations": [{"segmentation": {"size": [6, 8], "counts": [48]}}]}, r"annotations\[0\] has no such mask"),
        ({"annotations": [{"segmentation": [[1e9, 0, 0, 0, 0, 1]]}]}, r"annotations\[0\] is a polygon"),
        ({"images": [{"id": 3, "void": {"size": [6, 8], "counts": "x"}}]}, r"images\[0\] has no such mask"),
    ],
)
def test_masks_are_looked_at_before_anything_decodes_them(tmp_path: Path, rows: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(example() | rows))
    with pytest.raises(InputError, match=rf"a\.json: {message}.*run: dvc repro"):
        read_coco(path)


@pytest.mark.parametrize(
    ("table", "key"), [("images", "file_name"), ("annotations", "image_id"), ("categories", "name")]
)
def test_a_record_that_lacks_a_key_is_refused(tmp_path: Path, table: str, key: str) -> None:
    data: dict[str, Any] = dict(example())
    del data[table][0][key]
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=rf"a\.json: {table}\[0\] lacks {key}; run: dvc repro"):
        read_coco(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("table", "key", "value", "words"),
    [
        ("images", "height", "6", "a whole number"),
        ("images", "file_name", 3, "text"),
        ("annotations", "image_id", [3], "a whole number"),
        ("annotations", "category_id", True, "a whole number"),
        ("annotations", "area", None, "a number"),
        ("categories", "name", {}, "text"),
    ],
)
def test_a_value_of_another_type_is_refused(tmp_path: Path, table: str, key: str, value: Any, words: str) -> None:
    data: dict[str, Any] = dict(example())
    data[table][0][key] = value
    (tmp_path / "a.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match=rf"a\.json: {table}\[0\]\.{key} is .*; it must be {words}; run: dvc repro"):
        read_coco(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["[" * 100_000, "{", "\xff"])
def test_what_is_no_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=r"a\.json is not valid JSON: .*run: dvc repro"):
        read_coco(tmp_path / "a.json")
    (tmp_path / "b.json").mkdir()
    with pytest.raises(InputError, match=r"b\.json cannot be read"):
        read_coco(tmp_path / "b.json")
