"""Which store is in use, setting it up, and switching recording off."""

import subprocess
import sys
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.tracking import record_pipeline, store
from empaste.tracking.store import find_store, recording_trouble, runs_address, ui_command, wait_seconds
from tests.tracking.runs import client, environment, experiment, free_port, record


@pytest.mark.usefixtures("here")
def test_a_database_without_its_driver_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+nonsense://me:secret@host/runs")
    assert record_pipeline(record()) is None
    said = capsys.readouterr().err
    assert "WARNING: MLflow's store mssql+nonsense://…@host/runs cannot be used" in said
    assert "secret" not in said


def test_two_processes_may_set_a_new_store_up_at_once(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: 1\n")
    script = "from empaste.tracking import *; print(record_pipeline(Record({'a': 1}, {'b': 2.0}, 'c')))"
    command = [sys.executable, "-c", script]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(tmp_path))
        for _ in range(2)
    ]
    ids = [process.communicate(timeout=180)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len({*ids}) == 2
    assert all(ids)


def test_off_does_nothing_and_loads_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from empaste.tracking import *\n"
        "assert record_pipeline(Record({}, {}, '')) is None\n"
        "with live_curve('train') as log: log(1, {'loss': 1.0})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment(tmp_path, EMPASTE_TRACKING="off")
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("here")
def test_a_stage_waits_for_a_server_so_long_and_for_a_file_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait_seconds(find_store()) is None
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://models:5000")
    assert wait_seconds(find_store()) == 180
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    monkeypatch.setenv("EMPASTE_TRACKING_SECONDS", "600")
    for address in ("http://server:5000", "postgresql://host/runs", "databricks"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        assert wait_seconds(find_store()) == 600
    for wrong in ("0", "-1", "1.5", "long", ""):
        monkeypatch.setenv("EMPASTE_TRACKING_SECONDS", wrong)
        with pytest.raises(InputError, match=r"EMPASTE_TRACKING_SECONDS is .*; set it to a whole number of seconds"):
            wait_seconds(find_store())


@pytest.mark.parametrize("scheme", ["http", "https", "mysql+pymysql"])
@pytest.mark.usefixtures("here")
def test_a_server_that_takes_no_connection_is_known_at_once(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://127.0.0.1:{free_port()}/x")
    trouble = recording_trouble(find_store())
    assert trouble
    assert trouble.startswith("nothing answers (")


@pytest.mark.usefixtures("here")
def test_a_server_behind_a_proxy_is_not_judged_from_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    assert recording_trouble(find_store()) is None
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert recording_trouble(find_store()) is not None


@pytest.mark.usefixtures("here")
def test_the_extra_that_postgresql_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://127.0.0.1/runs")
    monkeypatch.setattr(store, "find_spec", lambda _name: None)
    assert recording_trouble(find_store()) == (
        "psycopg is not installed; install it with: uv pip install -e '.[postgresql]'"
    )


@pytest.mark.usefixtures("here")
def test_a_misspelt_switch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMPASTE_TRACKING", "of")
    with pytest.raises(InputError, match="EMPASTE_TRACKING is 'of'; choose from on, off"):
        record_pipeline(record())


def test_the_page_is_served_from_the_store_in_use(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ui_command(port=5001)
    assert f"sqlite:///{here}/mlflow.db" in command
    assert f"{here}/mlartifacts" in command
    assert "5001" in command
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////srv/runs/all.db")
    assert "sqlite:////srv/runs/all.db" in ui_command()
    assert "/srv/runs/mlartifacts" in ui_command()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    with pytest.raises(InputError, match="is http://server:5000: open that address"):
        ui_command()


def test_the_runs_have_an_address_on_these_pages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client().create_experiment("another")
    assert runs_address(5001) == (
        f"http://127.0.0.1:5001/#/experiments/{experiment()}/runs?workflowType=machine_learning&compareRunsMode=CHART"
    )
    (here / "broken.db").write_bytes(b"no database")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{here}/broken.db")
    with pytest.raises(InputError, match=r"MLflow's store .*broken\.db cannot be used: "):
        runs_address()


@pytest.mark.usefixtures("here")
def test_without_dvc_the_store_stands_where_the_repository_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path / "deep")
    assert find_store().uri == f"sqlite:///{tmp_path}/mlflow.db"
