"""A plain folder with its labels."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from empaste.datasets.folder import open_folder, unlisted_images
from empaste.datasets.records import DataSet
from empaste.errors import InputError
from tests.datasets.layouts import ROWS, coco_content, settings_of, square, write_folder, write_photo


def labels_of(data: DataSet) -> dict[str, set[str]]:
    names = {one.class_id: one.name for one in data.classes}
    return {example.file_name: {names[class_id] for class_id in example.class_ids} for example in data.examples}


def test_files_labels_and_splits(tmp_path: Path) -> None:
    data = open_folder(settings_of(write_folder(tmp_path, ROWS)))
    assert [(one.class_id, one.name) for one in data.classes] == [(1, "cat"), (2, "dog")]
    assert [(one.image_id, one.split) for one in data.examples] == [(1, "train"), (2, "train"), (3, "val")]
    assert labels_of(data) == {"train/a.jpg": {"cat"}, "train/b.jpg": {"cat", "dog"}, "val/c.jpg": {"cat", "dog"}}
    assert data.warnings == ()


def test_training_images_come_first_whatever_the_order_of_rows(tmp_path: Path) -> None:
    data = open_folder(settings_of(write_folder(tmp_path, ROWS[::-1])))
    assert [example.file_name for example in data.examples] == ["train/a.jpg", "train/b.jpg", "val/c.jpg"]


def test_a_byte_order_mark_blanks_and_more_columns_are_legal(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg, cat ,x", "b.jpg,dog,y"], "\ufefffile,label,source")
    assert {frozenset(names) for names in labels_of(open_folder(settings_of(root))).values()} == {
        frozenset({"cat"}),
        frozenset({"dog"}),
    }


@pytest.mark.parametrize(("fraction", "expected"), [(0.2, 5), (0.5, 12), (0.001, 1), (0.999, 19)])
def test_without_a_split_a_share_validates(tmp_path: Path, fraction: float, expected: int) -> None:
    root = write_folder(tmp_path, [f"{number:02}.jpg,cat" for number in range(20)], "file,label")
    chosen = [open_folder(settings_of(root, seed, val_fraction=fraction)) for seed in (0, 0, 1)]
    val = [{e.file_name for e in data.examples if e.split == "val"} for data in chosen]
    assert len(val[0]) == expected
    assert val[0] == val[1]
    if 1 < expected < 19:
        assert val[0] != val[2]


def test_an_image_keeps_its_split_when_others_are_added(tmp_path: Path) -> None:
    def splits(names: list[str]) -> dict[str, str]:
        data = open_folder(settings_of(write_folder(tmp_path, [f"{name},cat" for name in names], "file,label")))
        return {one.listed_as: one.split for one in data.examples}

    few = splits([f"{number:02}.jpg" for number in range(20)])
    many = splits([f"{number:02}.jpg" for number in range(60)])
    assert set(few.values()) == {"train", "val"}
    assert {name: many[name] for name in few} == few


def test_names_that_clash_after_normalising_get_their_id(tmp_path: Path) -> None:
    rows = ["a.jpg,cat,train", "a.png,cat,train", "in/a.jpg,cat,train", "a.bmp,cat,val"]
    data = open_folder(settings_of(write_folder(tmp_path, rows)))
    assert [e.file_name for e in data.examples] == ["train/a-1.jpg", "train/a-2.jpg", "train/in__a.jpg", "val/a.jpg"]


def test_classes_csv_fixes_order_and_supercategory(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ROWS)
    (root / "classes.csv").write_text("name,supercategory\ndog,animal\ncat,animal\nemu,\n")
    data = open_folder(settings_of(root))
    assert [(one.class_id, one.name, one.supercategory) for one in data.classes] == [
        (1, "dog", "animal"),
        (2, "cat", "animal"),
        (3, "emu", "object"),
    ]
    (root / "classes.csv").write_text("name\ndog\n")
    with pytest.raises(InputError, match=r"labels.csv: a.jpg has the label 'cat', which is no class; choose from dog"):
        open_folder(settings_of(root))


def test_masks_beside_serve_for_measuring(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["000100.jpg,car,train", "other.jpg,cat,train", "000101.jpg,cat,val"])
    (root / "instances_train.json").write_text(json.dumps(coco_content(100, [square(1, 100, 3), square(2, 101, 7)])))
    data = open_folder(settings_of(root))
    assert [(one.class_id, one.name) for one in data.classes] == [(3, "cat"), (7, "car"), (9, "kite")]
    outlines = {example.file_name: [one.class_id for one in example.outlines] for example in data.examples}
    # The split is the folder's own: an image of the JSON's training split may validate here.
    assert outlines == {"train/000100.jpg": [3], "train/other.jpg": [], "val/000101.jpg": [7]}
    assert data.warnings == ("no masks to measure with for 1 images: other.jpg",)
    # Labels come from labels.csv alone, never from the masks.
    assert labels_of(data)["train/000100.jpg"] == {"car"}
    picture = data.load(data.examples[0], 0)
    assert picture.masks[0][1].sum() == 100


def test_one_file_however_it_is_spelt_is_one_image(tmp_path: Path) -> None:
    rows = ["0.jpg,cat,train", "./0.jpg,dog,train", "a/1.jpg,cat,train", "a\\1.jpg,dog,train", "2.jpg,cat,val"]
    root = write_folder(tmp_path, rows, missing=("a\\1.jpg",))
    data = open_folder(settings_of(root))
    assert labels_of(data) == {
        "train/0.jpg": {"cat", "dog"}, "train/a__1.jpg": {"cat", "dog"}, "val/2.jpg": {"cat"}
    }  # fmt: skip
    assert data.warnings[0].startswith(
        "2 rows spell a file otherwise than an earlier row; they are one image: the first"
    )
    (root / "labels.csv").write_text("file,label,split\n0.jpg,cat,train\n./0.jpg,cat,val\n")
    with pytest.raises(InputError, match=r"line 3: ./0.jpg is in val here, in train above \(spelt 0.jpg\); choose one"):
        open_folder(settings_of(root))


def test_names_of_other_machines_are_found(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg,cat,train", "sub/b.jpg,dog,train", "c.jpg,cat,val"])
    rows = ["images/a.jpg,cat,train", "C:\\photos\\b.jpg,dog,train", "/data/C.JPG,cat,val"]
    (root / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    assert {str(e.path.relative_to(root / "images")) for e in open_folder(settings_of(root)).examples if e.path} == {
        "a.jpg",
        "sub/b.jpg",
        "c.jpg",
    }


def test_labels_in_two_forms_of_unicode_are_one_class_and_said(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg,caf\u00e9,train", "b.jpg,cafe\u0301,train", "c.jpg, caf\u00e9 ,val"])
    data = open_folder(settings_of(root))
    assert [one.name for one in data.classes] == ["caf\u00e9"]
    assert "1 labels are written in another form of Unicode" in data.warnings[0]


ODD_NAMES = ["NA", "None", "nothing", "001", "1", "C+", "C#", "\U0001f34e", "\U0001f350", "nan", "True", "x" * 60]


def test_any_text_is_a_name(tmp_path: Path) -> None:
    rows = [
        f"{n}.jpg,{name},{split}" for n, (name, split) in enumerate((a, b) for a in ODD_NAMES for b in ("train", "val"))
    ]
    data = open_folder(settings_of(write_folder(tmp_path, rows)))
    assert {one.name for one in data.classes} == set(ODD_NAMES)


def test_columns_that_are_not_read_are_said(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg,cat,x", "b.jpg,cat,y"], "file,label,source")
    assert open_folder(settings_of(root)).warnings == ("1 columns of labels.csv are not read: source",)


def test_classes_csv_is_checked(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ROWS)
    for text, message in (
        ("name\ncat\ndog\ncat\n", r"classes.csv, line 4: the class 'cat' stands in line 2 already; remove one"),
        ("name,name\ncat,dog\n", r"classes.csv has the column name twice"),
        ("name\ncat,animal\ndog\n", r"classes.csv, line 2: 2 fields, but the header names 1 columns"),
        ("name,supercategory\n,animal\n", r"classes.csv, line 2: the name is ''; it must be text"),
        ("title\ncat\n", r"classes.csv lacks the column name; .*classes.csv has the columns name and perhaps"),
    ):
        (root / "classes.csv").write_text(text)
        with pytest.raises(InputError, match=message):
            open_folder(settings_of(root))


def test_masks_of_one_image_in_both_files_are_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["000100.jpg,car,train", "000101.jpg,cat,val"])
    for split, number in (("train", 1), ("val", 2)):
        content = coco_content(100, [square(number, 100, 3)])
        (root / f"instances_{split}.json").write_text(json.dumps(content))
    with pytest.raises(
        InputError, match=r"instances_val.json: the image 000100.jpg has instances in .*train.json, too"
    ):
        open_folder(settings_of(root))


def test_images_of_the_masks_that_have_no_label_are_counted(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["000100.jpg,car,train", "b.jpg,cat,val"])
    (root / "instances_train.json").write_text(json.dumps(coco_content(100, [square(1, 100, 3), square(2, 101, 7)])))
    warnings = open_folder(settings_of(root)).warnings
    assert any(
        "1 images of the COCO files are not in labels.csv and are left out: 000101.jpg" in one for one in warnings
    )


BAD_ROWS = {
    "labels.csv, line 3: b.jpg has no label": ["a.jpg,cat,train", "b.jpg,;,train"],
    "labels.csv, line 2: the file is empty": [",cat,train"],
    "labels.csv, line 2: split is 'test'; choose from train, val": ["a.jpg,cat,test"],
    "labels.csv, line 3: a.jpg is in val here, in train above": ["a.jpg,cat,train", "a.jpg,dog,val"],
    "file name is '../a.jpg'; it must be a path below": ["../a.jpg,cat,train"],
    "file name is '/etc/a.jpg'; it must be a path below": ["/etc/a.jpg,cat,train"],
}


@pytest.mark.parametrize("message", BAD_ROWS)
def test_bad_rows_are_named(tmp_path: Path, message: str) -> None:
    names = tuple(row.split(",")[0] for row in BAD_ROWS[message])
    root = write_folder(tmp_path / "set", BAD_ROWS[message], missing=tuple(name for name in names if "/" in name))
    (root / "images").mkdir(exist_ok=True)
    with pytest.raises(InputError, match=re.escape(message)):
        open_folder(settings_of(root))


def test_missing_and_unlabelled_files_are_all_named(tmp_path: Path) -> None:
    rows = [f"{name}.jpg,cat,train" for name in "abcdefg"]
    root = write_folder(tmp_path, rows, missing=tuple(f"{name}.jpg" for name in "bcdefg"))
    with pytest.raises(InputError, match=r"not: b.jpg, c.jpg, d.jpg, e.jpg, f.jpg and 1 more; add"):
        open_folder(settings_of(root))
    write_folder(tmp_path, ROWS)
    for name in "bdefg":
        write_photo(tmp_path / "images" / "sub" / f"{name}.PNG")
    (tmp_path / "images" / "notes.txt").write_text("no image")
    (tmp_path / "images" / "sub" / "h.HEIC").touch()
    with pytest.raises(
        InputError, match=r"without any label in labels.csv: sub/b.PNG, .*sub/g.PNG.* and 1 more; label them"
    ):
        open_folder(settings_of(tmp_path))


def test_lacking_columns_and_files(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "set", ["a.jpg,cat"], "name,label")
    with pytest.raises(InputError, match=r"labels.csv lacks the column file; its columns are name, label"):
        open_folder(settings_of(root))
    (root / "labels.csv").write_bytes(b"file,label\n\xff\xfe,cat\n")
    with pytest.raises(InputError, match=r"labels.csv is not a readable CSV file in UTF-8"):
        open_folder(settings_of(root))
    (root / "labels.csv").unlink()
    with pytest.raises(InputError, match=r"labels.csv does not exist; a folder data set is images/ and labels.csv"):
        open_folder(settings_of(root))
    with pytest.raises(InputError, match=r"prepare.root is '.*none', which is missing"):
        open_folder(settings_of(tmp_path / "none"))
    with pytest.raises(InputError, match=r"takes at least 2"):
        open_folder(settings_of(write_folder(tmp_path / "one", ["a.jpg,cat"], "file,label")))


def test_the_drawn_split_hangs_on_names_alone(tmp_path: Path) -> None:
    rows = [f"{number:02}.jpg,cat" for number in range(20)]
    first = open_folder(settings_of(write_folder(tmp_path / "a", rows, "file,label")))
    shuffled = [rows[at] for at in np.random.default_rng(3).permutation(20)]
    second = open_folder(settings_of(write_folder(tmp_path / "b", shuffled, "file,label")))
    assert [e.file_name for e in first.examples] == [e.file_name for e in second.examples]


def test_categories_beside_are_classes_by_their_names(tmp_path: Path) -> None:
    """Their ids are those of another program; classes.csv counts its own."""
    root = write_folder(tmp_path, ["a.jpg,cat,train", "b.jpg,kite,val"])
    (root / "classes.csv").write_text("name\nkite\ncat\ncar\n")
    content = coco_content(1, [square(1, 1, 3), square(2, 2, 9), square(3, 2, 3)])
    content["images"][0]["file_name"], content["images"][1]["file_name"] = "a.jpg", "b.jpg"
    (root / "instances_val.json").write_text(json.dumps(content))
    data = open_folder(settings_of(root))
    assert [one.name for one in data.classes] == ["kite", "cat", "car"]
    assert {example.listed_as: [one.class_id for one in example.outlines] for example in data.examples} == {
        "a.jpg": [2], "b.jpg": [1, 2],
    }  # fmt: skip
    (root / "classes.csv").write_text("name\ncat\ncar\n")
    with pytest.raises(InputError, match=r"b\.jpg has the label 'kite', which is no class"):
        open_folder(settings_of(root))
    (root / "labels.csv").write_text("file,label,split\na.jpg,cat,train\nb.jpg,cat,val\n")
    with pytest.raises(InputError, match=r"instances_val\.json: the category 'kite' is none of the classes of classes"):
        open_folder(settings_of(root))


def test_categories_beside_that_count_from_0_are_raised(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg,cat,train", "b.jpg,cat,val"])
    content = coco_content(1, [square(1, 2, 0)])
    content["images"][0]["file_name"], content["images"][1]["file_name"] = "a.jpg", "b.jpg"
    content["categories"] = [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    (root / "instances_val.json").write_text(json.dumps(content))
    data = open_folder(settings_of(root))
    assert [(one.class_id, one.name) for one in data.classes] == [(1, "cat"), (2, "dog")]
    assert [example.class_ids for example in data.examples] == [(1,), (1,)]
    assert [one.class_id for example in data.examples for one in example.outlines] == [1]
    assert any("category ids start at 0; all are raised by 1" in one for one in data.warnings)


def test_a_name_that_no_file_can_have_is_named(tmp_path: Path) -> None:
    root = write_folder(tmp_path, ["a.jpg,cat,train"])
    (root / "labels.csv").write_text(f"file,label,split\na.jpg,cat,train\n{'x' * 500}.jpg,cat,val\n")
    with pytest.raises(InputError, match=r"labels\.csv lists files that .* has not: x+…; add them"):
        open_folder(settings_of(root))


def test_images_that_left_out_csv_names_are_counted_and_not_used(tmp_path: Path) -> None:
    write_folder(tmp_path, ROWS)
    for name in ("loose.jpg", "raw.heic"):
        write_photo(tmp_path / "images" / "x.jpg").rename(tmp_path / "images" / name)
    rows = ["file,reason", "loose.jpg,no label", "images/a.jpg,blurred", "raw.heic,"]
    (tmp_path / "left_out.csv").write_text("\n".join(rows))
    data = open_folder(settings_of(tmp_path, dataset="folder"))
    assert [example.listed_as for example in data.examples] == ["b.jpg", "c.jpg"]
    assert data.num_without_label == 1
    assert [warning for warning in data.warnings if "left out" in warning] == [
        "1 images are left out by left_out.csv (no label): loose.jpg",
        "1 images are left out by left_out.csv (blurred): a.jpg",
        "1 images are left out by left_out.csv (no reason given): raw.heic",
    ]


@pytest.mark.parametrize("row", ["gone.jpg,", ",no label", "../labels.csv,"])
def test_left_out_csv_names_images_that_are_there(tmp_path: Path, row: str) -> None:
    write_folder(tmp_path, ROWS)
    (tmp_path / "left_out.csv").write_text(f"file,reason\n{row}\n")
    with pytest.raises(InputError, match=r"left_out\.csv, line 2: (there is no image|the file name is)"):
        open_folder(settings_of(tmp_path, dataset="folder"))


def test_unlisted_images_are_found_by_the_same_reading(tmp_path: Path) -> None:
    write_folder(tmp_path, ROWS)
    write_photo(tmp_path / "images" / "sub" / "new.png")
    assert unlisted_images(tmp_path) == ["sub/new.png"]


def test_a_table_for_other_images_says_how_many_fit_and_what_is_there(tmp_path: Path) -> None:
    write_folder(tmp_path, [*ROWS, "x1.jpg,cat,train", "x2.jpg,cat,train"], missing=("x1.jpg", "x2.jpg"))
    said = r"has not: x1\.jpg, x2\.jpg; add them or remove the lines\. Of its 5 files 3 are there; the folder holds 3 "
    with pytest.raises(InputError, match=said + r"photographs, such as a\.jpg, b\.jpg, c\.jpg"):
        open_folder(settings_of(tmp_path, dataset="folder"))
