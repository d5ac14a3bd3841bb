"""``empaste``: its commands call the library, and bad input ends with one message and exit code 1."""

import os
import shutil
import subprocess
import sys
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from pkgutil import iter_modules

import pytest
import yaml

from empaste import cli
from empaste.artifacts.shards import write_shards
from empaste.cli import detecting
from empaste.layout import HERE

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "presets", tmp_path / "presets")
    return tmp_path


def empaste(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("empaste")), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_every_command_is_in_the_list() -> None:
    files = [import_module(f"empaste.cli.{module.name}") for module in iter_modules(cli.__path__)]
    written = {
        name
        for file in files
        for name, one in vars(file).items()
        if isfunction(one) and one.__module__ == file.__name__ and not name.startswith("_")
    }
    assert sorted(written) == sorted(command.__name__ for command in cli.COMMANDS)


def test_a_preset_is_printed_for_dvc(folder: Path) -> None:
    done = empaste(folder, "preset", "smoke", "gpu", "--set", "paste.n_p=[1, 4]")
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert set(words[::2]) == {"-S"}
    assert {"train.device=cuda", "train.iterations=40", "paste.n_p=[1,4]"} <= set(words[1::2])


def test_a_preset_is_written_into_the_parameters(folder: Path) -> None:
    assert empaste(folder, "preset", "--write", "smoke", "--set", "paste.n_p=5").returncode == 0
    params = yaml.safe_load((folder / "params.yaml").read_text())
    assert params["paste"]["n_p"] == 5
    assert params["train"]["iterations"] == 40
    assert "# passes over the training images" in (folder / "params.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("init", "mine"), "labels are named by one of --labels FILE, --labels-from-folders, --coco JSON"),
        (("preset", "smok"), "there is no preset 'smok'"),
        (("plan", "vocc"), "there is no preset 'vocc'"),
        (("plan", "voc", "--set", "train.iteration=5"), "did you mean train.iterations?"),
        (("study", "tables"), "there is no study 'tables'; choose from ablation"),
        (("summary",), "metrics"),
        (("figures",), "choice cannot be drawn: data/images does not exist; run: dvc repro prepare"),
        (("figures", "chioce"), "there is no figure 'chioce'; did you mean choice? choose from choice, iterations"),
        (("export", "model", "out.pth"), "models/mask_rcnn/config.json does not exist; run: dvc repro train"),
        (
            ("export", "out.pth"),
            "there is nowhere to write; say what to export, then where to: empaste export model out",
        ),
        (("export", "detections"), "then where to: empaste export detections OUT"),
        (("export", "model"), "then where to: empaste export model OUT"),
        (("export", "detections", "new", "--max-detections", "5"), "takes neither --max-detections nor --model"),
        (("export", "detections", "new", "--model", "models/mask_rcnn"), "detections takes neither"),
        (("predict", "camera:17", "--out", "new"), "camera 17 cannot be opened (devices on this machine: "),
        (("pseudo-labels", "out.json"), "data/images/images.parquet does not exist; run: dvc repro"),
        (("recall", "--method", "slik"), "proposals.method is 'slik'; choose from hierarchical"),
    ],
)
def test_bad_input_ends_with_its_message(folder: Path, words: tuple[str, ...], said: str) -> None:
    done = empaste(folder, *words)
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_is_printed_and_nothing_is_written(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    done = empaste(folder, "plan", "voc", "--set", "train.iterations=7")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Plan of voc: 10,582 training and 1,449 validation images, as published")
    assert "\ntrain" in done.stdout
    assert sorted(folder.rglob("*")) == before


def test_shards_are_unpacked_and_a_folder_without_any_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    write_shards(tmp_path / "shards", [("1.jpg", b"one")])
    done = empaste(tmp_path, "unpack", "shards", "out")
    assert (done.returncode, done.stdout) == (0, "1 images: out/images\n")
    assert (tmp_path / "out/images/1.jpg").read_bytes() == b"one"
    done = empaste(tmp_path, "unpack", "out", "other")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("ERROR: out holds no shards")


def test_a_file_that_cannot_be_read_ends_with_a_message(folder: Path) -> None:
    (folder / "file").write_text("")
    done = empaste(folder, "unpack", "presets/smoke.yaml/deeper", "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    done = empaste(folder, "summary", "--metrics", "file")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr
    (folder / "params.yaml").unlink()
    (folder / "params.yaml").mkdir()
    done = empaste(folder, "preset", "--write", "smoke")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr


def test_the_password_of_a_store_is_not_printed(folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("empaste")), "ui"]
    address = {"MLFLOW_TRACKING_URI": "mssql+nonsense://me:secret@host/runs"}
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=os.environ | address
    )
    assert "mssql+nonsense://…@host/runs" in done.stderr.splitlines()[0]
    assert "secret" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ERROR: MLflow's store mssql+nonsense://…@host/runs cannot be used")


@pytest.mark.parametrize(
    ("model", "classifier", "weight", "expected"),
    [
        (HERE.detector, None, None, (HERE.classifier, 0.2)),
        (HERE.detector, None, 0.0, None),
        (HERE.detector, None, 0.5, (HERE.classifier, 0.5)),
        (HERE.detector, Path("mine"), None, (Path("mine"), 0.33)),
        (HERE.detector, Path("mine"), 0.5, (Path("mine"), 0.5)),
        (Path("elsewhere"), None, None, None),
    ],
)
def test_predictions_get_the_scores_of_the_evaluation_unless_others_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path, classifier: Path | None, weight: float | None,
    expected: tuple[Path, float] | None,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text()
    HERE.params.write_text(text.replace("classifier_weight: 0.0", "classifier_weight: 0.2"))
    assert detecting._opinion(model, classifier, weight) == expected


def test_a_say_that_nobody_named_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert detecting._opinion(HERE.detector, None, None) is None  # no project is here
    text = (ROOT / "params.yaml").read_text()
    HERE.params.write_text(text)
    assert detecting._opinion(HERE.detector, None, None) is None
    assert not capsys.readouterr().out
    HERE.params.write_text(text.replace("classifier_weight: 0.0", "classifier_weight: 0.2"))
    detecting._opinion(HERE.detector, None, None)
    assert detecting._opinion(tmp_path / HERE.detector, None, None) == (HERE.classifier, 0.2)
    said = "models/classifier has a say of 0.2 in the scores, as evaluate.classifier_weight says\n"
    assert capsys.readouterr().out == said * 2
