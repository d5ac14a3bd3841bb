"""`empaste init` makes a project that DVC runs, or leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.beginning.machine import Machine
from empaste.beginning.outcome import begin_project, update_project
from empaste.beginning.project import Begun, begin
from empaste.beginning.sources import Source, find_source
from empaste.errors import InputError
from empaste.params import load_params
from tests.beginning.photographs import write_folders, write_photo

LAPTOP = Machine(2, None, 0.0, imagenet=False, contours=False)
AUTHOR = {f"GIT_{role}_{name}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for name in ("NAME", "EMAIL")}


def by_folders(images: Path) -> Source:
    return find_source(images, None, True, None, None)


def by_table(images: Path, table: Path, text: str) -> Source:
    table.write_text(text)
    return find_source(images, table, False, None, None)


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout


def dvc(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dvc", *words]
    # Stages start as `python`: this one, whether or not its environment is activated.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command, cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """Eight photographs, one that is not readable, one without a label, one of another kind."""
    place = tmp_path_factory.mktemp("begun")
    images = write_folders(place / "photos", 4)
    (images / "cat" / "broken.jpg").write_bytes(b"no image")
    (images / "dog" / "b.heic").touch()
    write_photo(images / "loose.jpg", 77)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AUTHOR.items():
            patch.setenv(name, value)
        return begin(place / "mine", by_folders(images), LAPTOP)


def test_everything_is_committed(begun: Begun) -> None:
    assert git(begun.folder, "status", "--porcelain") == ""
    assert git(begun.folder, "log", "--format=%s").startswith("Begin with empaste ")
    tracked = git(begun.folder, "ls-files").split()
    assert {"dvc.yaml", "params.yaml", "code.yaml", "README.md", "stages/train.py", "presets/photos.yaml"} <= {*tracked}
    assert {"data/decisions/foregrounds.json", "data/decisions/labels.csv"} <= {*tracked}
    assert "dataset/images" in tracked  # a link: no image is copied


def test_what_cannot_be_used_is_left_out_and_said(begun: Begun) -> None:
    rows = (begun.folder / "dataset" / "left_out.csv").read_text().splitlines()[1:]
    assert dict(row.split(",") for row in rows) == {
        "cat/broken.jpg": "not a readable image",
        "dog/b.heic": "a kind of image that is not read",
        "loose.jpg": "no label",
    }
    said = "\n".join(begun.notes)
    assert "photos/cat/broken.jpg is not a readable image" in said
    assert ".mine~" not in said
    assert "AP cannot be measured" in said


def test_parameters_are_valid_and_say_where_the_data_lie(begun: Begun) -> None:
    params = load_params(begun.folder / "params.yaml")
    assert (params.prepare.dataset, params.prepare.root) == ("folder", "dataset")
    assert (params.prepare.val_fraction, begun.found.train, begun.found.val) == (0.3, 6, 2)
    assert params.classifier.image_size == 96
    text = (begun.folder / "README.md").read_text()
    assert "| prepare.val_fraction | 0.3 | 8 images without splits of their own |" in text


def test_dvc_prepares_the_data_and_notices_new_labels(begun: Begun) -> None:
    done = dvc(begun.folder, "repro", "prepare")
    assert done.returncode == 0, done.stderr
    counts = json.loads((begun.folder / "metrics" / "prepare.json").read_text())
    assert (counts["train_images"], counts["val_images"], counts["images_without_label"]) == (6, 2, 1)
    assert dvc(begun.folder, "status", "prepare").stdout == "Data and pipelines are up to date.\n"
    table = begun.folder / "dataset" / "labels.csv"
    before = table.read_bytes()
    table.write_bytes(before + b"cat/0.jpg,bird\n")
    assert "dataset/labels.csv" in dvc(begun.folder, "status", "prepare").stdout
    table.write_bytes(before)


def test_an_update_writes_the_pipeline_and_keeps_values(begun: Begun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = begun.folder
    update_project(folder, ())
    assert capsys.readouterr().out == "the project is up to date\n"
    params = (folder / "params.yaml").read_text()
    (folder / "code.yaml").write_text("version: 0.0.1\nstages: {}\n")
    with pytest.raises(InputError, match=r"git has not recorded code.yaml, which would be written anew; commit or"):
        update_project(folder, ())
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "An older version")
    update_project(folder, ())
    assert capsys.readouterr().out.splitlines() == ["written: code.yaml", "run: git diff, git commit, dvc repro"]
    assert (folder / "params.yaml").read_text() == params
    git(folder, "rm", "-q", "data/decisions/labels.csv")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qam", "Without decisions")
    update_project(folder, ())
    assert capsys.readouterr().out.splitlines()[0] == "written: data/decisions/labels.csv"
    assert "prepare" in yaml.safe_load((folder / "code.yaml").read_text())["stages"]


def test_an_update_refuses_other_options_and_other_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no code.yaml, so it is no project of empaste init"):
        update_project(tmp_path, ())
    with pytest.raises(InputError, match=r"--update goes with no other option"):
        update_project(tmp_path, (None, None, True))


def test_a_name_is_needed() -> None:
    with pytest.raises(InputError, match=r"the project has no name; name a new folder"):
        begin_project(None, None, None, False, None, None)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("-x", "the name is '-x'; choose one of letters, digits"),
        ("a b", "the name is 'a b'"),
        ("{a}", "the name is '{a}'"),
        (".git", "the name is '.git'"),
        ("photos/mine", "lies in .*photos, among the images; choose a place outside"),
        ("nowhere/mine", "nowhere does not exist; make it first"),
        ("full", "full is a folder with files in it; choose a name that is free"),
        ("file", "file is a file; choose a name that is free"),
        ("project", "holds a project already; choose another name, or, in that folder, run: empaste init --update"),
    ],
)
def test_a_place_that_is_not_free_is_refused_and_stays_as_it_is(tmp_path: Path, name: str, said: str) -> None:
    images = write_folders(tmp_path / "photos", 1)
    for made in ("full/notes.txt", "project/dvc.yaml", "file"):
        (tmp_path / made).parent.mkdir(exist_ok=True)
        (tmp_path / made).write_text("mine")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(InputError, match=said):
        begin(tmp_path / name, by_folders(images), LAPTOP)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "file,label\nx1.jpg,cat\nx2.jpg,dog\ncat/0.jpg,cat\n",
            r"tags.csv lists files that .*photos has not: x1.jpg, x2.jpg; .*Of its 3 files 1 are there; "
            r"the folder holds 2 photographs, such as cat/0.jpg, dog/0.jpg",
        ),
        ("file,label\n", "tags.csv labels no image; give it a row per image and label"),
        ("name,tag\na,b\n", "lacks the columns file, label; its columns are name, tag"),
        ("file,label,split\ncat/0.jpg,cat,train\ndog/0.jpg,dog,val\n", "no training image"),
        ("file,label,split\ncat/0.jpg,cat,train\ndog/0.jpg,cat,train\n", "no images in its split val"),
    ],
)
def test_labels_that_do_not_fit_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    images = write_folders(tmp_path / "photos", 1)
    source = by_table(images, tmp_path / "tags.csv", text)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=said) as raised:
        begin(Path("mine"), source, LAPTOP)
    assert "~" not in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_images_that_a_table_does_not_name_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without an author nothing is committed, which is said."""
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    images = write_folders(tmp_path / "photos", 2)
    source = by_table(images, tmp_path / "tags.csv", "file,label\ncat/0.jpg,cat\ncat/1.jpg,cat\ndog/0.jpg,cat\n")
    begun = begin(tmp_path / "mine", source, LAPTOP)
    assert (tmp_path / "mine" / "dataset" / "left_out.csv").read_text() == "file,reason\ndog/1.jpg,no label\n"
    said = "\n".join(begun.notes)
    assert "no label: 1 image, not used (dataset/left_out.csv), such as dog/1.jpg" in said
    assert "left out by left_out.csv" not in said  # once is enough
    assert "nothing is committed: git does not know user.name and user.email" in said


def test_a_coco_file_is_read_where_it_lies(tmp_path: Path) -> None:
    images = write_folders(tmp_path / "photos", 3)
    names = [f"{label}/{number}.jpg" for label in ("cat", "dog") for number in range(3)]
    content: dict[str, Any] = {
        "images": [
            {"id": number, "file_name": name, "width": 96, "height": 72} for number, name in enumerate(names, 1)
        ],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400, "iscrowd": 0}
            for number in range(1, 7)
        ],
        "categories": [{"id": 1, "name": "pet"}, {"id": 2, "name": "unused"}],
    }
    (tmp_path / "result.json").write_text(json.dumps(content))
    begun = begin(tmp_path / "mine", find_source(images, None, False, tmp_path / "result.json", None), LAPTOP)
    assert (begun.found.train, begun.found.val, begun.found.masks_val) == (5, 1, 1)
    assert any("1 classes are in no image and will never be found: unused" in note for note in begun.notes)
    assert any(note.startswith("every training image shows pet: the classifier cannot") for note in begun.notes)
    assert load_params(begun.folder / "params.yaml").prepare.dataset == "coco"
