"""Counts of a data set that is there, and of one that is not."""

from pathlib import Path

import pytest

from empaste.costs.counting import count_data_set, is_there
from empaste.errors import InputError
from tests.datasets.layouts import ROWS, settings_of, write_coco, write_folder, write_voc


def test_voc_is_counted_in_its_lists(tmp_path: Path) -> None:
    write_voc(tmp_path)
    counts, origin = count_data_set(settings_of(tmp_path, dataset="voc"))
    assert (counts.train, counts.val, counts.pairs, counts.classes) == (2, 1, 3, 20)
    assert (counts.height, counts.width) == (30, 40)
    assert counts.image_bytes > 100
    assert origin == f"counted in {tmp_path} (sizes in 2 of its images)"


def test_coco_and_folders_are_counted(tmp_path: Path) -> None:
    write_coco(tmp_path / "coco")
    write_folder(tmp_path / "folder", ROWS)
    coco = count_data_set(settings_of(tmp_path / "coco", dataset="coco")).counts
    folder = count_data_set(settings_of(tmp_path / "folder", dataset="folder")).counts
    assert (coco.train, coco.val, coco.pairs, coco.classes) == (2, 2, 3, 3)
    assert (folder.train, folder.val, folder.pairs, folder.classes) == (2, 1, 3, 2)


def test_limits_and_sizes_are_those_of_prepare(tmp_path: Path) -> None:
    write_voc(tmp_path)
    counts = count_data_set(settings_of(tmp_path, dataset="voc", max_train=1, max_side=20)).counts
    assert (counts.train, counts.height, counts.width) == (1, 15, 20)


def test_the_demo_is_drawn_in_part() -> None:
    settings = settings_of(None, num_train=40, num_val=9, image_size=64)
    assert is_there(settings)
    counts, origin = count_data_set(settings)
    assert (counts.train, counts.val, counts.classes, counts.width) == (40, 9, 6, 64)
    assert 40 <= counts.pairs <= 120
    assert origin == "counted in the demo (sizes in 16 of its images)"


@pytest.mark.parametrize(("dataset", "train", "val", "classes"), [("voc", 10582, 1449, 20), ("coco", 118287, 5000, 80)])
def test_without_the_data_published_counts_are_taken(
    tmp_path: Path, dataset: str, train: int, val: int, classes: int
) -> None:
    settings = settings_of(tmp_path / "absent", dataset=dataset)
    assert not is_there(settings)
    counts, origin = count_data_set(settings)
    assert (counts.train, counts.val, counts.classes) == (train, val, classes)
    assert origin == "as published (the data set is not here)"


def test_published_counts_are_limited_and_shrunk(tmp_path: Path) -> None:
    counts = count_data_set(
        settings_of(tmp_path / "absent", dataset="voc", max_train=100, max_val=5000, max_side=250)
    ).counts
    assert (counts.train, counts.val, counts.pairs) == (100, 1449, 150)
    assert (counts.height, counts.width) == (188, 250)


def test_a_long_tail_of_what_is_not_here_is_not_counted(tmp_path: Path) -> None:
    tail = {"max_size": 800, "min_size": 1, "shape": 6.0}
    counts, origin = count_data_set(settings_of(tmp_path / "absent", dataset="voc", long_tail=tail))
    assert counts.train == 10582
    assert origin.endswith("(the data set is not here), of which a long tail draws some")


def test_a_folder_of_ones_own_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent', which does not exist.*; add --set prepare.root=FOLDER"):
        count_data_set(settings_of(tmp_path / "absent", dataset="folder"))


def test_a_folder_that_lacks_something_is_refused_by_its_reader(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no VOC devkit"):
        count_data_set(settings_of(tmp_path, dataset="voc"))
    with pytest.raises(InputError, match="holds no annotations of the split train"):
        count_data_set(settings_of(tmp_path, dataset="coco"))
