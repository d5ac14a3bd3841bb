"""The one reader of foreign COCO files: every field, what is left out, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from empaste.artifacts.foreign_coco import ForeignCoco, is_coco_file, read_foreign_coco
from empaste.artifacts.remarks import Remark, summarise
from empaste.errors import InputError

SQUARE = [5.0, 5.0, 15.0, 5.0, 15.0, 15.0, 5.0, 15.0]


def content(**annotation: Any) -> dict[str, Any]:
    row = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": [SQUARE], "bbox": [5, 5, 10, 10], "iscrowd": 0}
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 40, "height": 30}],
        "annotations": [row | annotation],
        "categories": [{"id": 3, "name": "cat", "supercategory": "animal"}],
    }


def read(tmp_path: Path, data: Any) -> ForeignCoco:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    return read_foreign_coco(path, "a.json")


def test_a_plain_file(tmp_path: Path) -> None:
    found = read(tmp_path, content())
    (image,), (category,), (one,) = found.images, found.categories, found.instances
    assert (image.image_id, image.file_name, image.size_hw) == (7, "a.jpg", (30, 40))
    assert (category.category_id, category.name, category.supercategory) == (3, "cat", "animal")
    assert (one.image_id, one.category_id, one.segmentation, one.box_xywh) == (7, 3, [SQUARE], (5, 5, 10, 10))
    assert (one.iscrowd, one.score, one.origin, found.remarks) == (0, None, "a.json: annotation 1", ())


def test_values_of_another_type_with_one_meaning(tmp_path: Path) -> None:
    data = content(id="1", image_id="7", category_id=3.0, iscrowd="0", bbox=["5", 5, 10, "10"], score="0.5")
    data["annotations"][0]["segmentation"] = [[str(side) for side in SQUARE]]
    data["images"][0] |= {"id": "7", "width": "40", "height": 30.0}
    plain, found = read(tmp_path, content(score=0.5)), read(tmp_path, data)
    assert (found.images, found.categories, found.instances) == (plain.images, plain.categories, plain.instances)


@pytest.mark.parametrize(
    ("table", "key", "meant"),
    [("annotations", "isCrowd", "iscrowd"), ("annotations", "is_crowd", "iscrowd"), ("images", "Width", "width"),
     ("categories", "super_category", "supercategory"), ("annotations", "BBox", "bbox")],
)  # fmt: skip
def test_a_key_that_is_misspelt_is_not_dropped(tmp_path: Path, table: str, key: str, meant: str) -> None:
    data = content(caption="nobody's business")
    data[table][0][key] = data[table][0].pop(meant)
    with pytest.raises(InputError) as error:
        read(tmp_path, data)
    assert f"a.json: {table}[0] has the key {key!r}; rename it to {meant}" in str(error.value)
    data[table][0][meant] = data[table][0][key]
    read(tmp_path, data)  # beside the right one it is something else


@pytest.mark.parametrize("segmentation", [None, [], [[]], {}, ""])
def test_no_mask_leaves_the_box(tmp_path: Path, segmentation: Any) -> None:
    (one,) = read(tmp_path, content(segmentation=segmentation)).instances
    assert (one.segmentation, one.box_xywh) == (None, (5, 5, 10, 10))


@pytest.mark.parametrize("size", [{}, {"width": 0, "height": 0}, {"width": None, "height": None}])
def test_no_size_is_stated(tmp_path: Path, size: dict[str, Any]) -> None:
    data = content()
    data["images"][0] = {"id": 7, "file_name": "a.jpg"} | size
    assert read(tmp_path, data).images[0].size_hw is None


def test_boxes_without_area_are_left_out_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, content(bbox=[5, 5, 0, 10]))
    assert found.instances[0].box_xywh is None
    assert found.remarks == (Remark("boxes without area are left out", "a.json: annotation 1"),)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"iscrowd": "maybe"}, "a.json: annotation 1: iscrowd is 'maybe'; it must be 0 or 1"),
        ({"iscrowd": 2}, "iscrowd is 2; it must be 0 or 1"),
        ({"bbox": [1, 2, 3]}, "annotation 1: bbox is [1, 2, 3]; it must be 4 numbers"),
        ({"bbox": [1, 2, -3, 4]}, "bbox is [1, 2, -3, 4]; width and height"),
        ({"bbox": {"x": 1}}, "bbox is {'x': 1}; it must be 4 numbers"),
        ({"bbox": [float("nan"), 0, 1, 1]}, "bbox is nan; it must be a number"),
        ({"segmentation": "poly"}, "segmentation is 'poly'; allowed are a list of polygons or an RLE"),
        ({"segmentation": [[1, 2, 3, 4]]}, "a polygon is [1, 2, 3, 4]; it needs at least 3 points"),
        ({"segmentation": [[1, 2, 3, 4, 5, float("inf")]]}, "it needs at least 3 points"),
        ({"segmentation": [{"x": 1}]}, "it needs at least 3 points"),
        ({"segmentation": {"counts": [5]}}, "allowed are a list of polygons or an RLE with size and counts"),
        ({"image_id": 8}, "annotation 1 (image_id 8): no such entry in images, which has 1; correct image_id"),
        ({"category_id": None}, "annotations[0].category_id is None; it must be a whole number"),
        ({"image_id": True}, "annotations[0].image_id is True; it must be a whole number"),
        ({"score": 2}, "score is 2; scores are numbers from 0 to 1"),
    ],
)
def test_fields_of_annotations_without_a_meaning(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        read(tmp_path, content(**change))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 2**63}, "images[0].id is 9223372036854775808; it must be a whole number from"),
        ({"file_name": ""}, "images[0].file_name is ''; it must be text"),
        ({"file_name": 5.5}, "images[0].file_name is 5.5; it must be text"),
        ({"file_name": "\ud800.jpg"}, "which is no text in Unicode"),
        ({"width": "wide"}, "images[0].width is 'wide'; it must be a whole number"),
        ({"width": -4}, "images[0].width is -4; it must be a whole number from 0"),
        ({"width": 0}, "images[0] is 0 × 30 pixels (width × height); state both sides, or neither"),
        ({"width": None}, "images[0].width is None; it must be a whole number"),
    ],
)
def test_fields_of_images_without_a_meaning(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = content()
    data["images"][0] |= change
    with pytest.raises(InputError) as error:
        read(tmp_path, data)
    assert message in str(error.value)


def test_two_forms_of_one_name_are_one_class_and_said(tmp_path: Path) -> None:
    data = content()
    data["categories"] = [{"id": 3, "name": "café"}, {"id": 4, "name": "cafe\u0301"}, {"id": 9, "name": "dog"}]
    data["annotations"] += [data["annotations"][0] | {"id": 2, "category_id": 4}]
    found = read(tmp_path, data)
    assert [(one.category_id, one.name) for one in found.categories] == [(3, "café"), (9, "dog")]
    assert [one.category_id for one in found.instances] == [3, 3]
    said = summarise(found.remarks)
    assert said[0] == "1 names of categories are read in Unicode's composed form: café"
    assert "café (categories 3 and 4)" in said[1]


def test_one_name_under_two_ids_is_refused(tmp_path: Path) -> None:
    data = content()
    data["categories"] += [{"id": 4, "name": "cat", "supercategory": "animal"}]
    with pytest.raises(InputError, match=r"a.json: categories cat stand under several ids"):
        read(tmp_path, data)


def test_a_root_category_that_is_used_is_a_class(tmp_path: Path) -> None:
    data = content(category_id=0)
    data["categories"] += [{"id": 0, "name": "animal", "supercategory": "none"}]
    assert [one.name for one in read(tmp_path, data).categories] == ["cat", "animal"]


def test_annotations_may_lack_ids_and_may_not_share_them(tmp_path: Path) -> None:
    data = content()
    data["annotations"] = [{k: v for k, v in data["annotations"][0].items() if k != "id"}] * 2
    assert [one.origin for one in read(tmp_path, data).instances] == [
        "a.json: annotations[0]",
        "a.json: annotations[1]",
    ]
    data["annotations"] = [row | {"id": number} for row, number in zip(data["annotations"], (1, "1"), strict=True)]
    with pytest.raises(InputError, match="annotations has the id 1 twice"):
        read(tmp_path, data)


def test_what_is_a_coco_file(tmp_path: Path) -> None:
    for name, text in (("a", json.dumps(content())), ("b", "{}"), ("c", "["), ("d", '{"images": []}')):
        (tmp_path / f"{name}.json").write_text(text)
    assert [name for name in "abcd" if is_coco_file(tmp_path / f"{name}.json")] == ["a"]


def test_remarks_are_counted_by_reason() -> None:
    remarks = [
        Remark("boxes are left out", "one"),
        Remark("names are joined", "x"),
        Remark("boxes are left out", "two"),
    ]
    assert summarise(remarks) == ["2 boxes are left out: the first is one", "1 names are joined: x"]
