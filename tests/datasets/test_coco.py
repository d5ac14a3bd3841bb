"""COCO data sets in the usual layouts; crowds and run lengths are legal, dangling ids are not."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from empaste.datasets.coco import open_coco
from empaste.errors import InputError
from tests.datasets.layouts import coco_content, settings_of, square, usual_contents, write_coco, write_photo


def test_ids_labels_and_outlines(tmp_path: Path) -> None:
    data = open_coco(settings_of(write_coco(tmp_path)))
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
    data = open_coco(settings_of(write_coco(tmp_path, annotations=annotations, images=images)))
    assert all(example.path and example.path.is_file() for example in data.examples)
    assert len(data.examples) == 4


def test_training_images_without_annotation_are_left_out_and_counted(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["train"]["annotations"].pop()
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    assert [example.image_id for example in data.examples] == [100, 200, 201]
    assert data.num_without_label == 1
    assert re.search("1 training images have no annotation", data.warnings[0])


def test_boxes_alone_stay_boxes(tmp_path: Path) -> None:
    contents = usual_contents()
    bare = square(13, 101, 9, bbox=[]) | {"segmentation": None}
    contents["train"]["annotations"] = [square(11, 100, 3, segmentation=[]), square(12, 101, 7, iscrowd=1), bare]
    del contents["train"]["annotations"][1]["segmentation"]
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
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
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    assert [(e.image_id, e.split) for e in data.examples] == [(1, "train"), (2, "train"), (3, "val"), (4, "val")]
    assert "raised by 2" in data.warnings[0]


def test_categories_from_zero_are_raised(tmp_path: Path) -> None:
    contents = usual_contents()
    for content in contents.values():
        for row in content["categories"]:
            row["id"] -= 3
        for row in content["annotations"]:
            row["category_id"] -= 3
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    assert [one.class_id for one in data.classes] == [1, 5, 7]
    assert data.examples[0].class_ids == (1, 5)
    assert [one.class_id for one in data.examples[0].outlines] == [1, 5]


def test_images_are_counted_from_one_where_an_id_is_negative(tmp_path: Path) -> None:
    contents = {
        "train": coco_content(-5, [square(1, -5, 3), square(2, -4, 7)]),
        "val": coco_content(8, [square(3, 8, 3)]),
    }
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    assert [(e.image_id, e.listed_as, e.class_ids) for e in data.examples] == [
        (1, "-00005.jpg", (3,)),
        (2, "-00004.jpg", (7,)),
        (3, "000008.jpg", (3,)),
        (4, "000009.jpg", ()),
    ]
    assert data.warnings == ("image ids start at -5; images are counted from 1, in the order of their ids",)


def test_image_sizes_may_be_left_out(tmp_path: Path) -> None:
    contents = usual_contents()
    for row in contents["train"]["images"]:
        del row["width"], row["height"]
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    assert data.load(data.examples[1], 0).masks[0][1].sum() == 100


def test_a_stated_size_that_is_not_the_files(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["train"]["images"][0]["width"] = 41
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    with pytest.raises(InputError, match=r"000100.jpg is 40 × 30 pixels, but its annotations are for 41 × 30"):
        data.load(data.examples[0], 0)


def test_a_missing_file_is_named_when_it_is_read(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    (root / "train2017" / "000101.jpg").unlink()
    data = open_coco(settings_of(root))
    with pytest.raises(InputError, match=r"000101.jpg cannot be read"):
        data.load(data.examples[1], 0)


def copied(root: Path, source: str, copy: str, **changes: Any) -> None:
    """Another annotation file, changed."""
    content = json.loads((root / source).read_text()) | changes
    (root / copy).parent.mkdir(parents=True, exist_ok=True)
    (root / copy).write_text(json.dumps(content))


@pytest.mark.parametrize(
    "copy",
    [
        "annotations/instances_trainval.json",
        "annotations/instances_trainval2017.json",
        "annotations/instances_train_old.json",
        "annotations/instances_train (1).json",
        "annotations/instances_train2014.json",
        "annotations/train.json",
        "annotations/captions_train.json",
        "annotations/.instances_train.json",
        "annotations/__MACOSX/instances_train.json",
        "train/labels.json",
    ],
)
def test_an_exact_name_wins_over_whatever_lies_beside(tmp_path: Path, copy: str) -> None:
    root = write_coco(tmp_path, annotations="annotations/instances_{split}.json", images="{split}")
    copied(root, "annotations/instances_val.json", copy)
    assert [e.image_id for e in open_coco(settings_of(root)).examples] == [100, 101, 200, 201]


@pytest.mark.parametrize(
    ("annotations", "copy"),
    [
        ("annotations/instances_{split}2017.json", "annotations/instances_train2014.json"),
        ("annotations/instances_{split}.json", "instances_train.json"),
        ("annotations/instances_{split}.json", "annotations/instances_training.json"),
        ("annotations/{split}.json", "train/_annotations.coco.json"),
        ("annotations/instances_{split}_v1.json", "annotations/instances_train_v2.json"),
    ],
)
def test_several_that_could_be_meant_are_listed(tmp_path: Path, annotations: str, copy: str) -> None:
    root = write_coco(tmp_path, annotations=annotations, images="{split}")
    original = annotations.format(split="train")
    copied(root, original, copy, info="other")
    with pytest.raises(InputError, match=r"several annotation files that could be those of the split train") as error:
        open_coco(settings_of(root))
    assert copy in str(error.value)
    assert original in str(error.value)
    (root / copy).write_bytes((root / original).read_bytes())
    assert len(open_coco(settings_of(root)).examples) == 4, "a copy of the same bytes is the same file"


def test_training_and_validation_together_are_no_split(tmp_path: Path) -> None:
    root = write_coco(tmp_path, annotations="annotations/instances_{split}.json", images="{split}")
    (root / "annotations/instances_train.json").rename(root / "annotations/instances_trainval.json")
    with pytest.raises(
        InputError, match=r"no annotations of the split train; .*there is annotations/instances_trainval"
    ):
        open_coco(settings_of(root))


def test_the_folder_of_the_exact_name_wins_over_copies(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    for name in ("000100.jpg", "000101.jpg"):
        for copy in ("train2014", "train2017 (1)", "backup/train2017", "images"):
            write_photo(root / copy / name, colour=(1, 2, 3))
    assert {e.path.parent.name for e in open_coco(settings_of(root)).examples if e.path} == {"train2017", "val2017"}


@pytest.mark.parametrize(("first", "second"), [("train2014", "train2017"), ("images/train2017", "train2017")])
def test_folders_that_fit_equally_well_are_refused(tmp_path: Path, first: str, second: str) -> None:
    root = write_coco(tmp_path, annotations="annotations/instances_{split}.json", images="{split}2017")
    for name in ("000100.jpg", "000101.jpg"):
        for folder in (first, second):
            write_photo(root / folder / name, colour=(9, 2, 3) if folder == first else (200, 2, 3))
    with pytest.raises(InputError, match=r"lists 000100.jpg, which could be .*two different files; name the folder"):
        open_coco(settings_of(root))


def test_an_image_that_lies_with_the_other_split_is_not_taken_for_it(tmp_path: Path) -> None:
    root = write_coco(tmp_path)
    (root / "train2017/000101.jpg").rename(root / "val2017/000101.jpg")
    data = open_coco(settings_of(root))
    with pytest.raises(InputError, match=r"train2017/000101.jpg cannot be read"):
        data.load(data.examples[1], 0)


def test_the_same_file_in_both_splits_is_refused(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["val"]["images"][0]["file_name"] = "./000100.jpg"
    root = write_coco(tmp_path, contents, images="images")
    with pytest.raises(
        InputError, match=r"the same file is in both splits: 000100.jpg \(train\) and ./000100.jpg \(val\)"
    ):
        open_coco(settings_of(root))


def test_two_entries_of_one_file_are_one_image(tmp_path: Path) -> None:
    contents = usual_contents()
    contents["train"]["images"][1]["file_name"] = ".\\000100.jpg"
    root = write_coco(tmp_path, contents)
    (root / "train2017" / ".\\000100.jpg").unlink()
    data = open_coco(settings_of(root))
    assert [e.image_id for e in data.examples] == [100, 200, 201]
    assert [one.class_id for one in data.examples[0].outlines] == [3, 7], "the same instance stands once"
    assert "1 entries name a file that another entry names; they are one image" in data.warnings[0]


@pytest.mark.parametrize("seed", range(4))
def test_entries_of_one_file_come_into_one_split_where_splits_are_drawn(tmp_path: Path, seed: int) -> None:
    names = ["a.jpg", "./a.jpg", "b.jpg", "./b.jpg"]
    content = coco_content(1, [square(number, number, 3 if number < 3 else 7) for number in range(1, 5)])
    content["images"] = [{"id": number, "file_name": name} for number, name in enumerate(names, 1)]
    root = write_coco(tmp_path, {"": content}, annotations="labels.json", images="images")
    data = open_coco(settings_of(root, seed=seed))
    assert [(e.image_id, e.listed_as, e.class_ids) for e in data.examples] == [(1, "a.jpg", (3,)), (3, "b.jpg", (7,))]
    assert {e.split for e in data.examples} == {"train", "val"}
    assert any(warning.startswith("2 entries name a file that another") for warning in data.warnings)


@pytest.mark.parametrize("ids", [(0, 0), (0, 1), (5, 0), (-3, -3), (2**62, 2**62 + 1), (2**63 - 2, 2**63 - 2)])
def test_ids_of_both_splits_are_set_apart_for_any_ids(tmp_path: Path, ids: tuple[int, int]) -> None:
    first, second = ids
    contents = {
        split: coco_content(start, [square(1, start, 3), square(2, start + 1, 3)])
        for split, start in (("train", first), ("val", second))
    }
    for split, content in contents.items():
        for number, row in enumerate(content["images"]):
            row["file_name"] = f"{split}{number}.jpg"
    data = open_coco(settings_of(write_coco(tmp_path, contents)))
    found = [e.image_id for e in data.examples]
    assert len(set(found)) == 4
    assert max(found) < 2**63
    assert {Path(e.file_name).name for e in data.examples} == {"train0.jpg", "train1.jpg", "val0.jpg", "val1.jpg"}


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
        open_coco(settings_of(root))


def test_names_that_stand_twice(tmp_path: Path) -> None:
    contents = usual_contents()
    for content in contents.values():
        content["categories"][2]["name"] = "cat"
    with pytest.raises(InputError, match="categories cat stand under several ids"):
        open_coco(settings_of(write_coco(tmp_path, contents)))


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
        open_coco(settings_of(root))


def test_what_is_missing_is_said_with_the_places_looked_at(tmp_path: Path) -> None:
    root = write_coco(tmp_path / "set")
    (root / "annotations" / "instances_val2017.json").unlink()
    with pytest.raises(InputError, match=r"no annotations of the split val; looked for .*instances_val\*.json"):
        open_coco(settings_of(root))
    root = write_coco(tmp_path / "other", images="pictures")
    shutil.rmtree(root / "pictures")
    with pytest.raises(InputError, match=r"lists 000100.jpg, but no folder has it; looked in .*train2017"):
        open_coco(settings_of(root))
    with pytest.raises(InputError, match=r"prepare.root is '.*nowhere', which is missing"):
        open_coco(settings_of(tmp_path / "nowhere"))
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"prepare.root is '.*file', which is a file"):
        open_coco(settings_of(tmp_path / "file"))


def test_a_name_that_no_file_can_have_is_named(tmp_path: Path) -> None:
    contents = usual_contents()
    root = write_coco(tmp_path, contents)
    contents["val"]["images"][0]["file_name"] = f"{'x' * 500}.jpg"
    (root / "annotations/instances_val2017.json").write_text(json.dumps(contents["val"]))
    data = open_coco(settings_of(root))
    with pytest.raises(InputError, match="cannot be read"):
        [data.load(example, 0) for example in data.examples]
