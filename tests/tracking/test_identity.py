"""Which processes write into one run, and what a run says about its origin."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from empaste.tracking import live_curve
from empaste.tracking.identity import HOST_TAG, PROCESS_TAG, changed_files, pipeline_process
from tests.tracking.runs import client, environment, experiment, recorded


def test_an_experiment_gives_its_name_and_lands_in_the_main_store(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a queue's workspace: another working directory, but DVC_ROOT is the main repository."""
    monkeypatch.setenv("DVC_EXP_NAME", "loud-moth")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "abc123")
    monkeypatch.chdir(tmp_path)
    run = recorded()
    assert run.info.run_name == "loud-moth"
    assert (run.data.tags["dvc.experiment"], run.data.tags["dvc.baseline"]) == ("loud-moth", "abc123")
    assert (here / "mlflow.db").exists()
    assert list(tmp_path.iterdir()) == []


def test_git_dirty_names_changed_code_but_no_changed_parameters(here: Path) -> None:
    assert recorded().data.tags["git.dirty"] == "false"
    try:
        (here / "params.yaml").write_text("paste: {n_p: 6}\n")
        assert recorded().data.tags["git.dirty"] == "false"
        (here / "code.py").write_text("two\n")
        assert recorded().data.tags["git.dirty"] == "code.py"
        assert changed_files() == ["code.py", "params.yaml"]
        assert changed_files(["params.yaml"]) == ["params.yaml"]
    finally:
        subprocess.run(["git", "checkout", "-q", "."], check=True)


def test_changed_files_are_called_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blanks part no name, and git's own way of writing other letters is not met."""
    monkeypatch.chdir(tmp_path)
    assert changed_files() == [], "outside a repository"
    names = ["a b.txt", "\u00e9.txt"]
    for content in ("one", "two"):
        for name in names:
            (tmp_path / name).write_text(content)
        if content == "one":
            git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
            for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
                subprocess.run([*git, *words], check=True)
    assert changed_files() == names


@pytest.mark.usefixtures("here")
def test_another_experiment_does_not_continue_an_open_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with live_curve("train") as log:
        log(1, {"loss": 3.0})
    (open_run,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    with monkeypatch.context() as patch:
        patch.setenv("DVC_EXP_NAME", "other")
        assert recorded().info.run_id != open_run.info.run_id
    assert recorded().info.run_id == open_run.info.run_id


def test_runs_that_killed_pipelines_left_open_are_closed(here: Path) -> None:
    script = "from empaste.tracking import live_curve\nwith live_curve('train') as log: log(1, {'loss': 3.0})"
    subprocess.run([sys.executable, "-c", script], check=True, env=environment(here))
    (left,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    other_host = client().create_run(experiment(), tags={HOST_TAG: "elsewhere", PROCESS_TAG: "1 1"})
    recorded()
    assert client().get_run(left.info.run_id).info.status == "KILLED"
    assert client().get_run(other_host.info.run_id).info.status == "RUNNING"
    client().set_terminated(other_host.info.run_id)


def test_inside_a_stage_the_pipeline_is_the_process_that_started_the_shell(here: Path) -> None:
    script = "from empaste.tracking.identity import pipeline_process; print(pipeline_process().pid)"
    outer = f'import subprocess; subprocess.run(\'"{sys.executable}" -c "{script}"; true\', shell=True, check=True)'
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True, env=environment(here, DVC_STAGE="report")
    ) as process:
        assert int(process.communicate()[0]) == process.pid


def test_where_the_starting_processes_hide_the_pipeline_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: psutil.Process) -> str:
        raise psutil.AccessDenied(process.pid)

    monkeypatch.setenv("DVC_STAGE", "report")
    monkeypatch.setattr(psutil.Process, "name", refuse)
    assert pipeline_process().pid == os.getpid()
