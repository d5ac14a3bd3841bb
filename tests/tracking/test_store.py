"""Which store is in use, setting it up, and switching recording off."""

import subprocess
import sys
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.tracking import record_pipeline
from empaste.tracking.store import find_store, ui_command
from tests.tracking.runs import environment, record


@pytest.mark.usefixtures("here", "tmp_path")
def test_a_database_without_its_driver_or_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+nonsense://me:secret@host/runs")
    with pytest.raises(InputError, match=r"store mssql\+nonsense://…@host/runs cannot be used") as caught:
        record_pipeline(record())
    assert "secret" not in str(caught.value)


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


@pytest.mark.usefixtures("here")
def test_without_dvc_the_store_stands_where_the_repository_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path / "deep")
    assert find_store().uri == f"sqlite:///{tmp_path}/mlflow.db"
