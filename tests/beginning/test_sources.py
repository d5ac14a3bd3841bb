"""The options of `empaste init` name one data set, of which a project holds links and small files."""

import json
from pathlib import Path
from typing import Any

import pytest

from empaste.beginning.sources import find_source
from empaste.errors import InputError
from tests.beginning.photographs import write_folders, write_photo


def source(**given: Any) -> Any:
    options = {"images": None, "labels": None, "from_folders": False, "coco": None, "voc": None}
    return find_source(**(options | given))


def test_a_table_of_labels_is_copied_and_the_images_are_linked(tmp_path: Path) -> None:
    images = write_folders(tmp_path / "photos")
    (tmp_path / "tags.csv").write_text("file,label\ncat/0.jpg,cat\n")
    found = source(images=images, labels=tmp_path / "tags.csv")
    found.write(tmp_path / "project")
    there = tmp_path / "project" / "dataset"
    assert (there / "images").readlink() == images
    assert (there / "labels.csv").read_text() == "file,label\ncat/0.jpg,cat\n"
    assert (found.dataset, found.root_text, found.outside) == ("folder", "dataset", [images])


def test_a_coco_file_is_linked_beside_its_images(tmp_path: Path) -> None:
    write_photo(tmp_path / "1.jpg", 1)
    (tmp_path / "result.json").write_text(json.dumps({}))
    found = source(coco=tmp_path / "result.json")
    assert found.links == {"annotations.json": tmp_path / "result.json", "images": tmp_path}


def test_folders_that_prepare_reads_stay_where_they_are(tmp_path: Path) -> None:
    for kind in ("coco", "voc"):
        found = source(**{kind: tmp_path})
        found.write(tmp_path / "project")
        assert (found.dataset, found.root_text) == (kind, str(tmp_path))
    assert not (tmp_path / "project").exists()


def test_xml_files_and_images_in_two_folders_become_a_devkit(tmp_path: Path) -> None:
    write_photo(tmp_path / "photos" / "1.jpg", 1)
    (tmp_path / "xml").mkdir()
    (tmp_path / "xml" / "1.xml").touch()
    (tmp_path / "xml" / "labelmap.txt").touch()
    found = source(voc=tmp_path / "xml", images=tmp_path / "photos")
    assert set(found.links) == {"images", "Annotations", "labelmap.txt"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"images": "photos"}, "labels are named by one of --labels FILE, .*; none is given"),
        ({"images": "photos", "from_folders": True, "coco": "c.json"}, "several of them are given; keep one"),
        ({"from_folders": True}, "--images is not given; name the folder"),
        ({"images": "nowhere", "from_folders": True}, "--images .*nowhere does not exist; name the folder"),
        ({"images": "tags.csv", "from_folders": True}, "--images .*tags.csv is no folder; name the folder"),
        ({"images": "empty", "from_folders": True}, "holds no photograph that can be read: it is empty"),
        ({"images": "raw", "from_folders": True}, "holds no photograph .*: its files have the endings .heic, .txt"),
        ({"images": "photos", "labels": "nowhere.csv"}, "--labels .*nowhere.csv does not exist; name the file"),
        ({"images": "${a}", "from_folders": True}, r"has \$\{ in its path, which DVC takes for a variable; rename"),
        ({"coco": "nowhere.json"}, "--coco .*nowhere.json does not exist"),
        ({"coco": "annotations/c.json"}, "--images is not given, and the file's own folder .* holds no photo"),
        ({"coco": "photos", "images": "photos"}, "is a folder, which has its images in it; leave --images out"),
        ({"voc": "nowhere"}, "--voc .*nowhere does not exist"),
        ({"voc": "empty", "images": "photos"}, "holds no XML file; name the folder of the annotations"),
    ],
)
def test_what_names_no_data_set_is_refused(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    write_folders(tmp_path / "photos", 1)
    for name in ("empty", "${a}"):
        (tmp_path / name).mkdir()
    for name in ("raw", "annotations"):
        (tmp_path / name).mkdir()
    for name in ("tags.csv", "raw/a.heic", "raw/b.TXT", "annotations/c.json"):
        (tmp_path / name).touch()
    paths = {key: tmp_path / value if isinstance(value, str) else value for key, value in given.items()}
    with pytest.raises(InputError, match=said):
        source(**paths)
