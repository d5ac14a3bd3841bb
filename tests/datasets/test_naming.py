"""Files are found by the names that other machines gave them; what could be several files is refused and listed."""

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts.remarks import Remark
from empaste.datasets.naming import ImageFiles, merge_spellings, name_files, split_called
from empaste.datasets.records import Example, Outline, Split
from empaste.errors import InputError
from tests.datasets.layouts import write_photo


@pytest.fixture
def images(tmp_path: Path) -> ImageFiles:
    for number, name in enumerate(("a.jpg", "sub/b.jpg", "sub/Ä.jpg", "one/c.jpg", "two/c.jpg", "we\\ird.jpg")):
        write_photo(tmp_path / name, colour=(number, 0, 0))
    return ImageFiles(tmp_path)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.jpg", "a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("sub\\b.jpg", "sub/b.jpg"),
        (".\\sub\\B.jpg", "sub/b.jpg"),
        (unicodedata.normalize("NFD", "sub/Ä.jpg"), "sub/Ä.jpg"),
        ("we\\ird.jpg", "we\\ird.jpg"),
        ("one/c.jpg", "one/c.jpg"),
        ("/home/me/b.jpg", "sub/b.jpg"),
        ("C:\\photos\\b.jpg", "sub/b.jpg"),
        ("..\\..\\a.jpg", "a.jpg"),
        ("https://example.org/photos/b.jpg", "sub/b.jpg"),
        ("file:///home/me/b.jpg", "sub/b.jpg"),
    ],
)
def test_names_of_other_machines(images: ImageFiles, name: str, found: str) -> None:
    assert images.find(images.root, name, "x.json: image 1") == images.root / found


def test_a_missing_file_is_where_it_should_be(images: ImageFiles) -> None:
    assert images.find(images.root, "sub\\gone.jpg", "x") == images.root / "sub/gone.jpg"


@pytest.mark.parametrize("name", ["../gone.jpg", "/etc/passwd", "", "..", "a\0.jpg", "C:\\gone.jpg"])
def test_names_that_lead_out_and_mean_no_file(images: ImageFiles, name: str) -> None:
    with pytest.raises(InputError, match=r"x.json: image 1: the file name is .*; it must be a path below"):
        images.find(images.root, name, "x.json: image 1")


def test_several_files_of_one_base_name_are_listed(images: ImageFiles) -> None:
    with pytest.raises(
        InputError, match=r"'/home/c.jpg' could mean several files below .*: one/c.jpg, two/c.jpg; name it"
    ):
        images.find(images.root, "/home/c.jpg", "x")


def test_copies_of_one_file_are_one(images: ImageFiles) -> None:
    (images.root / "two/c.jpg").write_bytes((images.root / "one/c.jpg").read_bytes())
    assert images.find(images.root, "/home/c.jpg", "x") == images.root / "one/c.jpg"


def test_a_name_as_long_as_no_file_can_have(images: ImageFiles) -> None:
    assert images.below(images.root, "x" * 5000 + ".jpg") is None


def test_links_are_followed_once(tmp_path: Path) -> None:
    write_photo(tmp_path / "real" / "a.jpg")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "loop").symlink_to(tmp_path / "set")
    assert ImageFiles(tmp_path / "set").paths == [tmp_path / "set/linked/a.jpg"]


@pytest.mark.parametrize(
    ("text", "split"),
    [("train", "train"), ("Train", "train"), ("TRAINING", "train"), ("valid", "val"), (" Validation ", "val"),
     ("test", None), ("trainval", None), ("", None)],
)  # fmt: skip
def test_splits_by_any_name(text: str, split: str | None) -> None:
    assert split_called(text) == split


def example(image_id: int, split: Split, name: str, path: Path | None = None, *class_ids: int) -> Example:
    return Example(image_id, split, name, class_ids, path, listed_as=name)


def test_one_file_is_one_image_however_it_is_spelt(tmp_path: Path) -> None:
    path = write_photo(tmp_path / "a.jpg")
    os.link(path, tmp_path / "hard.jpg")
    (tmp_path / "soft.jpg").symlink_to(path)
    outline, further = Outline(1, [[0.0, 0, 5, 0, 5, 5]], 0, "1"), Outline(2, [[0.0, 0, 5, 0, 5, 5]], 0, "3")
    rows = [
        replace(example(number, "train", name, tmp_path / name, number), outlines=outlines)
        for number, (name, outlines) in enumerate(
            (("a.jpg", (outline,)), ("hard.jpg", (replace(outline, origin="2"), further)), ("soft.jpg", ())), 1
        )
    ]
    remarks: list[Remark] = []
    (merged,) = merge_spellings(rows, remarks)
    assert (merged.class_ids, merged.outlines) == ((1, 2, 3), (outline, further))
    assert [remark.example for remark in remarks] == ["hard.jpg beside a.jpg", "soft.jpg beside a.jpg"]
    with pytest.raises(InputError, match=r"the same file is in both splits: a.jpg \(train\) and soft.jpg \(val\)"):
        merge_spellings([rows[0], replace(rows[2], split="val")], remarks)
    with pytest.raises(InputError, match=r"a.jpg is listed twice, with annotations for None and for \(3, 4\)"):
        merge_spellings([rows[0], replace(rows[1], size_hw=(3, 4))], remarks)


def test_names_below_data_images() -> None:
    names = ["x.jpg", "x.png", "x-1.jpg", "in\\y.tif", "/home/me/z.jpg", "1569478414.73587", "C:\\d\\w.jpg"]
    found = [one.file_name for one in name_files([example(n, "train", name) for n, name in enumerate(names, 1)])]
    assert found == [
        "train/x-1-.jpg", "train/x-2.jpg", "train/x-1.jpg", "train/in__y.jpg", "train/home__me__z.jpg",
        "train/1569478414.73587.jpg", "train/d__w.jpg",
    ]  # fmt: skip


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1), max_size=8))
@settings(max_examples=100)
def test_names_below_data_images_are_distinct_and_short(names: list[str]) -> None:
    found = [one.file_name for one in name_files([example(n, "train", name) for n, name in enumerate(names, 1)])]
    assert len({name.lower() for name in found}) == len(names)
    assert all(len(Path(name).name.encode()) <= 255 and len(Path(name).parts) == 2 for name in found)
