"""New images get rows, gone ones lose theirs, and nothing else changes: no other label, no split, no parameter."""

import shutil
from pathlib import Path

import pytest
import yaml

from empaste.artifacts.csv_tables import read_csv
from empaste.beginning.found import Found
from empaste.beginning.machine import Machine
from empaste.beginning.outcome import rescan_project, tell
from empaste.beginning.pipeline_files import data_deps_of
from empaste.beginning.rescanning import Rescan, rescan
from empaste.datasets.folder import open_folder
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.settings import load_settings
from tests.beginning.photographs import write_folders, write_photo

ROOT = Path(__file__).parents[2]
LAPTOP = Machine(2, None, 0.0, imagenet=False, contours=False)
TABLE = "file,label\n" + "".join(f"{label}/{number}.jpg,{label}\n" for label in ("cat", "dog") for number in range(6))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project as `begin` leaves it, as far as a rescan reads it: twelve photographs in folders."""
    folder = tmp_path / "mine"
    (folder / "dataset").mkdir(parents=True)
    write_folders(tmp_path / "photos", 6)
    (folder / "dataset" / "images").symlink_to(tmp_path / "photos")
    (folder / "dataset" / "labels.csv").write_text(TABLE)
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["prepare"] |= {"dataset": "folder", "root": "dataset", "val_fraction": 0.3}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    deps = ["stages/prepare.py", "dataset/labels.csv", str(tmp_path / "photos")]
    lines = "".join(f'      - "{dep}"\n' for dep in deps)
    (folder / "dvc.yaml").write_text(f"stages:\n  prepare:\n    deps:\n{lines}")
    return folder


def table(project: Path, name: str = "labels.csv") -> str:
    return (project / "dataset" / name).read_text()


def photos(project: Path) -> Path:
    return project.parent / "photos"


def splits(project: Path) -> dict[str, str]:
    settings = load_settings(project / "params.yaml", "prepare", PrepareSettings)
    data = open_folder(settings.model_copy(update={"root": str(project / "dataset")}))
    return {one.listed_as: one.split for one in data.examples}


def contents(project: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.rglob("*") if path.is_file() and not path.is_symlink()}


def test_nothing_new_changes_nothing(project: Path) -> None:
    before = contents(project)
    found = rescan(project, None, True, LAPTOP)
    assert contents(project) == before
    assert (found.new, found.gone, found.left_out, found.written) == ([], [], {}, [])
    assert next(tell(found)) == "nothing is new, and nothing is gone"


def test_new_images_get_rows_and_all_others_keep_row_and_split(project: Path) -> None:
    (project / "dataset" / "labels.csv").write_text(TABLE + "cat/0.jpg,pet\n")  # a label by hand
    before, params = splits(project), (project / "params.yaml").read_bytes()
    for number in range(6, 30):
        write_photo(photos(project) / "bird" / f"{number}.jpg", number)
    found = rescan(project, None, True, LAPTOP)
    names = sorted(f"bird/{number}.jpg" for number in range(6, 30))
    assert found.new == names
    assert table(project).startswith(TABLE + "cat/0.jpg,pet\nbird/")
    after = splits(project)
    assert {name: after[name] for name in before} == before
    assert {after[name] for name in names} == {"train", "val"}
    assert (project / "params.yaml").read_bytes() == params
    assert found.found is not None
    assert found.found.train + found.found.val == 36
    said = "\n".join(tell(found))
    assert "new: 24 images, such as bird/10.jpg, bird/11.jpg, bird/12.jpg and 21 more" in said
    assert f"now {found.found.train} training and {found.found.val} validation images, 4 classes;" in said
    assert "params.yaml stays; empaste init would set " in said
    assert "val_fraction" not in said
    assert "labels.csv; run: git add --all, git diff --staged, git commit, dvc repro" in said


def test_gone_images_lose_their_rows(project: Path) -> None:
    (photos(project) / "cat" / "1.jpg").unlink()
    (photos(project) / "dog" / "5.jpg").unlink()
    found = rescan(project, None, False, LAPTOP)
    assert found.gone == ["cat/1.jpg", "dog/5.jpg"]
    assert table(project) == TABLE.replace("cat/1.jpg,cat\n", "").replace("dog/5.jpg,dog\n", "")
    assert "gone, their rows are removed: 2 images, such as cat/1.jpg, dog/5.jpg" in list(tell(found))


def test_without_labels_new_images_wait(project: Path) -> None:
    write_photo(photos(project) / "cat" / "9.jpg", 9)
    found = rescan(project, None, False, LAPTOP)
    assert (found.waiting, found.written, found.found) == (["cat/9.jpg"], [], None)
    assert table(project) == TABLE
    said = list(tell(found))
    assert said[0] == "new, and nothing says what they show: 1 image, such as cat/9.jpg"
    assert said[1].startswith("label them: empaste init --rescan --labels-from-folders, or --labels FILE")
    (photos(project) / "cat" / "1.jpg").unlink()
    assert list(tell(rescan(project, None, False, LAPTOP)))[-1] == f"written: {project}/dataset/labels.csv"


def test_what_cannot_be_used_is_left_out_and_watched(project: Path) -> None:
    (photos(project) / "cat" / "broken.jpg").write_bytes(b"no image")
    (photos(project) / "dog" / "b.heic").touch()
    write_photo(photos(project) / "loose.jpg", 77)
    shutil.copy(photos(project) / "dog" / "0.jpg", photos(project) / "cat" / "copy.jpg")
    found = rescan(project, None, True, LAPTOP)
    assert found.left_out == {
        "cat/broken.jpg": "not a readable image", "dog/b.heic": "a kind of image that is not read",
        "loose.jpg": "no label", "cat/copy.jpg": "the same file as dog/0.jpg",
    }  # fmt: skip
    assert table(project) == TABLE
    assert set(table(project, "left_out.csv").splitlines()[1:]) == {
        f"{name},{why}" for name, why in found.left_out.items()
    }
    assert yaml.safe_load((project / "dvc.yaml").read_text())["stages"]["prepare"]["deps"][1:3] == [
        "dataset/labels.csv", "dataset/left_out.csv",
    ]  # fmt: skip
    assert "dataset/left_out.csv" in data_deps_of(project)
    assert any(line.startswith("new and not used: 4 images, such as ") for line in tell(found))
    again = contents(project)
    assert rescan(project, None, True, LAPTOP).written == []
    assert contents(project) == again


def test_a_copy_stands_for_an_image_that_is_gone(project: Path) -> None:
    (project / "dataset" / "left_out.csv").write_text("file,reason\ncat/copy.jpg,the same file as dog/0.jpg\n")
    shutil.move(photos(project) / "dog" / "0.jpg", photos(project) / "cat" / "copy.jpg")
    found = rescan(project, None, True, LAPTOP)
    assert (found.new, found.gone) == (["cat/copy.jpg"], ["dog/0.jpg"])
    assert table(project, "left_out.csv") == "file,reason\n"


def test_a_table_labels_new_images_and_those_that_had_no_label(project: Path) -> None:
    for name, seed in (("cat/8.jpg", 8), ("cat/9.jpg", 9), ("old.jpg", 10)):
        write_photo(photos(project) / name, seed)
    (project / "dataset" / "left_out.csv").write_text("file,reason\nold.jpg,no label\ndog/5.jpg,blurred\n")
    tags = project.parent / "tags.csv"
    tags.write_text("file;label;source\ncat/0.jpg;tiger;x\ncat/8.jpg;cat;x\ncat/8.jpg;dog;x\nold.jpg;dog;y\n")
    found = rescan(project, tags, False, LAPTOP)
    assert (found.new, found.left_out, found.differing) == (
        ["cat/8.jpg", "old.jpg"], {"cat/9.jpg": "no label"}, ["cat/0.jpg"],
    )  # fmt: skip
    assert table(project) == TABLE + "cat/8.jpg,cat\ncat/8.jpg,dog\nold.jpg,dog\n"
    assert table(project, "left_out.csv") == "file,reason\ndog/5.jpg,blurred\ncat/9.jpg,no label\n"
    assert "other labels in your table than in the project, which keeps its own: 1 image, such as cat/0.jpg" in [
        *tell(found)
    ]


def test_images_of_a_table_that_are_not_there_are_counted_and_passed_over(project: Path) -> None:
    (photos(project) / "cat" / "0.jpg").unlink()
    write_photo(photos(project) / "cat" / "9.jpg", 9)
    tags = project.parent / "tags.csv"
    tags.write_text(TABLE + "cat/9.jpg,cat\n")
    found = rescan(project, tags, False, LAPTOP)
    assert (found.new, found.gone, found.absent) == (["cat/9.jpg"], ["cat/0.jpg"], ["cat/0.jpg"])
    assert table(project) == TABLE.replace("cat/0.jpg,cat\n", "") + "cat/9.jpg,cat\n"
    assert "in your table and not in the folder, passed over: 1 image, such as cat/0.jpg" in [*tell(found)]
    again = rescan(project, tags, False, LAPTOP)
    assert (again.new, again.gone, again.absent, again.written) == ([], [], ["cat/0.jpg"], [])
    tags.write_text("file,label\nother/0.jpg,cat\n")
    with pytest.raises(InputError, match=r"tags.csv lists files that .* has not: other/0.jpg"):
        rescan(project, tags, False, LAPTOP)


def test_other_columns_and_forms_of_a_table_stay(project: Path) -> None:
    path = project / "dataset" / "labels.csv"
    path.write_text(
        TABLE.replace("file,label", "File;label;Who").replace(",", ";").replace("cat/0.jpg;cat", "cat/0.jpg;cat;Ann")
    )
    write_photo(photos(project) / "cat" / "9.jpg", 9)
    rescan(project, None, True, LAPTOP)
    rows = read_csv(path, ("file", "label"), (), "").rows
    assert rows[0].values == {"file": "cat/0.jpg", "label": "cat", "Who": "Ann"}
    assert rows[-1].values == {"file": "cat/9.jpg", "label": "cat", "Who": ""}
    assert len(rows) == 13


def test_splits_that_a_table_lists_are_listed_for_new_images_too(project: Path) -> None:
    lines = [f"{line},{'val' if '5.jpg' in line else 'train'}" for line in TABLE.splitlines()[1:]]
    (project / "dataset" / "labels.csv").write_text("file,label,split\n" + "\n".join(lines) + "\n")
    write_photo(photos(project) / "cat" / "9.jpg", 9)
    before = contents(project)
    with pytest.raises(InputError, match=r"labels.csv has a column split, and the folder of images names none \(1 new"):
        rescan(project, None, True, LAPTOP)
    assert contents(project) == before
    tags = project.parent / "tags.csv"
    tags.write_text("file,label,split\ncat/9.jpg,cat,val\n")
    rescan(project, tags, False, LAPTOP)
    assert table(project).endswith("cat/9.jpg,cat,val\n")


def test_splits_that_nobody_asked_for_are_refused(project: Path) -> None:
    write_photo(photos(project) / "cat" / "9.jpg", 9)
    tags = project.parent / "tags.csv"
    tags.write_text("file,label,split\ncat/9.jpg,cat,val\n")
    with pytest.raises(InputError, match=r"tags.csv names splits, and .*labels.csv has no column split"):
        rescan(project, tags, False, LAPTOP)


def test_what_prepare_would_refuse_leaves_all_as_it_was(project: Path) -> None:
    lines = [f"{line},{'val' if '5.jpg' in line else 'train'}" for line in TABLE.splitlines()[1:]]
    (project / "dataset" / "labels.csv").write_text("file,label,split\n" + "\n".join(lines) + "\n")
    for name, seed in (("owl/1.jpg", 1), ("loose.jpg", 2)):
        write_photo(photos(project) / name, seed)
    tags = project.parent / "tags.csv"
    tags.write_text("file,label,split\nowl/1.jpg,owl,val\n")
    before = contents(project)
    with pytest.raises(InputError, match=r"1 class has validation images and no training image.*: owl; add images"):
        rescan(project, tags, False, LAPTOP)
    assert contents(project) == before


def test_an_image_that_became_unreadable_is_named(project: Path) -> None:
    (photos(project) / "cat" / "2.jpg").write_bytes(b"no image")
    with pytest.raises(
        InputError, match=r"1 image cannot be read: .*2.jpg.*; restore them, or name them in .*left_out"
    ):
        rescan(project, None, True, LAPTOP)


def test_a_folder_that_lost_all_images_is_not_believed(project: Path) -> None:
    shutil.rmtree(photos(project))
    photos(project).mkdir()
    with pytest.raises(
        InputError, match=r"has none of the images that .*labels.csv names, such as cat/0.jpg, .*see where"
    ):
        rescan(project, None, True, LAPTOP)
    assert table(project) == TABLE


def test_a_row_without_a_file_is_refused(project: Path) -> None:
    (project / "dataset" / "labels.csv").write_text(TABLE + ",cat\n")
    with pytest.raises(InputError, match=r"labels.csv, line 14: the file is empty; name it or remove the line"):
        rescan(project, None, True, LAPTOP)


def test_other_kinds_of_data_sets_are_read_anew_anyway(project: Path) -> None:
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["prepare"]["dataset"] = "coco"
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"prepare.dataset is coco: its files say what there is.*; run: dvc repro"):
        rescan(project, None, True, LAPTOP)


def test_a_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"has no params.yaml, so it is no project; run in one, or name it: empaste init"
    ):
        rescan(tmp_path, None, True, LAPTOP)


def test_other_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--rescan goes with --labels FILE or --labels-from-folders alone"):
        rescan_project(tmp_path, None, True, (tmp_path, None, None))
    with pytest.raises(InputError, match=r"--labels and --labels-from-folders are both given; keep one"):
        rescan_project(tmp_path, tmp_path, True, (None, None, None))


def test_a_rescan_without_advice_gives_none() -> None:
    found = Found(8, 2, {"cat": 8}, 100, 0, True)
    lines = list(tell(Rescan(["a.jpg"], [], {}, [], [], [], [Path("labels.csv")], found, [])))
    assert lines == [
        "new: 1 image, such as a.jpg",
        "now 8 training and 2 validation images, 1 classes; an image that was there keeps its split",
        "written: labels.csv; run: git add --all, git diff --staged, git commit, dvc repro",
    ]
