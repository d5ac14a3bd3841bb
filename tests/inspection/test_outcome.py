"""`empaste inspect` on a folder with faults: the table, the page, and what it refuses."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from empaste.errors import InputError
from empaste.inspection import inspecting
from empaste.inspection.outcome import inspect
from tests.beginning.photographs import write_photo

TOP = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photographs, one a copy of another split's, one damaged behind its header."""
    root = tmp_path_factory.mktemp("data")
    for number in range(3):
        write_photo(root / "images" / f"{number}.jpg", number)
    shutil.copy(root / "images" / "0.jpg", root / "images" / "copy.jpg")
    whole = write_photo(root / "images" / "cut.png", 9).read_bytes()
    (root / "images" / "cut.png").write_bytes(whole[: len(whole) // 2])
    rows = ["0.jpg,cat,train", "1.jpg,dog,train", "2.jpg,dog,val", "copy.jpg,cat,val", "cut.png,cat,train"]
    (root / "labels.csv").write_text("\n".join(["file,label,split", *rows]) + "\n")
    return root


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_faults_are_found_twice_the_same(data: Path, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for out in ("one", "two"):
        inspect(data, None, Path(out), 0)
    assert (workspace / "one/index.html").read_bytes() == (workspace / "two/index.html").read_bytes()
    table = pd.read_csv("one/findings.csv")
    assert table[["file", "finding"]].to_numpy().tolist() == [
        ["cut.png", "unreadable"],
        ["0.jpg", "near-duplicate across splits"],
    ]
    printed = capsys.readouterr().out
    assert "the page: one/index.html; image by image: one/findings.csv" in printed
    assert "There is no params.yaml here" in (workspace / "one/index.html").read_text()


def test_in_a_project_it_reads_params_yaml_and_tells_the_cost(
    data: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspecting, "has_network", lambda: False)
    shutil.copytree(data, workspace / "dataset")
    (workspace / "dataset/images/cut.png").unlink()
    with (workspace / "dataset/labels.csv").open() as file:
        kept = [line for line in file if "cut.png" not in line]
    (workspace / "dataset/labels.csv").write_text("".join(kept))
    text = (TOP / "params.yaml").read_text()
    text = text.replace("dataset: demo ", "dataset: folder ").replace("root: null  ", "root: dataset  ", 1)
    (workspace / "params.yaml").write_text(text)
    inspect(None, None, Path("inspect"), 0)
    page = (workspace / "inspect/index.html").read_text()
    assert "Plan of params.yaml: 2 training and 2 validation images" in page
    assert f"Inspection of {workspace.name}/dataset" in page
    printed = capsys.readouterr().out
    assert "not checked" in printed
    assert printed.splitlines()[-2].startswith("sum ")


def test_what_stops_a_run_does_not_stop_the_inspection(
    data: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inspecting, "has_network", lambda: False)
    text = (TOP / "params.yaml").read_text()
    text = text.replace("dataset: demo ", "dataset: folder ").replace("root: null  ", f"root: {data}  ", 1)
    (workspace / "params.yaml").write_text(text)
    inspect(None, None, Path("inspect"), 0)
    assert "unreadable" in pd.read_csv("inspect/findings.csv")["finding"].tolist()
    said = "What a run costs cannot be told: "
    assert any(line.startswith(said) and "cut.png" in line for line in capsys.readouterr().out.splitlines())
    assert said in (workspace / "inspect/index.html").read_text()


def test_without_a_data_set_nothing_is_written(workspace: Path) -> None:
    with pytest.raises(InputError, match=r"there is no params.yaml here; run in a project, or name a data set: --root"):
        inspect(None, None, Path("inspect"), 0)
    with pytest.raises(InputError, match=r"--dataset says of which kind --root is; give --root"):
        inspect(None, "coco", Path("inspect"), 0)
    with pytest.raises(InputError, match=r"prepare.dataset is 'cocoo'"):
        inspect(workspace, "cocoo", Path("inspect"), 0)
    with pytest.raises(InputError, match=r"labels.csv does not exist"):
        inspect(workspace, None, Path("inspect"), 0)
    assert list(workspace.iterdir()) == []
