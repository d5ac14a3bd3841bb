"""What one run of the pipeline is, so that several processes of it write into one run of MLflow.

Two processes belong to the same run of the pipeline if DVC's experiment and its baseline agree (without an experiment:
the parameters and the commit), and the same process on the same host started them. `open_run` finds or opens its run,
also long afterwards, for what could not be sent at once.
"""

import hashlib
import os
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from empaste.tracking.names import mlflow_value
from empaste.tracking.run_names import differing_params, run_name

PIPELINE_TAG = "empaste.pipeline"
HOST_TAG = "empaste.host"
PROCESS_TAG = "empaste.process"

SHELLS = frozenset(("sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"))
EXPERIMENT_VARIABLE, BASELINE_VARIABLE = "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV"
MAX_RUNS = 1000
START_TOLERANCE_SECONDS = 5
"""How far the start times of one process may lie apart: a tag holds whole seconds."""


@dataclass(frozen=True)
class PipelineRun:
    """A run of the pipeline, as its run of MLflow is found or created: tags that no other run has, name, more tags.

    ``begun`` is the time at which it was first to be recorded, in milliseconds.
    """

    identity: Mapping[str, str]
    name: str
    tags: Mapping[str, str]
    begun: int

    @property
    def key(self) -> str:
        """A name for files of this run."""
        return hashlib.sha256("\0".join(self.identity.values()).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def this_run(params_file: Path) -> PipelineRun:
    """The run of the pipeline that this process belongs to."""
    return PipelineRun(
        identity=identity_tags(params_file),
        name=run_name(params_file, _baseline(), os.environ.get(EXPERIMENT_VARIABLE)),
        tags=_git_tags() | _experiment_tags(),
        begun=now(),
    )


def now() -> int:
    """Milliseconds since 1970, as MLflow counts."""
    return int(time.time() * 1000)


def open_run(client: Any, experiment_id: str, run: PipelineRun, time_ms: int) -> Any:
    """MLflow's run of ``run`` that was not finished before ``time_ms``, created where there is none.

    That is the open one, one that was closed as KILLED, or one that ended with a record of that time or a later one.
    """
    here = " and ".join(f"tags.`{tag}` = '{run.identity[tag]}'" for tag in (HOST_TAG, PROCESS_TAG))
    for one in client.search_runs([experiment_id], here, max_results=MAX_RUNS, order_by=["attributes.start_time"]):
        finished_before = one.info.status == "FINISHED" and one.info.end_time < time_ms
        if run.identity.items() <= one.data.tags.items() and not finished_before:
            return one
    return client.create_run(experiment_id, run.begun, {**run.identity, **run.tags}, run.name)


def close_abandoned(client: Any, experiment_id: str) -> None:
    """Open runs of this host whose pipeline no longer runs are closed as KILLED."""
    open_here = f"tags.`{HOST_TAG}` = '{_host()}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment_id], open_here, max_results=MAX_RUNS):
        if not _is_alive(run.data.tags.get(PROCESS_TAG, "")):
            client.set_terminated(run.info.run_id, "KILLED")


def identity_tags(params_file: Path) -> dict[str, str]:
    """The tags that all processes of one run of the pipeline share, and no other run's."""
    return {
        PIPELINE_TAG: _pipeline_key(params_file),
        HOST_TAG: _host(),
        PROCESS_TAG: _describe(pipeline_process()),
    }


def _host() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname())


def _pipeline_key(params_file: Path) -> str:
    """DVC's experiment and its baseline, else the parameters and the commit."""
    if experiment := os.environ.get(EXPERIMENT_VARIABLE):
        return f"{experiment} {os.environ.get(BASELINE_VARIABLE, '')}"
    return f"{_params_hash(params_file)} {_commit()}"


def changes_of_this_run(params_file: Path) -> dict[str, Any]:
    """The parameters that differ from the commit at which this run of the pipeline began, by dotted name."""
    return differing_params(params_file, _baseline())


def _baseline() -> str:
    """An experiment's baseline, else the commit that is checked out."""
    return os.environ.get(BASELINE_VARIABLE) or "HEAD"


def _params_hash(params_file: Path) -> str:
    return hashlib.sha256(params_file.read_bytes() if params_file.exists() else b"").hexdigest()[:12]


def _experiment_tags() -> dict[str, str]:
    names = {EXPERIMENT_VARIABLE: "dvc.experiment", BASELINE_VARIABLE: "dvc.baseline"}
    return {tag: os.environ[variable] for variable, tag in names.items() if variable in os.environ}


def _git_tags() -> dict[str, str]:
    """The commit, and the tracked files that differ from it, without those that runs change (lock, parameters)."""
    commit = _commit()
    changed = changed_files([".", ":!dvc.lock", ":!params.yaml"])
    return {
        "git.commit": commit,
        "git.dirty": mlflow_value(", ".join(changed) or "false"),
        "mlflow.source.git.commit": commit,
        "mlflow.source.name": "dvc.yaml",
    }


def changed_files(paths: Sequence[str] = ()) -> list[str]:
    """The tracked files, of ``paths`` (as git takes them) or all, that differ from the commit that is checked out.

    None where there is no git, no repository or no commit.
    """
    return [name for name in _git("diff", "--name-only", "-z", "HEAD", "--", *paths).split("\0") if name]


def _commit() -> str:
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str:
    """What git prints, stripped; empty where there is no git, no repository or no commit."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, check=False)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace").strip()


def pipeline_process() -> Any:
    """The process that runs the pipeline: inside a stage DVC, which started it through a shell; else this process.

    This process, too, where those that started it have ended, or may not be looked at.
    """
    import psutil

    here = psutil.Process()
    if "DVC_STAGE" not in os.environ:
        return here
    try:
        return next((parent for parent in here.parents() if parent.name() not in SHELLS), here)
    except psutil.Error:
        return here


def _describe(process: Any) -> str:
    """Id and start time, because the system reuses ids."""
    return f"{process.pid} {process.create_time():.0f}"


def _is_alive(description: str) -> bool:
    """Whether the process that a tag describes still runs; False for a tag of another form."""
    import psutil

    try:
        pid, started = description.split()
        return bool(abs(psutil.Process(int(pid)).create_time() - float(started)) <= START_TOLERANCE_SECONDS)
    except (ValueError, psutil.NoSuchProcess):
        return False
