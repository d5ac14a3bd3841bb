"""What the labels in a folder of backgrounds rule out: in doubt an image is not used, nothing is left out unsaid."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from empaste.backgrounds.image_labels import Shown, images_that_show, plain_name
from empaste.errors import InputError


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def shown(folder: Path, *names: str, classes: tuple[str, ...] = ("dog",)) -> Shown:
    return images_that_show(folder, [folder / name for name in names], classes)


def left_out(folder: Path, *names: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in shown(folder, *names).files}


def coco(*file_names: str, **first: Any) -> dict[str, Any]:
    """A dog in each image; ``first`` changes the first annotation."""
    annotations = [{"id": n, "image_id": n, "category_id": 1, "bbox": [0, 0, 4, 4]} for n in range(len(file_names))]
    annotations[0].update(first)
    return {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(file_names)],
        "annotations": annotations,
        "categories": [{"id": 1, "name": "dog"}, {"id": 2, "name": "tree"}],
    }


def test_either_table_rules_an_image_out(tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", "file,label\na.jpg,dog\nb.jpg,tree\n")
    write(tmp_path / "annotations/instances.json", coco("b.jpg"))
    assert left_out(tmp_path, "a.jpg", "b.jpg", "c.jpg") == {"a.jpg", "b.jpg"}
    assert [path.name for path in shown(tmp_path, "a.jpg").tables] == ["instances.json", "labels.csv"]


@pytest.mark.parametrize(
    "table",
    ["file,label\n{},dog\n", "file;label\n{};dog\n", "label\tfile\ndog\t{}\n", "File,Label,split\n{},tree; dog,x\n"],
)
@pytest.mark.parametrize(
    "name", ["sub/a.jpg", "sub\\A.JPG", "./sub/a.jpg", "/data/sub/a.jpg", "images/sub/a.jpg", "a.jpg"]
)
def test_names_as_other_machines_write_them(tmp_path: Path, table: str, name: str) -> None:
    write(tmp_path / "labels.csv", table.format(name))
    assert left_out(tmp_path, "images/sub/a.jpg", "b.jpg") == {"images/sub/a.jpg"}


def test_ids_and_crowds_as_text(tmp_path: Path) -> None:
    write(tmp_path / "c.json", coco("a.jpg", "b.jpg", category_id="1", image_id="0", iscrowd="1"))
    assert left_out(tmp_path, "a.jpg", "b.jpg", "c.jpg") == {"a.jpg", "b.jpg"}


def test_labels_lie_beside_the_images_of_an_export(tmp_path: Path) -> None:
    write(tmp_path / "train/_annotations.coco.json", coco("a.jpg"))
    assert left_out(tmp_path, "train/a.jpg", "valid/a.jpg") == {"train/a.jpg"}


def test_a_name_of_several_images_rules_all_of_them_out_and_is_said(tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", "file,label\na.jpg,dog\n")
    found = shown(tmp_path, "x/a.jpg", "y/a.jpg", "b.jpg")
    assert {path.parent.name for path in found.files} == {"x", "y"}
    assert found.warnings == (
        f"1 labels could be of several images, of which none is used: a.jpg in {tmp_path}/labels.csv: x/a.jpg, y/a.jpg",
    )


def test_what_is_not_read_or_not_there_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "labels.csv", "file,label,note\na.jpg,dog,x\nnone.jpg,dog,\nno.jpg,tree,\na.jpg,,\n")
    write(tmp_path / "notes.json", {"shapes": []})
    write(tmp_path / ".hidden.json", "{")
    assert shown(tmp_path, "a.jpg").warnings == (
        f"1 columns of labels are not read: note in {tmp_path}/labels.csv",
        f"2 labels are of images that are not there: the first is none.jpg in {tmp_path}/labels.csv",
        f"1 rows of labels name no file or no label: {tmp_path}/labels.csv, line 5",
        f"1 JSON files are no COCO annotation files and are not read: {tmp_path}/notes.json",
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("labels.csv", "file,label\na.jpg,tree,dog\n", r"line 2: 3 fields, but the header names 2 columns.*'dog'"),
        ("labels.csv", "file,label,label\na.jpg,tree,dog\n", "has the column label twice"),
        (
            "c.json",
            coco("a.jpg", category_id="dog"),
            r"annotations\[0\]\.category_id is 'dog'; it must be",
        ),
        ("c.json", coco("a.jpg", category_id=7), "category_id 7.*no such entry in categories"),
        ("c.json", '{"images": [], "images": [], "annotations": [], "categories": []}', "the key 'images' twice"),
    ],
)
def test_tables_that_could_mean_something_else_are_refused(tmp_path: Path, name: str, content: Any, said: str) -> None:
    write(tmp_path / name, content)
    with pytest.raises(InputError, match=said):
        shown(tmp_path, "a.jpg")


def test_classes_are_compared_in_one_unicode_form_and_signs_as_they_are() -> None:
    assert plain_name(unicodedata.normalize("NFD", "Café au lait")) == plain_name("café-au lait") == "caféaulait"
    assert plain_name("TV") == plain_name("television") == "tvmonitor"
    assert len({plain_name(name) for name in ("\U0001f34e", "\U0001f350", "++", "")}) == 4
