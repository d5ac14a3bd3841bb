"""Captions that the user has: found by name or id, drawn by seed, and everything that can be wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from empaste.artifacts.image_keys import NamedImage
from empaste.captions.caption_file import caption_scenes, read_captions
from empaste.captions.captioner import Context
from empaste.captions.scenes import Scene
from empaste.errors import InputError
from tests.captions.settings import settings_with

SCENES = [Scene(1, Path("train/a.jpg"), ()), Scene(2, Path("train/b__c.jpg"), ()), Scene(7, Path("train/d.jpg"), ())]


def captions(
    path: Path, content: Any, per_image: int = 2, seed: int = 0, scenes: list[Scene] = SCENES
) -> list[list[str]]:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return list(caption_scenes(scenes, settings_with(per_image=per_image, seed=seed, file=str(path)), Context()))


def coco(**names: int) -> dict[str, Any]:
    """A COCO file of one caption per image: file name (dots as __dot__) → id."""
    images = [{"id": number, "file_name": name} for name, number in names.items()]
    return {
        "images": images,
        "annotations": [{"id": 5, "image_id": one["id"], "caption": one["file_name"]} for one in images],
    }


def test_coco_captions_are_found_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = coco(**{"a.png": 7, "b/c.jpg": 1, "x.jpg": 2})
    assert captions(tmp_path / "c.json", content) == [["a.png"], ["b/c.jpg"], []]
    assert "has none for 1 of 3 images" in capsys.readouterr().err


def test_annotations_alone_are_found_by_id(tmp_path: Path) -> None:
    rows = [{"image_id": 7, "caption": "seven"}, {"image_id": "1", "caption": "one"}]
    assert captions(tmp_path / "c.json", rows) == [["one"], [], ["seven"]]
    assert captions(tmp_path / "c.json", {"annotations": rows}) == [["one"], [], ["seven"]]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.csv", 'file_name,caption\na.jpg,"a hill, green"\nsub\\c.png,two\n'),
        ("c.CSV", '\ufefffile_name,caption\r\na.jpg,"a hill, green"\r\nc.jpg,two\r\n'),
        ("c.tsv", "text\tfile_name\na hill, green\ta\ntwo\tb/c.jpg\n"),
        ("c.csv", "file_name;caption\na.jpg;a hill, green\nb/c;two\n"),
        ("c.tsv", "image_id\tcaption\n1.0\ta hill, green\n2.0\ttwo\n"),
        ("c.csv", 'image_id,caption\na.jpg,"a hill, green"\nb__c.jpg,two\n'),
        ("c.csv", 'image_id,caption\n1,"a hill, green"\n 2 ,two\n'),
    ],
)
def test_csv(tmp_path: Path, name: str, text: str) -> None:
    assert captions(tmp_path / name, text) == [["a hill, green"], ["two"], []]


def test_a_name_without_folders_counts_only_where_it_is_clear(tmp_path: Path) -> None:
    scenes = [
        Scene(1, Path("train/x__a.jpg"), ()),
        Scene(2, Path("train/y__a.jpg"), ()),
        Scene(3, Path("train/b.jpg"), ()),
    ]
    text = "file_name,caption\na.jpg,which\nb.jpg,clear\n"
    assert captions(tmp_path / "c.csv", text, scenes=scenes) == [[], [], ["clear"]]


def test_some_of_many_are_drawn_by_seed_and_image(tmp_path: Path) -> None:
    rows = [{"image_id": image, "caption": f"{image} {word}"} for image in (1, 2, 7) for word in "abcde"]
    first = captions(tmp_path / "c.json", rows)
    assert [len(own) for own in first] == [2, 2, 2]
    assert all(own == sorted(own) for own in first)
    assert captions(tmp_path / "c.json", rows) == first
    assert captions(tmp_path / "c.json", rows, scenes=SCENES[1:]) == first[1:]
    assert any(captions(tmp_path / "c.json", rows, seed=seed) != first for seed in range(1, 5))
    assert [len(own) for own in captions(tmp_path / "c.json", rows, per_image=9)] == [5, 5, 5]


def test_empty_repeated_long_and_foreign_captions(tmp_path: Path) -> None:
    rows = [("", 1), ("  \n", 1), ("a  hill", 1), ("a hill", 1), ("一只狗🐕", 2), ("word " * 400, 7)]
    first, second, third = captions(tmp_path / "c.json", [{"image_id": one, "caption": text} for text, one in rows], 9)
    assert first == ["a hill"]
    assert second == ["一只狗🐕"]
    assert len(third[0]) <= 1000
    assert third[0].endswith("word")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.json", coco(**{"other.jpg": 1}), r"none of the 3 .*: it has other\.jpg …, wanted a\.jpg \(id 1\)"),
        ("c.json", [], "it has nothing …, wanted"),
        ("c.json", "{", r"is not valid JSON: .*; restore the file"),
        ("c.txt", "{", r"c\.txt \(read as JSON, since it does not end in \.csv or \.tsv\) is not valid JSON"),
        ("c.json", "[" * 100_000, "is not valid JSON"),
        ("c.json", {"captions": []}, "has no list of annotations; write COCO captions"),
        ("c.json", "3", "has no list of annotations"),
        ("c.json", {"images": 3, "annotations": []}, "has no list of annotations"),
        ("c.json", [{"image_id": 1}], "annotation 0 has no image_id and caption"),
        ("c.json", ["a"], "annotation 0 has no image_id and caption"),
        ("c.json", [{"image_id": 1, "caption": None}], "annotation 0: the caption is None; a caption is a text"),
        ("c.json", {"images": [{"id": 1}], "annotations": []}, "image 0 has no id and file_name"),
        ("c.json", {"images": [], "annotations": [{"image_id": 4, "caption": "x"}]}, "4 is not among the images"),
        ("c.json", coco(**{"a.jpg": 1, "d.jpg": 1}), "image id 1 stands twice, for different files"),
        ("c.csv", "", r"has the columns \(none\); wanted: file_name"),
        ("c.csv", "name,caption\na,b\n", "has the columns name, caption; wanted"),
        ("c.csv", "file_name,caption\na.jpg,a hill, green\n", r"line 2: 3 fields, .* 'green'\); put captions that"),
        ("c.csv", "file_name,caption\na.jpg\n", r"none of the 3 training images: it has a\.jpg"),
        ("c.csv", "file_name,caption\n,a hill\n", "line 2: file_name is empty; name the image or remove the line"),
        ("c.csv", "file_name,caption,caption\na.jpg,one,two\n", "has the column caption twice"),
        ("c.csv", "file_name,caption,caption_2\na.jpg,one,two\n", "has the column caption_2 beside"),
        ("c.csv", "file_name,caption,text\na.jpg,one,two\n", "has the columns caption and text; keep the one"),
        ("c.json", '[{"image_id": 1, "caption": "a", "caption": "b"}]', "an object names the key 'caption' twice"),
        ("c.json", [{"image_id": None, "caption": "x"}], "annotation 0: image_id is None; it must be a whole number"),
        ("c.json", [{"image_id": 1, "caption": "x"}, {"image_id": "d.jpg", "caption": "y"}],
         r"does not say whether it names images by id or by file name \(ids: 1; file names: d\.jpg\)"),
        ("c.csv", 'file_name,caption\na.jpg,"never closed\n', "line 2: unexpected end of data"),
        ("c.csv", "file_name,caption\na.jpg,Stra\xdfe\n".encode("latin-1"), "is not .* in UTF-8: .* position 28"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, name: str, content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        captions(tmp_path / name, content)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"captions\.file is '.*nowhere\.csv', which cannot be read \(No such file"):
        read_captions(tmp_path / "nowhere.csv")
    assert list(caption_scenes([], settings_with(per_image=2, seed=0, file=None), Context())) == []


def test_the_same_image_twice_with_the_same_name_is_no_trouble(tmp_path: Path) -> None:
    content = coco(**{"a.jpg": 1})
    content["images"] *= 2
    assert captions(tmp_path / "c.json", content) == [["a.jpg"], [], []]


IMAGES = [
    *(NamedImage(one.image_id, one.path.as_posix(), "train") for one in SCENES),
    NamedImage(9, "val/5.jpg", "val"),
]


def test_what_is_left_out_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "file_name,caption,url\na.jpg,a hill,u\na.jpg,a  hill,u\nd.jpg,,u\nno.jpg,x,u\nno.jpg,y,u\n5.jpg,z,u\n"
    )
    assert list(caption_scenes(SCENES, settings_with(per_image=2, seed=0, file=str(path)), Context(IMAGES))) == [
        ["a hill"],
        [],
        [],
    ]
    assert capsys.readouterr().err.replace(str(path), "c.csv").splitlines() == [
        "captions: c.csv names images by file name",
        "WARNING: c.csv: 1 columns are not read: url",
        "WARNING: c.csv: 1 captions repeat another one of their image: c.csv, line 3",
        "WARNING: c.csv: 1 captions are empty: c.csv, line 4",
        "WARNING: c.csv: 2 captions are of images that are not in data/images: the first is no.jpg",
        "WARNING: c.csv: 1 captions are of images that are not captioned here: val/5.jpg",
        "captions: c.csv has none for 2 of 3 images",
    ]


def test_a_file_called_like_an_id_is_no_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scenes = [Scene(5, Path("train/#5.jpg"), ()), Scene(6, Path("train/5.jpg"), ())]
    text = "file_name,caption\n#5.jpg,hash\n5.jpg,five\n"
    assert captions(tmp_path / "c.csv", text, scenes=scenes) == [["hash"], ["five"]]
    assert captions(tmp_path / "d.csv", "image_id,caption\n5,id\n", scenes=scenes) == [["id"], []]
    assert "d.csv names images by id (1 of 1 are also names of files, such as 5" in capsys.readouterr().err
    both = "image_id,file_name,caption\n5,5.jpg,name\n"
    assert captions(tmp_path / "e.csv", both, scenes=scenes) == [[], ["name"]]
    assert "1 columns are not read: image_id" in capsys.readouterr().err


def test_ids_and_names_are_told_by_all_images_not_by_those_captioned(tmp_path: Path) -> None:
    """Of images called by numbers, the few that are captioned could make ids look like names."""
    images = [NamedImage(number, f"train/{name}.jpg", "train") for number, name in enumerate((1, 10, 2, 3), 1)]
    rows = [{"image_id": number, "caption": f"of {number}"} for number in (1, 2, 3, 4)]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(rows))
    scene = Scene(3, Path("train/2.jpg"), ())
    assert list(caption_scenes([scene], settings_with(per_image=1, seed=0, file=str(path)), Context(images))) == [
        ["of 3"]
    ]
