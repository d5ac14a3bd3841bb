"""A data set in numbers, as the readers see it."""

import json
from pathlib import Path
from typing import Any

import pytest

from empaste.beginning.found import UnreadableError, count_data_set
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import splits_by_seed
from empaste.errors import InputError
from empaste.settings import read_sections
from tests.beginning.photographs import write_photo

PARAMS = Path(__file__).parents[2] / "params.yaml"


def settings(root: Path, **changes: Any) -> PrepareSettings:
    section = read_sections(PARAMS)["prepare"] | {"dataset": "folder", "root": str(root)} | changes
    return PrepareSettings.model_validate(section)


def write_data(root: Path, table: str, side: int = 100) -> None:
    names = {line.split(",")[0] for line in table.splitlines()[1:]}
    for number, name in enumerate(sorted(names)):
        write_photo(root / "images" / name, number, (side + 10 * number, 60))
    (root / "labels.csv").write_text(table)


def test_images_classes_and_sizes_are_counted(tmp_path: Path) -> None:
    write_data(tmp_path, "file,label,split\na.jpg,cat,train\na.jpg,dog,train\nb.jpg,cat,train\nc.jpg,dog,val\n")
    found = count_data_set(settings(tmp_path))
    assert (found.train, found.val, found.images_per_class) == (2, 1, {"cat": 2, "dog": 1})
    assert (found.smallest_class, found.longest_side, found.masks_val) == (1, 110, 0)
    assert not found.splits_drawn


def test_splits_that_are_not_listed_are_drawn(tmp_path: Path) -> None:
    write_data(tmp_path, "file,label\na.jpg,cat\nb.jpg,cat\nc.jpg,cat\n")
    found = count_data_set(settings(tmp_path))
    assert found.splits_drawn
    assert (found.train, found.val) == (2, 1)


def test_a_class_that_nothing_could_learn_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path, "file,label,split\na.jpg,cat,train\nb.jpg,dog,val\n")
    with pytest.raises(InputError, match=r"1 class has validation .*learn it: dog; add images of it, or move some"):
        count_data_set(settings(tmp_path))
    write_data(tmp_path, "file,label,split\na.jpg,cat,train\nb.jpg,dog,val\nc.jpg,owl,val\n")
    with pytest.raises(InputError, match=r"2 classes have validation .*learn them: dog, owl; add images of them"):
        count_data_set(settings(tmp_path))


def test_a_class_that_the_draw_leaves_without_training_images_is_refused_with_fitting_advice(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    splits = splits_by_seed(names, settings(tmp_path), tmp_path)
    rows = [f"{name},{'dog' if splits[name] == 'val' else 'cat'}" for name in names]
    write_data(tmp_path, "\n".join(["file,label", *rows, ""]))
    said = r"learn it: dog; the splits are drawn: add further images of it, leave it out until there are more, or name"
    with pytest.raises(InputError, match=said):
        count_data_set(settings(tmp_path))


def test_unreadable_images_are_named(tmp_path: Path) -> None:
    write_data(tmp_path, "file,label,split\na.jpg,cat,train\nb.jpg,cat,val\n")
    (tmp_path / "images" / "b.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableError, match=r"1 image cannot be read: .*b\.jpg is not a readable image") as raised:
        count_data_set(settings(tmp_path))
    assert [name for name, _ in raised.value.files] == ["b.jpg"]


def test_images_of_one_name_in_both_splits_are_two(tmp_path: Path) -> None:
    for split, side in (("train", 100), ("val", 300)):
        write_photo(tmp_path / split / "1.jpg", side, (side, 60))
        box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}
        image = {"id": 1, "file_name": "1.jpg", "width": side, "height": 60}
        content = {"images": [image], "annotations": [box], "categories": [{"id": 1, "name": "cat"}]}
        (tmp_path / f"instances_{split}.json").write_text(json.dumps(content))
    found = count_data_set(settings(tmp_path, dataset="coco"))
    assert (found.train, found.val, found.longest_side, found.masks_val) == (1, 1, 200, 1)
