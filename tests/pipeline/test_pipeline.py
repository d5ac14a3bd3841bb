"""The whole pipeline under DVC: what runs, what does not, what is recorded, what survives a kill, what others pull.

One file, so that workers which share the suite by files run the pipeline once.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.faults.disturbing import contents, disturb
from tests.pipeline.project import Run, stages_run
from tests.remotes.machines import Machine
from tests.remotes.places import KINDS, VERIFIED
from tests.scaleout.ray_cluster import ray_cluster

ON_RAY = ["prepare", "proposals", "cams", "evidence", "features", "backgrounds", "paste", "evaluate"]
"""The stages that spread over a cluster; captions do where a model writes them."""
AFTER_PASTE = ["paste", "train", "evaluate", "report"]


def locked(project: Path, stage: str) -> dict[str, str]:
    """The hashes of a stage's outputs, as of its last run."""
    lock = yaml.safe_load((project / "dvc.lock").read_text())["stages"][stage]
    return {out["path"]: out["md5"] for out in lock["outs"]}


def logged_runs(project: Path) -> list[dict[str, dict[str, str]]]:
    """The runs in the MLflow store, by their params, metrics and tags; read without MLflow, which takes seconds."""
    with sqlite3.connect(project / "mlflow.db") as store:
        runs = store.execute("select run_uuid, name, status from runs order by start_time").fetchall()
        return [
            {
                "about": {"name": name, "status": status},
                "params": dict(store.execute("select key, value from params where run_uuid = ?", (uuid,))),
                "metrics": dict(store.execute("select key, value from latest_metrics where run_uuid = ?", (uuid,))),
                "tags": dict(store.execute("select key, value from tags where run_uuid = ?", (uuid,))),
            }
            for uuid, name, status in runs
        ]


