"""A run of MLflow holds all that a run of the pipeline leaves: numbers, curves, figures, files, the model."""

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.images import encode_rgb
from empaste.tracking.names import mlflow_name
from empaste.tracking.store import find_store, ui_command
from tests.tracking.runs import client, log_a_small_model, recorded

PICTURE = encode_rgb(np.zeros((30, 1200, 3), np.uint8), ".jpg")


def test_a_run_carries_parameters_metrics_tags_and_files(here: Path, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    run = recorded(
        params={"paste.scale": [0.6, 1.0], "prepare.root": None, "prepare.dataset": "demo"},
        metrics={"foregrounds.precision50.iter_0": 71.5, "evaluate.mask.AP50_per_class.tv (big)": 3.0},
        files=[(tmp_path / "index.html", "report"), (tmp_path / "model", "models/mask_rcnn")],
        figures={"proposals.jpg": PICTURE},
        headline_metrics={"1 mask AP50": 58.4},
        note="| | |",
        tags={"study": "paste", "my/tag": "x"},
    )
    assert run.info.status == "FINISHED"
    assert run.data.params == {"paste.scale": "[0.6, 1.0]", "prepare.root": "null", "prepare.dataset": "demo"}
    assert run.data.metrics == {
        "1 headline/1 mask AP50": 58.4,
        "foregrounds.precision50.iter_0": 71.5,
        "evaluate.mask.AP50_per_class.tv _u28_big_u29_": 3.0,
    }
    assert (run.data.tags["headline"], run.data.tags["mlflow.note.content"]) == ("58.4", "| | |")
    assert min(run.data.metrics) == "1 headline/1 mask AP50"
    assert (run.data.tags["study"], run.data.tags["my_u2F_tag"]) == ("paste", "x")
    assert len(run.data.tags["git.commit"]) == 40
    for folder, name in [("report", "index.html"), ("models/mask_rcnn", "config.json"), ("figures", "proposals.jpg")]:
        assert [Path(file.path).name for file in client().list_artifacts(run.info.run_id, folder)] == [name]
    pictures = [Path(file.path).name for file in client().list_artifacts(run.info.run_id, "images")]
    assert [name.split("+")[0] for name in pictures] == ["2 sheets~proposals"] * 2  # large and small
    assert all("+step+0+" in name for name in pictures)
    assert Path(run.info.artifact_uri).is_relative_to(here / "mlartifacts")


@pytest.mark.usefixtures("here")
def test_curves_are_metrics_by_step_without_what_was_not_measured() -> None:
    run = recorded(curves={"train": {"iteration": [1, 2, 3], "loss": [3.0, math.nan, 1.0]}})
    history = client().get_metric_history(run.info.run_id, "curves/train.loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (3, 1.0)]


@pytest.mark.usefixtures("here")
def test_values_that_mlflow_would_refuse_are_cut_off() -> None:
    run = recorded(params={"long": "x" * 900, "endless": "y" * 9000} | {f"p{i}": i for i in range(250)})
    assert run.data.params["long"] == "x" * 900
    assert len(run.data.params["endless"]) == 6000
    assert run.data.params["endless"].endswith("…")
    assert len(run.data.params) == 252


STRANGE = (
    "NA", "None", "001", "1", "nothing", "nan", "True", "C+", "C#", "C_", "a/b", "a//b", "..", ".", "a.b", "🍎", "🍐",
    "كرة", "כדור", "中文", "हिन्दी", "<b>", '"', ";", "'", "$", "{{x}}", "Cat", "cat", "_u2B_", "C_u2B_",
    "z" * 60, "x " * 150 + "a", "x " * 150 + "b",
)  # fmt: skip
"""What classes may be called."""


@pytest.mark.usefixtures("here")
def test_whatever_classes_are_called_all_is_recorded_and_read_back() -> None:
    metrics = {f"evaluate.mask.AP50_per_class.{name}": float(number) for number, name in enumerate(STRANGE)}
    params = {f"captions.supercategories.{name}": name for name in STRANGE} | {"paste.classes": list(STRANGE)}
    run = recorded(metrics=metrics, params=params, curves={"of 🍎/🍐": {"step": [1], "x": [0.5]}})
    curves = {name for name in run.data.metrics if name.startswith("curves/")}
    assert curves == {"curves/of _u1F34E__u2F__u1F350_.x"}
    assert {name: value for name, value in run.data.metrics.items() if name not in curves} == {
        mlflow_name(name): value for name, value in metrics.items()
    }
    assert len(run.data.metrics) == len(STRANGE) + 1
    assert len(run.data.params) == len(STRANGE) + 1
    assert [run.data.params[mlflow_name(f"captions.supercategories.{name}")] for name in STRANGE] == list(STRANGE)
    assert json.loads(run.data.params["paste.classes"]) == list(STRANGE)


@pytest.mark.usefixtures("here")
def test_two_runs_differ_in_the_parameter_that_differs() -> None:
    first, second = (recorded(params={"paste.n_p": n_p, "paste.seed": 0}).data.params for n_p in (3, 6))
    assert {name for name in first if first[name] != second[name]} == {"paste.n_p"}


@pytest.mark.parametrize(
    ("folder", "uri", "database"),
    [
        ("plain", "sqlite:///sub/x.db", "sub/x.db"),
        ("a #b?c% ü&d+e;f", "sqlite:///x.db", "x.db"),
        ("a #b?c% ü&d+e;g", None, "mlflow.db"),
        ("%20", None, "mlflow.db"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_a_temporary_workspace_records_stays(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    uri: str | None,
    database: str,
) -> None:
    """Runs, files and models lie below the main repository, whatever it is called, and nothing beside it."""
    import mlflow

    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    main, workspace = tmp_path / "main" / folder, tmp_path / "workspace"
    for place in (main, workspace, tmp_path / "model"):
        place.mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(main))
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(workspace)
    (tmp_path / "index.html").write_text("page")
    run = recorded(files=[(tmp_path / "index.html", "report")], detector=(tmp_path / "model", b""))
    assert os.environ.get("MLFLOW_TRACKING_URI") == uri
    assert list(workspace.iterdir()) == []
    assert [path.name for path in main.parent.iterdir()] == [folder]
    assert (main / database).exists()
    (page,) = (main / database).parent.glob("mlartifacts/*/artifacts/report/index.html")
    assert run.info.run_id in str(page)
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", find_store().uri)
    copy = {"dst_path": str(tmp_path)} if folder == "%20" else {}
    assert ("WARNING: MLflow loads no model straight out of" in capsys.readouterr().err) == bool(copy)
    assert mlflow.pyfunc.load_model("models:/empaste-mask-rcnn/1", **copy).predict(["?"]) == ["yes"]


@pytest.mark.usefixtures("here")
def test_models_go_to_a_registry_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///models.db")
    (tmp_path / "model").mkdir()
    recorded(detector=(tmp_path / "model", b""))
    registry = MlflowClient(tracking_uri=find_store().uri, registry_uri=f"sqlite:///{tmp_path}/models.db")
    versions: list[Any] = [model.version for model in registry.search_model_versions()]
    assert versions == [1]
    assert os.environ["MLFLOW_REGISTRY_URI"] == "sqlite:///models.db"
    assert ui_command()[-2:] == ["--registry-store-uri", f"sqlite:///{tmp_path}/models.db"]
