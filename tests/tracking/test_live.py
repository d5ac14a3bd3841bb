"""A live curve opens the run that the record finishes, and never ends a training."""

import shutil
import time
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.tracking import live, live_curve
from empaste.tracking.identity import PipelineRun, this_run
from empaste.tracking.outbox import kept_runs, outbox, read_entries
from tests.tracking.runs import client, experiment, free_port, recorded


@pytest.mark.usefixtures("here")
def test_a_live_curve_opens_the_run_that_the_record_finishes() -> None:
    with live_curve("train", every_seconds=0.1) as log:
        log(1, {"loss": 3.0})
        log(2, {"loss": 2.0})
    (open_run,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    run = recorded(curves={"train": {"iteration": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}})
    assert run.info.run_id == open_run.info.run_id
    assert run.info.status == "FINISHED"
    history = client().get_metric_history(run.info.run_id, "curves/train.loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert recorded().info.run_id != run.info.run_id


@pytest.mark.usefixtures("here")
def test_a_machine_without_mlflow_trains_without_a_live_curve(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(live, "find_spec", lambda _name: None)
    with live_curve("train", every_seconds=0.1) as log:
        log(1, {"loss": 3.0})
    assert capsys.readouterr().err == ""
    assert client().search_runs([experiment()], "attributes.status = 'RUNNING'") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"MLFLOW_TRACKING_URI": "sqlite://"},
        {"EMPASTE_TRACKING": "of"},
        {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "EMPASTE_TRACKING_SECONDS": "long"},
    ],
)
@pytest.mark.usefixtures("here")
def test_a_wrong_variable_ends_no_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], wrong: dict[str, str]
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with live_curve("train") as log:
        log(1, {"loss": 3.0})
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(
        f"WARNING: no curve is shown live in MLflow: {list(wrong)[-1]} is '{list(wrong.values())[-1]}'"
    )
    assert kept_runs() == []


@pytest.mark.usefixtures("here")
def test_points_that_come_while_a_store_is_away_are_kept_in_one_entry_per_attempt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:secret@127.0.0.1:{free_port()}")
    with live_curve("train", every_seconds=60) as log:
        for step in range(1, 4):
            log(step, {"loss": float(step)})
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "store http://…@127.0.0.1:" in said
    assert "secret" not in said
    (key,) = kept_runs()
    points = [point for entry in read_entries(key) for point in entry.points]
    assert points == [("curves/train.loss", step, float(step)) for step in range(1, 4)]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    run = recorded(curves={"train": {"iteration": [1, 2, 3, 4], "loss": [1.0, 2.0, 3.0, 4.0]}})
    history = client().get_metric_history(run.info.run_id, "curves/train.loss")
    assert [(metric.step, metric.value) for metric in history] == [(step, float(step)) for step in range(1, 5)]
    assert kept_runs() == []


@pytest.mark.usefixtures("here")
def test_points_wait_while_their_run_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As while params.yaml is being edited: what came before goes into the run later on."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    troubles = [InputError("params.yaml cannot be read")]

    def run_once_mended(params_file: Path) -> PipelineRun:
        if troubles:
            raise troubles.pop()
        return this_run(params_file)

    monkeypatch.setattr(live, "this_run", run_once_mended)
    with live_curve("train", every_seconds=0.05) as log:
        log(1, {"loss": 3.0})
        until = time.monotonic() + 20
        while troubles and time.monotonic() < until:
            time.sleep(0.01)
    (key,) = kept_runs()
    assert [point[1] for entry in read_entries(key) for point in entry.points] == [1]
    shutil.rmtree(outbox())