def test_everything_is_there(project: Path) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    assert set(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == set(stages)
    page = (project / "report" / "index.html").read_text()
    assert "<html" in page
    evaluate = json.loads((project / "metrics" / "evaluate.json").read_text())
    assert set(evaluate["mask"]) >= {"AP", "AP50", "AP75", "APs", "APm", "APl", "AP50_per_class"}
    assert json.loads((project / "metrics" / "foregrounds.json").read_text())["precision50"].keys() >= {
        "iter_0",
        "iter_3",
    }


def test_nothing_is_computed_twice(run: Run) -> None:
    again = run("dvc", "repro")
    assert stages_run(again) == []
    assert "up to date" in again.stdout
    assert run("git", "status", "--porcelain").stdout == ""


def test_a_cluster_of_two_nodes_writes_the_same_bytes(project: Path) -> None:
    before = {stage: contents(project, stage) for stage in ON_RAY}
    calls = "".join(f"import stages.{stage}; stages.{stage}.main()\n" for stage in ON_RAY)
    with ray_cluster(nodes=2, cores=2) as cluster:
        engine = {"EMPASTE_ENGINE": "ray", "RAY_ADDRESS": cluster.address, "EMPASTE_TRACKING": "off"}
        environment = os.environ | engine | {"PYTHONPATH": f"{project / 'src'}{os.pathsep}{project}"}
        done = subprocess.run(
            [sys.executable, "-c", calls], cwd=project, env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert {stage: contents(project, stage) for stage in ON_RAY} == before


def test_the_summary_is_printed(run: Run) -> None:
    said = run("empaste", "summary").stdout
    for part in ("AP50", "fish", "Step 1", "report/index.html"):
        assert part in said


def test_one_run_holds_all_params_and_metrics(project: Path, run: Run) -> None:
    runs = logged_runs(project)
    assert len(runs) == 1
    assert runs[0]["about"]["status"] == "FINISHED"
    assert runs[0]["params"]["paste.n_p"] == "1"
    assert runs[0]["params"]["proposals.method"] == "entity_like"
    for metric in ("classifier.mAP", "foregrounds.precision50.iter_0", "evaluate.mask.AP50", "prepare.train_images"):
        assert metric in runs[0]["metrics"]
    commit = run("git", "rev-parse", "HEAD~1").stdout.strip()
    assert commit in runs[0]["tags"].values()


def test_an_experiment_runs_only_what_depends_on_it(project: Path, run: Run) -> None:
    ran = run("dvc", "exp", "run", "-n", "two", "-S", "paste.n_p=2")
    assert stages_run(ran) == AFTER_PASTE
    shown = run("dvc", "exp", "show", "--csv").stdout
    assert "two" in shown
    assert "paste.n_p" in shown.splitlines()[0]
    assert "paste" in run("dvc", "metrics", "diff", "--all", "HEAD").stdout
    latest = logged_runs(project)[-1]
    assert (latest["about"]["name"], latest["params"]["paste.n_p"]) == ("n_p=2 (two)", "2")
    assert "classifier.mAP" in latest["metrics"]
    run("git", "checkout", "-q", ".")
    run("dvc", "checkout", "-q")


def test_a_temporary_and_queued_experiments_land_in_the_same_store(project: Path, run: Run) -> None:
    before = len(logged_runs(project))
    temporary = run("dvc", "exp", "run", "--temp", "-n", "temporary", "-S", "train.iterations=4")
    assert stages_run(temporary) == ["train", "evaluate", "report"]
    run("dvc", "exp", "run", "--queue", "-n", "queued", "-S", "evaluate.max_detections=50")
    run("dvc", "queue", "start")
    for _ in range(240):
        if "Success" in (status := run("dvc", "queue", "status").stdout) or "Failed" in status:
            break
        time.sleep(0.5)
    assert "Success" in status, run("dvc", "queue", "logs", "queued", code=None).stdout
    names = [logged["about"]["name"] for logged in logged_runs(project)[before:]]
    assert names == ["train.iterations=4 (temporary)", "max_detections=50 (queued)"]
    assert run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("setting", "said", "kept"),
    [
        ("paste.n_p=0", "paste.n_p is 0; write a whole number of 1 or more", "data/composites"),
        ("foregrounds.keep_percent=130", "foregrounds.keep_percent is 130", "data/foregrounds"),
        ("+paste.np=3", "paste.np is 3, but there is no such parameter; did you mean n_p?", "data/composites"),
    ],
)
def test_bad_params_end_the_run_and_leave_everything(
    project: Path, run: Run, setting: str, said: str, kept: str
) -> None:
    before = {path: path.read_bytes() for path in (project / kept).rglob("*") if path.is_file()}
    failed = run("dvc", "exp", "run", "-S", setting, code=None)
    assert failed.returncode != 0
    assert said in failed.stderr
    assert {path: path.read_bytes() for path in (project / kept).rglob("*") if path.is_file()} == before
    run("git", "checkout", "-q", ".")
    assert stages_run(run("dvc", "repro")) == []


def test_a_misspelt_key_is_refused_by_dvc_itself(run: Run) -> None:
    assert "Could not override 'paste.np'" in run("dvc", "exp", "run", "-S", "paste.np=6", code=255).stderr


COMPOSING = ("paste", "paste/*/cutouts", ".work")
CLASSIFYING = ("classifier", "classifier/*/*", ".work")
TRAINING = ("train", "train/*/*", ".work")


@pytest.mark.parametrize(
    ("stage", "begun", "below", "stop"),
    [
        (*COMPOSING, signal.SIGKILL),
        (*CLASSIFYING, signal.SIGINT),
        (*TRAINING, signal.SIGINT),
        (*TRAINING, signal.SIGKILL),
    ],
)
def test_an_interrupted_stage_ends_with_the_same_bytes(
    project: Path, run: Run, stage: str, begun: str, below: str, stop: signal.Signals
) -> None:
    undisturbed = locked(project, stage)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["dvc", "repro", "--force", "--single-item", stage]
    with subprocess.Popen(
        command, cwd=project, env=environment, start_new_session=True, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None and not any((project / below).glob(begun)):
            time.sleep(0.005)
        os.killpg(process.pid, stop)
    assert process.returncode != 0, "the stage was done before it could be stopped"
    run("dvc", "repro", "--force", "--single-item", stage)
    assert locked(project, stage) == undisturbed
    run("git", "checkout", "-q", ".")
    assert stages_run(run("dvc", "repro")) == []


@pytest.mark.parametrize(
    ("stage", "kind"), [("prepare", "kill_stage"), ("proposals", "cut_file"), ("paste", "fill_disk")]
)
def test_a_disturbed_stage_goes_on_and_ends_with_the_same_bytes(project: Path, stage: str, kind: str) -> None:
    assert disturb(project, stage, kind, 4.0, np.random.default_rng(0)).wrong == ()


@pytest.mark.parametrize("kind", ["ssh", "s3"])
def test_a_clone_pulls_everything_and_has_nothing_to_compute(project: Path, tmp_path: Path, kind: str) -> None:
    if reason := KINDS[kind].lacking():
        pytest.skip(reason)
    here, folder = Machine(project), tmp_path / "server"
    folder.mkdir()
    with KINDS[kind].open(folder) as store:
        here.set_remote(store.settings() | VERIFIED)
        here.dvc("push")
        (project / ".dvc" / "config.local").unlink()
        there = here.clone(tmp_path / "clone")
        there.set_remote(store.settings() | VERIFIED)
        there.dvc("pull")
    assert (there.folder / "models" / "mask_rcnn").is_dir()
    said = there.dvc("repro")
    assert "Running stage" not in said
    assert "up to date" in said
    assert there.git("status", "--porcelain") == ""
