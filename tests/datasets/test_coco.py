"""COCO data sets in the usual layouts; crowds and run lengths are legal, dangling ids are not."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from empaste.datasets.coco import open_coco
from empaste.datasets.records import Source
from empaste.errors import InputError
from tests.datasets.layouts import coco_content, square, usual_contents, write_coco


def test_ids_labels_and_outlines(tmp_path: Path) -> None:
    data = open_coco(Source(write_coco(tmp_path)))
    assert [(one.class_id, one.name, one.supercategory) for one in data.classes] == [
        (3, "cat", "animal"),
        (7, "car", "vehicle"),
        (9, "kite", "sports"),
    ]
    # 201 is a validation image without annotation: it stays, without a label.
    assert [(e.image_id, e.split, e.class_ids) for e in data.examples] == [
        (100, "train", (3, 7)),
        (101, "train", (3,)),
        (200, "val", (7,)),
        (201, "val", ()),
    ]
    picture = data.load(data.examples[0], 0)
    assert [(class_id, int(mask.sum()), crowd) for class_id, mask, crowd in picture.masks] == [(3, 100, 0), (7, 300, 1)]
    assert picture.masks[1][1][:, :10].all()


@pytest.mark.parametrize(
    ("annotations", "images"),
    [
        ("annotations/instances_{split}2017.json", "{split}2017"),
        ("annotations/instances_{split}2014.json", "images/{split}2014"),
        ("annotations/instances_{split}.json", "{split}"),
        ("annotations/instances_{split}.json", "images/{split}"),
        ("annotations/instances_{split}.json", "{split}2017"),
        ("annotations/{split}.json", "images"),
        ("instances_{split}.json", "images"),
        ("{split}/_annotations.coco.json", "{split}"),
    ],
)
def test_layouts(tmp_path: Path, annotations: str, images: str) -> None:
    data = open_coco(Source(write_coco(tmp_path, annotations=annotations, images=images)))
    assert all(example.path and example.path.is_file() for example in data.examples)
    assert len(data.examples) == 4


def test_training_images_without_annotation_are_left_out_and_counted(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["train"]["annotations"].pop()
    data = open_coco(Source(write_coco(tmp_path, contents)))
    assert [example.image_id for example in data.examples] == [100, 200, 201]
    assert data.num_without_label == 1
    assert re.search("1 training images have no annotation", data.warnings[0])


def test_boxes_alone_stay_boxes(tmp_path: Path) -> None:
    contents = usual_contents()
    bare = square(13, 101, 9, bbox=[]) | {"segmentation": None}
    contents["train"]["annotations"] = [square(11, 100, 3, segmentation=[]), square(12, 101, 7, iscrowd=1), bare]
    del contents["train"]["annotations"][1]["segmentation"]
    data = open_coco(Source(write_coco(tmp_path, contents)))
    assert [e.class_ids for e in data.examples[:2]] == [(3,), (7, 9)]
    pictures = [data.load(example, 0) for example in data.examples[:2]]
    assert [picture.masks for picture in pictures] == [(), ()]
    assert [picture.boxes for picture in pictures] == [((3, (5, 5, 10, 10), 0),), ((7, (5, 5, 10, 10), 1),)]
    assert pictures[0].remarks[0].reason.startswith("annotations have a box and no mask")
    assert re.search(
        r"1 annotations have neither mask nor box, and are labels alone: .*annotation 13", data.warnings[0]
    )
    half = data.load(data.examples[0], 20)
    assert half.boxes == ((3, (2.5, 2.5, 5, 5), 0),)


def test_ids_that_both_splits_use_are_told_apart(tmp_path: Path) -> None:
    contents = {"train": coco_content(1, [square(1, 1, 3), square(2, 2, 3)]), "val": coco_content(1, [square(1, 1, 7)])}
    data = open_coco(Source(write_coco(tmp_path, contents)))
    assert [(e.image_id, e.split) for e in data.examples] == [(1, "train"), (2, "train"), (3, "val"), (4, "val")]
    assert "raised by 2" in data.warnings[0]


def test_categories_from_zero_are_raised(tmp_path: Path) -> None:
    contents = usual_contents()
    for content in contents.values():
        for row in content["categories"]:
            row["id"] -= 3
        for row in content["annotations"]:
            row["category_id"] -= 3
    data = open_coco(Source(write_coco(tmp_path, contents)))
    assert [one.class_id for one in data.classes] == [1, 5, 7]
    assert data.examples[0].class_ids == (1, 5)
    assert [one.class_id for one in data.examples[0].outlines] == [1, 5]


def test_image_sizes_may_be_left_out(tmp_path: Path) -> None:
    contents = usual_contents()
    for row in contents["train"]["images"]:
        del row["width"], row["height"]
    data = open_coco(Source(write_coco(tmp_path, contents)))
    assert data.load(data.examples[1], 0).masks[0][1].sum() == 100


def test_a_stated_size_that_is_not_the_files(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["train"]["images"][0]["width"] = 41
    data = open_coco(Source(write_coco(tmp_path, contents)))
    with pytest.raises(InputError, match=r"000100.jpg is 40 × 30 pixels, but its annotations are for 41 × 30"):
        data.load(data.examples[0], 0)


def test_a_missing_file_is_named_when_it_is_read(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    (root / "train2017" / "000101.jpg").unlink()
    data = open_coco(Source(root))
    with pytest.raises(InputError, match=r"000101.jpg cannot be read"):
        data.load(data.examples[1], 0)


def changed(table: str, number: int, **changes: Any) -> dict[str, dict[str, Any]]:
    contents = usual_contents()
    contents["train"][table][number] |= changes
    return contents


BAD = {
    "annotation 13 (image_id 999): no such entry in images, which has 2": changed("annotations", 2, image_id=999),
    "annotation 13 (category_id 8): no such entry in categories, which": changed("annotations", 2, category_id=8),
    "images has the id 100 twice": changed("images", 1, id=100),
    "annotations has the id 11 twice": changed("annotations", 1, id=11),
    "categories has the id 3 twice": changed("categories", 1, id=3),
    "images[1].id is 'b1'; it must be a whole number": changed("images", 1, id="b1"),
    "images[1].id is True; it must be a whole number": changed("images", 1, id=True),
    "images[0].file_name is None; it must be text": changed("images", 0, file_name=None),
    "category 7 is 'car', but 'van' in the other split": changed("categories", 1, name="van"),
    "image 101: the file name is '../../x.jpg'; it must be a path below": changed("images", 1, file_name="../../x.jpg"),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_rows_are_named(tmp_path: Path, message: str) -> None:
    root = write_coco(tmp_path / "a" / "set", usual_contents())
    path = root / "annotations" / "instances_train2017.json"
    path.write_text(json.dumps(BAD[message]["train"]))
    with pytest.raises(InputError, match=re.escape(message)):
        open_coco(Source(root))


def test_names_that_stand_twice(tmp_path: Path) -> None:
    contents = usual_contents()
    for content in contents.values():
        content["categories"][2]["name"] = "cat"
    with pytest.raises(InputError, match="categories cat stand under several ids"):
        open_coco(Source(write_coco(tmp_path, contents)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("[]", "images is no list of objects"),
        ('{"images": [], "annotations": {}, "categories": []}', "annotations is no list of objects"),
        ('{"images": [5], "annotations": [], "categories": []}', "images is no list of objects"),
    ],
)
def test_files_that_are_no_coco_files(tmp_path: Path, text: str, message: str) -> None:
    root = write_coco(tmp_path)
    (root / "annotations" / "instances_val2017.json").write_text(text)
    with pytest.raises(InputError, match=rf"instances_val2017.json.* {message}"):
        open_coco(Source(root))


def test_what_is_missing_is_said_with_the_places_looked_at(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "set")
    (root / "annotations" / "instances_val2017.json").unlink()
    with pytest.raises(InputError, match=r"no annotations of the split val; looked for .*instances_val\*.json"):
        open_coco(Source(root))
    root = write_coco(tmp_path / "other", images="pictures")
    shutil.rmtree(root / "pictures")
    with pytest.raises(InputError, match=r"lists 000100.jpg, but no folder has it; looked in .*train2017"):
        open_coco(Source(root))
    with pytest.raises(InputError, match=r"prepare.root is '.*nowhere', which is missing"):
        open_coco(Source(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"prepare.root is '.*file', which is a file"):
        open_coco(Source(tmp_path / "file"))
