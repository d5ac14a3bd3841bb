"""A live curve opens the run that the record finishes, and never ends a training."""

import pytest

from empaste.errors import InputError
from empaste.tracking import live, live_curve, record_pipeline
from tests.tracking.runs import client, experiment, free_port, record, recorded


@pytest.mark.usefixtures("here")
def test_a_live_curve_opens_the_run_that_the_record_finishes() -> None:
    with live_curve("train", every_seconds=0) as log:
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
    with live_curve("train", every_seconds=0) as log:
        log(1, {"loss": 3.0})
    assert capsys.readouterr().err == ""
    assert client().search_runs([experiment()], "attributes.status = 'RUNNING'") == []


@pytest.mark.usefixtures("here")
def test_an_unreachable_server_ends_a_record_clearly_and_a_training_never(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"http://me:secret@127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InputError, match="cannot be used") as caught:
        record_pipeline(record())
    assert "127.0.0.1" in str(caught.value)
    assert "secret" not in str(caught.value)
    with live_curve("train", every_seconds=0) as log:
        for step in range(3):
            log(step, {"loss": 1.0})
    said = capsys.readouterr().err
    assert said.count("no longer shown live") == 1
    assert "secret" not in said
