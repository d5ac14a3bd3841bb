"""A shared tracking server: several runs at once, and what becomes of a run while the server fails.

Stages are played by their two calls, `live_curve` and `record_pipeline`; the server, its database and its artifacts are
real.
"""

import math
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from typer.testing import CliRunner

from empaste.cli import app
from empaste.images import encode_rgb
from empaste.tracking import live_curve, record_pipeline
from empaste.tracking.outbox import kept_runs
from empaste.tracking.recording import MODEL_NAME
from empaste.tracking.sending import sync
from empaste.tracking.store import EXPERIMENT
from tests.tracking.runs import PIPELINE_VARIABLES, log_a_small_model, record
from tests.tracking.servers import Gateway, dump, postgresql, postgresql_trouble, query, tracking_server

PICTURE = encode_rgb(np.zeros((30, 40, 3), np.uint8), ".jpg")
STEPS = list(range(1, 21))
NUM_AT_ONCE = 4

needs_postgresql = pytest.mark.skipif(postgresql_trouble() is not None, reason=postgresql_trouble() or "")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """PostgreSQL's, else SQLite's."""
    if postgresql_trouble():
        yield f"sqlite:///{tmp_path_factory.mktemp('database')}/server.db"
        return
    with postgresql() as address:
        yield address


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps its artifacts and its log."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(database: str, folder: Path) -> Iterator[str]:
    with tracking_server(database, folder) as address:
        yield address


@pytest.fixture
def gateway(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """Before the server; the pipeline in ``tmp_path`` records there and nowhere else."""
    for name in PIPELINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    # What tells the runs of a test from all others on the server.
    (tmp_path / "params.yaml").write_text(f"{tmp_path}: 1\n")
    gateway = Gateway(server)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.uri)
    gateway.start()
    yield gateway
    gateway.goes_on.set()
    gateway.stop()


def record_all(root: Path, headline: str = "58.4") -> str | None:
    """What a report records, with everything that a record can hold."""
    (root / "index.html").write_text(f"page of {headline}")
    (root / "model").mkdir(exist_ok=True)
    whole = record(
        headline=headline,
        params={"paste.n_p": 3, "own": headline},
        curves={"train": {"iteration": STEPS, "loss": [float(headline) / step for step in STEPS]}},
        files=[(root / "index.html", "report")],
        figures={"proposals.jpg": PICTURE},
        tags={"test": str(root)},
        detector=(root / "model", b""),
    )
    return record_pipeline(whole, root / "params.yaml")


def runs_of(server: str, root: Path) -> list[Run]:
    client = MlflowClient(server)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    return list(client.search_runs([experiment.experiment_id], f"tags.test = '{root}'"))


def check_whole(server: str, run: Run, headline: str = "58.4") -> None:
    """All that `record_all` recorded is in ``run``, once, and can be read through the server."""
    client, run_id = MlflowClient(server), run.info.run_id
    assert run.info.status == "FINISHED"
    assert run.data.params == {"paste.n_p": "3", "own": headline}
    assert run.data.tags["headline"] == headline
    assert run.data.metrics["evaluate.mask.AP50"] == 58.4
    history = sorted(client.get_metric_history(run_id, "curves/train.loss"), key=lambda point: point.step)
    assert [point.step for point in history] == STEPS
    assert all(math.isclose(point.value, float(headline) / point.step) for point in history)
    page = client.download_artifacts(run_id, "report/index.html")
    assert Path(page).read_text() == f"page of {headline}"
    assert [file.path for file in client.list_artifacts(run_id, "figures")] == ["figures/proposals.jpg"]
    assert len(client.list_artifacts(run_id, "images")) == 2  # large and small
    (model,) = client.search_model_versions(f"run_id = '{run_id}'")
    assert model.name == MODEL_NAME


def run_pipeline(root: Path, headline: str) -> None:
    """What the stages of a pipeline do, in a process of its own."""
    os.chdir(root)
    os.environ["DVC_ROOT"] = str(root)
    with live_curve("train", every_seconds=0.1) as log:
        for step in STEPS[:10]:
            log(step, {"loss": float(headline) / step})
    assert record_all(root, headline)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS ends a fork of a process that has used its network")
