"""Images of a data set written part by part."""

from pathlib import Path
from typing import Any

import pytest

from empaste.artifacts.remarks import Remark
from empaste.datasets.preparing import Prepared
from empaste.datasets.records import DataSet, Example, Picture
from empaste.datasets.writing import prepare_images, source_folders
from empaste.errors import InputError
from empaste.masks import decode_mask
from tests.datasets.test_preparing import dataset, load


def in_process(function: Any, items: Any, what: str) -> Any:
    assert what == "prepare"
    return map(function, items)


def prepare(data: DataSet, tmp_path: Path, out: str = "images") -> list[Prepared]:
    return prepare_images(data, 0, tmp_path / out, in_process, tmp_path / "work")


def test_images_and_records(tmp_path: Path) -> None:
    data = dataset(3, 2)
    prepared = prepare(data, tmp_path)
    assert [row.example for row in prepared] == list(data.examples)
    assert prepared[0].annotations[0]["area"] == 4
    files = sorted(str(path.relative_to(tmp_path / "images")) for path in (tmp_path / "images").rglob("*.jpg"))
    assert files == ["train/1.jpg", "train/2.jpg", "train/3.jpg", "val/100.jpg", "val/101.jpg"]
    assert (tmp_path / "images/val/100.jpg").read_bytes() == b"jpeg"


def test_finished_parts_are_read_as_they_were_made(tmp_path: Path) -> None:
    first = prepare(dataset(3, 2), tmp_path)

    def never(_example: Example, _max_side: int) -> Picture:
        raise AssertionError

    data = DataSet(dataset(3, 2).classes, dataset(3, 2).examples, never)
    assert prepare(data, tmp_path, "again") == first


def test_errors_are_said_and_their_images_tried_again(tmp_path: Path) -> None:
    data = dataset(20, 1)  # the image 13 cannot be read
    with pytest.raises(InputError, match=r"x\.jpg is empty"):
        prepare(data, tmp_path)
    assert not (tmp_path / "images").exists()

    def mended(example: Example, _max_side: int) -> Picture:
        return Picture(b"jpeg", 4, 4, example.class_ids, ())

    assert len(prepare(DataSet(data.classes, data.examples, mended), tmp_path)) == 21


def test_masks_outside_the_root_are_sources_too(tmp_path: Path) -> None:
    own, sbd = tmp_path / "root/SegmentationObject", tmp_path / "inst"
    examples = [
        Example(1, "train", "1.jpg", (1,), mask_path=own / "1.png"),
        Example(2, "train", "2.jpg", (1,), mask_path=sbd / "2.mat"),
        Example(3, "val", "3.jpg", (1,)),
    ]
    data = DataSet(dataset(1, 1).classes, tuple(examples), load)
    assert source_folders(tmp_path / "root", data) == [tmp_path / "root", sbd]


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refuse)
    prepare(dataset(2, 1), tmp_path)
    assert (tmp_path / "images/train/1.jpg").read_bytes() == b"jpeg"
    assert (tmp_path / "images/train/1.jpg").stat().st_nlink == 1


def test_every_field_survives(tmp_path: Path) -> None:
    def rich(example: Example, max_side: int) -> Picture:
        picture = load(example, max_side)
        void = picture.masks[0][1]
        remark = Remark("boxes are empty", "annotation 3")
        return Picture(b"jpeg", 4, 4, (2, 1), picture.masks, void, ((1, (0.5, 1, 2, 2), 0),), (remark,), "abc")

    data = DataSet(dataset(1, 1).classes, dataset(1, 1).examples, rich)
    made = prepare(data, tmp_path)
    assert made[0].remarks == (Remark("boxes are empty", "annotation 3"),)
    assert made[0].class_ids == (2, 1)
    assert made[0].digest == "abc"
    assert made[0].void is not None
    assert decode_mask(made[0].void).sum() == 4
    assert made == prepare(data, tmp_path, "again")


def test_folders_behind_links_are_sources_too(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "images").symlink_to(tmp_path / "photos")
    data = DataSet(dataset(1, 1).classes, (Example(1, "train", "1.jpg", (1,)),), load)
    assert source_folders(tmp_path / "root", data) == [tmp_path / "root", tmp_path / "photos"]
