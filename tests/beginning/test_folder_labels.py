"""Folders are labels; what lies in none, twice, or is of a kind that is not read is left out with its reason."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.csv_tables import read_csv
from empaste.beginning.folder_labels import FolderLabels, Labelled, label_by_folder, labels_text
from empaste.errors import InputError
from tests.beginning.photographs import write_folders, write_photo


def test_the_first_folder_is_the_label(tmp_path: Path) -> None:
    write_folders(tmp_path, 1)
    write_photo(tmp_path / "dog" / "outdoors" / "7.png", 7)
    found = label_by_folder(tmp_path)
    assert found.images == [
        Labelled("cat/0.jpg", ("cat",), None),
        Labelled("dog/0.jpg", ("dog",), None),
        Labelled("dog/outdoors/7.png", ("dog",), None),
    ]
    assert (found.left_out, found.left_out_file, found.said) == ([], {}, ())
    assert labels_text(found).splitlines()[:2] == ["file,label", "cat/0.jpg,cat"]


def test_folders_called_after_the_splits_hold_those_of_the_labels(tmp_path: Path) -> None:
    write_folders(tmp_path / "Train", 1)
    write_folders(tmp_path / "valid", 1)
    found = label_by_folder(tmp_path)
    assert [(one.labels, one.split) for one in found.images] == [
        (("cat",), "train"), (("dog",), "train"), (("cat",), "val"), (("dog",), "val"),
    ]  # fmt: skip
    assert labels_text(found).splitlines()[0] == "file,label,split"


def test_one_split_alone_is_a_label(tmp_path: Path) -> None:
    write_folders(tmp_path, 1, ("train", "bus"))
    assert [one.labels for one in label_by_folder(tmp_path).images] == [("bus",), ("train",)]


def test_the_same_bytes_in_several_folders_are_one_image_with_their_labels(tmp_path: Path) -> None:
    write_folders(tmp_path, 1)
    (tmp_path / "bird").mkdir()
    shutil.copy(tmp_path / "dog" / "0.jpg", tmp_path / "bird" / "copy.jpg")
    found = label_by_folder(tmp_path)
    assert found.images[0] == Labelled("bird/copy.jpg", ("bird", "dog"), None)
    assert found.left_out == [("dog/0.jpg", "the same file as bird/copy.jpg")]
    assert "bird/copy.jpg, which is bird, dog" in found.said[0]


def test_damaged_files_of_the_same_bytes_are_no_copies_of_an_image(tmp_path: Path) -> None:
    write_folders(tmp_path, 1)
    for label in ("cat", "dog"):
        (tmp_path / label / "empty.jpg").touch()
    found = label_by_folder(tmp_path)
    assert [one.file for one in found.images] == ["cat/0.jpg", "dog/0.jpg"]
    assert found.left_out == [("cat/empty.jpg", "not a readable image"), ("dog/empty.jpg", "not a readable image")]
    assert not found.said


def test_what_has_no_label_or_is_not_read_is_left_out(tmp_path: Path) -> None:
    write_folders(tmp_path, 1)
    write_photo(tmp_path / "loose.jpg", 5)
    (tmp_path / "cat" / "b.heic").touch()
    (tmp_path / "cat" / "notes.txt").touch()
    left_out = label_by_folder(tmp_path).left_out
    assert left_out == [("cat/b.heic", "a kind of image that is not read"), ("loose.jpg", "no label")]


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    write_folders(tmp_path, 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / ".thumbnails").mkdir()
    with pytest.raises(InputError, match=r"/empty holds no photograph, but its name is a label \(1 such folders\)"):
        label_by_folder(tmp_path)


def test_photographs_in_no_folder_are_refused(tmp_path: Path) -> None:
    write_photo(tmp_path / "1.jpg", 1)
    with pytest.raises(InputError, match=r"lies in a folder that could be its label; sort them into .*/LABEL/"):
        label_by_folder(tmp_path)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9), min_size=1, unique=True)
)
def test_any_name_is_read_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("table") / "labels.csv"
    images = [Labelled(f"a/{name}.jpg", ("a",), None) for name in names]
    path.write_bytes(labels_text(FolderLabels(images, [])).encode())
    rows = read_csv(path, ("file", "label"), ("split",), "").rows
    assert [row.values["file"] for row in rows] == [one.file for one in images]