def test_four_runs_at_once_are_complete_and_never_mix(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Four repositories, as on four machines, whose processes train and report at the same time."""
    for name in PIPELINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    monkeypatch.setenv("EMPASTE_TRACKING_SECONDS", "600")  # a busy machine is no slow server
    monkeypatch.setattr("empaste.tracking.live.LAST_SECONDS", 600.0)
    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    fork = multiprocessing.get_context("fork")  # shares what MLflow takes seconds to import
    headlines = {tmp_path / str(number): str(10.5 + number) for number in range(NUM_AT_ONCE)}
    for root in headlines:
        root.mkdir()
        (root / "params.yaml").write_text("paste: {n_p: 3}\n")  # the same in all: only the process tells them apart
    processes = [fork.Process(target=run_pipeline, args=arguments) for arguments in headlines.items()]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    said = capfd.readouterr().err
    assert [process.exitcode for process in processes] == [0] * NUM_AT_ONCE, said
    assert "WARNING" not in said
    for root, headline in headlines.items():
        (run,) = runs_of(server, root)
        assert run.info.run_name == "baseline"
        check_whole(server, run, headline)
        assert list((root / ".work" / "tracking").glob("[!.]*/*")) == []


@needs_postgresql
@pytest.mark.usefixtures("gateway")
def test_the_server_keeps_its_runs_in_postgresql_and_takes_files_itself(
    database: str, folder: Path, server: str, tmp_path: Path
) -> None:
    run_id = record_all(tmp_path)
    rows = query(database, "select run_uuid, status, artifact_uri from runs").splitlines()
    assert sum(row.startswith(f"{run_id}|FINISHED|mlflow-artifacts:/") for row in rows) == 1
    (page,) = (folder / "artifacts").glob(f"*/{run_id}/artifacts/report/index.html")
    assert page.read_text() == "page of 58.4"
    (run,) = runs_of(server, tmp_path)
    check_whole(server, run)


@pytest.mark.parametrize("delay", [0.5, 1000])
def test_a_slow_server_does_not_hold_a_stage_up(
    gateway: Gateway, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], delay: float,
) -> None:  # fmt: skip
    """Whether it answers late or never, each stage ends, says so once, and nothing is lost or there twice."""
    monkeypatch.setenv("EMPASTE_TRACKING_SECONDS", "1")
    gateway.delay = delay
    with live_curve("train", every_seconds=0.1) as log:
        for step in STEPS[:10]:
            log(step, {"loss": 58.4 / step})
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert f"Kept in {tmp_path}/.work/tracking: 1 run" in said
    assert record_all(tmp_path) is None
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "was not done after 1 s; EMPASTE_TRACKING_SECONDS sets how long a stage waits" in said
    assert f"Kept in {tmp_path}/.work/tracking: 1 run, to be sent when MLflow records the next one" in said
    assert "run: empaste sync" in said
    gateway.delay = 0
    gateway.goes_on.set()
    assert sync() == []
    assert kept_runs() == []
    (run,) = runs_of(server, tmp_path)
    check_whole(server, run)


def test_a_server_that_comes_back_gets_what_was_kept(
    gateway: Gateway, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is away when the training begins, answers for a while, and is away again for the report."""
    gateway.stop()
    said: list[str] = []

    def warned() -> bool:
        said.append(capsys.readouterr().err)
        return any(said)

    with live_curve("train", every_seconds=0.1) as log:
        log(1, {"loss": 58.4})
        wait_until(warned)
        gateway.start()
        wait_until(lambda: not kept_runs())
        log(2, {"loss": 58.4 / 2})
    assert kept_runs() == []
    assert "".join([*said, capsys.readouterr().err]).count("WARNING") == 1
    gateway.stop()
    assert record_all(tmp_path) is None
    assert record_all(tmp_path, "60.5") is None
    assert capsys.readouterr().err.count("cannot be used: nothing answers") == 2
    gateway.start()
    assert record_all(tmp_path, "61.5")
    assert kept_runs() == []
    runs = {run.data.tags["headline"]: run for run in runs_of(server, tmp_path)}
    assert sorted(runs) == ["58.4", "60.5", "61.5"]
    for headline, run in runs.items():
        check_whole(server, run, headline)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("lost", [4, 12, 27])
def test_a_server_that_dies_in_the_middle_of_a_record_has_it_once_in_the_end(
    gateway: Gateway, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: int
) -> None:
    """The server carries the request out, but its answer is lost: the worst moment."""
    gateway.lost = lost
    assert record_all(tmp_path) is None
    assert gateway.num_requests >= lost
    assert capsys.readouterr().err.count("WARNING") == 1
    gateway.lost = None
    assert sync() == []
    (run,) = runs_of(server, tmp_path)
    check_whole(server, run)


def test_a_server_that_refuses_is_named_with_its_answer(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.refused = True
    assert record_all(tmp_path) is None
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "403" in said.splitlines()[0]
    again = CliRunner().invoke(app, ["sync"])
    assert (again.exit_code, again.stdout) == (1, f"0 runs of 1 sent to {gateway.uri}\n")
    assert again.stderr.startswith(f"ERROR: MLflow's store {gateway.uri} cannot be used: ")
    gateway.refused = False
    again = CliRunner().invoke(app, ["sync"])
    assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, f"1 run of 1 sent to {gateway.uri}")
    again = CliRunner().invoke(app, ["sync"])
    assert (again.exit_code, again.stdout) == (0, f"{tmp_path}/.work/tracking keeps nothing\n")


@needs_postgresql
def test_no_password_is_kept_or_printed(
    gateway: Gateway, server: str, database: str, folder: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    gateway.caller = "somebody:open-sesame"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", gateway.uri)
    gateway.refused = True
    assert record_all(tmp_path) is None
    kept = [path.read_bytes() for path in (tmp_path / ".work").rglob("*") if path.is_file()]
    gateway.refused = False
    assert sync() == []
    (run,) = runs_of(server, tmp_path)
    check_whole(server, run)
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    printed = capfd.readouterr()
    texts = [dump(database).encode(), printed.out.encode(), printed.err.encode(), *kept, *files]
    assert len(texts) > 10
    assert not any(b"open-sesame" in text for text in texts)


@needs_postgresql
@pytest.mark.usefixtures("gateway")
def test_a_user_without_rights_gets_one_warning(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the database itself as the store."""
    query(database, "create role reader login; grant select on all tables in schema public to reader")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database.replace("//mlflow@", "//reader:open-sesame@"))
    assert record_all(tmp_path) is None
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "permission denied for table" in said
    assert "open-sesame" not in said
    assert len(kept_runs()) == 1


def test_a_place_that_cannot_be_written_gets_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/runs/mlflow.db")  # not even by root
    assert record_pipeline(record()) is None
    said = capsys.readouterr().err
    assert said.count("WARNING") == 1
    assert "store /proc/runs/mlflow.db cannot be used: " in said
    assert len(kept_runs()) == 1
