"""MLflow keeps one run per run of the pipeline: all parameters and metrics, figures, the page, the model.

Nothing here can change an output, and no stage reads from it. ``MLFLOW_TRACKING_URI`` chooses the store; without it the
store is ``mlflow.db`` with ``mlartifacts/`` at the top of the main repository, also for the experiments that DVC runs
in a workspace of their own (`empaste.stores`). ``EMPASTE_TRACKING=off`` switches it off.

The last stage records the run; a long training may open it earlier with `live_curve`. Where DVC restores every stage of
an experiment from its cache no process runs, so no run appears here.
"""

import errno
import hashlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock

from empaste.errors import InputError
from empaste.stores import REGISTRY_VARIABLE, TRACKING_VARIABLE, Store, find_store, loading_trouble, without_password

EXPERIMENT = "empaste"
PIPELINE_TAG = "empaste.pipeline"
HOST_TAG = "empaste.host"
PROCESS_TAG = "empaste.process"
MODEL_NAME = "empaste-mask-rcnn"
"""What the registered model is called; every run adds a version."""
MAX_VALUE = 6000
"""Characters of a parameter's value that MLflow takes."""
MAX_NAME = 250
"""Characters of a parameter's or a metric's name that MLflow takes."""
CURVES = "curves/"
"""The folder in which MLflow shows what changes by step."""

Curve = Mapping[str, Sequence[float]]
"""Columns of one length; the first holds the steps."""


@dataclass(frozen=True)
class Record:
    """What one run of the pipeline leaves in MLflow; names are flat and dotted."""

    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    headline: str
    curves: Mapping[str, Curve] = field(default_factory=dict)
    files: Sequence[tuple[Path, str]] = ()
    """Files and folders, each with the artifact folder that it goes to ("" for the top)."""
    figures: Mapping[str, bytes] = field(default_factory=dict)
    """Images by file name."""
    detector: tuple[Path, bytes] | None = None
    """The folder of a trained detector and the file's bytes of an example image: becomes a model that can be served."""


class LogCurve(Protocol):
    """Take the values of one step."""

    def __call__(self, step: int, values: Mapping[str, float]) -> None: ...


def enabled() -> bool:
    """Whether runs are recorded: ``EMPASTE_TRACKING`` is ``on`` (the default) or ``off``."""
    value = os.environ.get("EMPASTE_TRACKING", "on")
    if value not in ("on", "off"):
        raise InputError(f"EMPASTE_TRACKING is {value!r}; choose from on, off, or unset it")
    return value == "on"


def ui_command(port: int = 5000) -> list[str]:
    """The command that serves MLflow's pages on the store in use; `InputError` where that is a server already.

    Without MLflow's job workers, which nothing here uses and which take seven processes.
    """
    store = find_store()
    if store.artifacts is None:
        raise InputError(
            f"MLFLOW_TRACKING_URI is {without_password(store.uri)}: open that address in a browser, "
            "or unset the variable for the local store"
        )
    lean = ["env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true"]
    serve = [*lean, sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    return [*serve, *places, *(["--registry-store-uri", store.registry] if store.registry else [])]


def record_pipeline(record: Record, params_file: Path = Path("params.yaml")) -> str | None:
    """The id of the finished MLflow run that holds ``record``; None, and nothing done, where tracking is off.

    Continues the run that `live_curve` opened in the same run of the pipeline. Runs that killed pipelines of this
    machine left open are closed as KILLED. `InputError` where the store cannot be reached.
    """
    if not enabled():
        return None
    store = find_store()
    with _clear_errors(store):
        client, experiment_id = _connect(store)
        run_id = _open_run(client, experiment_id, params_file)
        try:
            _log_record(client, run_id, record, store)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return run_id


@contextmanager
def live_curve(name: str, params_file: Path = Path("params.yaml"), every_seconds: float = 20.0) -> Iterator[LogCurve]:
    """A function that shows a training's curve ``name`` in MLflow while it runs; it never ends the training.

    Points are sent together, at most once in ``every_seconds``. After a first failure, which is printed as a warning,
    and where tracking is off or MLflow is not installed (a machine that only trains), the function does nothing.
    """
    live = _LiveCurve(name, params_file, every_seconds)
    try:
        yield live.log
    finally:
        live.send()


class _LiveCurve:
    """Points that wait to be sent, and the run that they go to, opened by the first sending."""

    def __init__(self, name: str, params_file: Path, every_seconds: float) -> None:
        self.name, self.params_file, self.every_seconds = name, params_file, every_seconds
        self.waiting: list[Any] = []
        self.run: tuple[Any, str] | None = None
        self.last_sent = -math.inf
        self.broken = find_spec("mlflow") is None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if self.broken:
            return
        self.waiting.append((step, dict(values)))
        if time.monotonic() - self.last_sent >= self.every_seconds:
            self.send()

    def send(self) -> None:
        if self.broken or not self.waiting:
            return
        try:
            if not enabled():
                self.broken = True
                return
            self._send()
        except _tracking_errors() as error:
            self.broken = True
            print(f"WARNING: the curve {self.name} is no longer shown live in MLflow: {error}", file=sys.stderr)
        self.waiting, self.last_sent = [], time.monotonic()

    def _send(self) -> None:
        if self.run is None:
            store = find_store()
            with _clear_errors(store):
                client, experiment_id = _connect(store)
                self.run = client, _open_run(client, experiment_id, self.params_file)
        client, run_id = self.run
        points = [(f"{self.name}.{key}", step, value) for step, row in self.waiting for key, value in row.items()]
        _log_points(client, run_id, [(f"{CURVES}{key}", step, value) for key, step, value in points])


def _connect(store: Store) -> tuple[Any, str]:
    """A client of ``store`` and the id of the experiment, made where it is missing.

    Two processes that set a new SQLite store up at once break it, hence the lock.
    """
    _quieten()
    from mlflow import MlflowClient

    store.lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(store.lock, timeout=300):
        client = MlflowClient(tracking_uri=store.uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return client, client.create_experiment(EXPERIMENT, artifact_location=store.artifacts)
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return client, experiment.experiment_id


def _quieten() -> None:
    """Settings that hold unless the user set them: no telemetry, no set-up chatter, no minutes of retries."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


@contextmanager
def _clear_errors(store: Store) -> Iterator[None]:
    """An `InputError` that names the store for whatever goes wrong in it; a full disk stays what it is."""
    try:
        yield
    except _tracking_errors() as error:
        if isinstance(error, InputError) or getattr(error, "errno", None) == errno.ENOSPC:
            raise
        raise InputError(
            f"MLflow's store {without_password(store.uri)} cannot be used: {_reason(error, store)}\n"
            "Start the server or correct MLFLOW_TRACKING_URI and run: dvc repro; "
            "or go on without a record: EMPASTE_TRACKING=off dvc repro"
        ) from error


def _reason(error: Exception, store: Store) -> str:
    """The first line of what ``error`` says, without the password that the store's address may hold."""
    text = str(error).strip()
    for address in filter(None, (store.uri, store.registry)):
        text = text.replace(address, without_password(address))
        if caller := re.search(r"//([^/\s]*)@", address):
            text = text.replace(f"{caller[1]}@", "…@")
    return text.splitlines()[0] if text else type(error).__name__


def _tracking_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises where its store fails or a database's driver is missing, and what we make of it."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, RequestException, SQLAlchemyError, CommandError, ImportError, OSError, InputError


def _open_run(client: Any, experiment_id: str, params_file: Path) -> str:
    """The id of the open run of this run of the pipeline, new where there is none; dead ones are closed."""
    key, process = _pipeline_key(params_file), _describe(_pipeline_process())
    mine = f"tags.`{HOST_TAG}` = '{_hostname()}' and attributes.status = 'RUNNING'"
    for run in client.search_runs([experiment_id], mine, max_results=1000):
        if run.data.tags.get(PIPELINE_TAG) == key and run.data.tags.get(PROCESS_TAG) == process:
            return run.info.run_id
        if not _is_alive(run.data.tags.get(PROCESS_TAG, "")):
            client.set_terminated(run.info.run_id, "KILLED")
    tags = {PIPELINE_TAG: key, HOST_TAG: _hostname(), PROCESS_TAG: process, **_git_tags(), **_experiment_tags()}
    return client.create_run(experiment_id, tags=tags, run_name=_run_name(tags, params_file)).info.run_id


def _pipeline_key(params_file: Path) -> str:
    """What tells runs of the pipeline apart: DVC's experiment and its baseline, else the parameters and the commit."""
    experiment = os.environ.get("DVC_EXP_NAME")
    if experiment:
        return f"{experiment} {os.environ.get('DVC_EXP_BASELINE_REV', '')}"
    return f"{_params_hash(params_file)} {_git('rev-parse', 'HEAD')}"


def _params_hash(params_file: Path) -> str:
    return hashlib.sha256(params_file.read_bytes() if params_file.exists() else b"").hexdigest()[:12]


def _run_name(tags: Mapping[str, str], params_file: Path) -> str:
    """DVC's name of the experiment, else the commit and the parameters."""
    return os.environ.get("DVC_EXP_NAME") or f"{tags['git.commit'][:7] or 'no-commit'}-{_params_hash(params_file)[:6]}"


def _experiment_tags() -> dict[str, str]:
    names = {"DVC_EXP_NAME": "dvc.experiment", "DVC_EXP_BASELINE_REV": "dvc.baseline"}
    return {tag: os.environ[variable] for variable, tag in names.items() if variable in os.environ}


def _git_tags() -> dict[str, str]:
    """The commit, and which tracked files differ from it, without those that runs change (lock, parameters)."""
    commit = _git("rev-parse", "HEAD")
    changed = _git("diff", "--name-only", "HEAD", "--", ".", ":!dvc.lock", ":!params.yaml").split()
    dirty = ", ".join(changed)[:MAX_VALUE] if changed else "false"
    return {
        "git.commit": commit,
        "git.dirty": dirty,
        "mlflow.source.git.commit": commit,
        "mlflow.source.name": "dvc.yaml",
    }


def _git(*arguments: str) -> str:
    """What git prints, stripped; empty where there is no git, repository or commit."""
    try:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def _hostname() -> str:
    return re.sub(r"[^\w.-]", "_", socket.gethostname())


def _pipeline_process() -> Any:
    """The process that runs the pipeline: inside a stage DVC's, which started it through a shell; else this one."""
    import psutil

    shells = {"sh", "bash", "dash", "zsh", "fish", "ksh", "busybox"}
    here = psutil.Process()
    if "DVC_STAGE" not in os.environ:
        return here
    return next((parent for parent in here.parents() if parent.name() not in shells), here)


def _describe(process: Any) -> str:
    """Id and start time, since ids are used again."""
    return f"{process.pid} {process.create_time():.0f}"


def _is_alive(description: str) -> bool:
    """Whether the process of a tag still runs; a tag that is none counts as dead."""
    import psutil

    try:
        pid, started = description.split()
        return abs(psutil.Process(int(pid)).create_time() - float(started)) <= 5
    except (ValueError, psutil.NoSuchProcess):
        return False


def _log_record(client: Any, run_id: str, record: Record, store: Store) -> None:
    _log_params(client, run_id, record.params)
    _log_points(client, run_id, [(name, 0, value) for name, value in record.metrics.items()])
    for name, curve in record.curves.items():
        _log_curve(client, run_id, name, curve)
    client.set_tag(run_id, "headline", record.headline)
    client.set_tag(run_id, "mlflow.note.content", record.headline)
    for path, folder in record.files:
        log = client.log_artifacts if path.is_dir() else client.log_artifact
        log(run_id, str(path), folder or None)
    _log_figures(client, run_id, record.figures)
    if record.detector:
        _log_detector(store, run_id, *record.detector)


def _log_detector(store: Store, run_id: str, folder: Path, example: bytes) -> None:
    """The model is logged in ``store`` by MLflow's own fluent functions, which know one store at a time."""
    from empaste.serving import log_served_detector

    if trouble := loading_trouble(store):
        print(f"WARNING: {trouble}", file=sys.stderr)
    with _chosen(store):
        log_served_detector(run_id, folder, example, MODEL_NAME)


@contextmanager
def _chosen(store: Store) -> Iterator[None]:
    """MLflow's fluent functions work on ``store``; the variables, which they set and read, are as before afterwards."""
    import mlflow

    before = {name: os.environ.get(name) for name in (TRACKING_VARIABLE, REGISTRY_VARIABLE)}
    tracking = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store.uri)
    if store.registry:
        os.environ[REGISTRY_VARIABLE] = store.registry
    try:
        yield
    finally:
        mlflow.set_tracking_uri(tracking)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def _log_params(client: Any, run_id: str, params: Mapping[str, Any]) -> None:
    """Every parameter, 100 at a time, which is what a store takes; lists as JSON, endless values cut off."""
    from mlflow.entities import Param

    entries = [Param(_name(name), _short(value)) for name, value in params.items()]
    for start in range(0, len(entries), 100):
        client.log_batch(run_id, params=entries[start : start + 100])


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def _log_curve(client: Any, run_id: str, name: str, curve: Curve) -> None:
    """Every point of ``curve`` that `live_curve` has not sent yet."""
    steps, *columns = curve.items()
    for column, values in columns:
        key = f"{CURVES}{name}.{column}"
        known = {metric.step for metric in client.get_metric_history(run_id, _name(key))}
        points = zip(steps[1], values, strict=True)
        _log_points(client, run_id, [(key, int(step), value) for step, value in points if int(step) not in known])


def _log_points(client: Any, run_id: str, points: Sequence[tuple[str, int, float]]) -> None:
    """Every finite point (name, step, value), 500 at a time."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    entries = [Metric(_name(name), float(value), now, step) for name, step, value in points if math.isfinite(value)]
    for start in range(0, len(entries), 500):
        client.log_batch(run_id, metrics=entries[start : start + 500])


def _log_figures(client: Any, run_id: str, figures: Mapping[str, bytes]) -> None:
    if not figures:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, data in figures.items():
            (Path(folder) / name).write_bytes(data)
        client.log_artifacts(run_id, folder, "figures")


FOREIGN = re.compile(r"[^\w\-. :]|^[. ]| $|_(?=u[0-9A-F_])")
"""What a name in MLflow does not hold as it is; see `_name`."""


def _name(name: str) -> str:
    """``name`` as MLflow takes it: ordinary names as they are, and two names never under one.

    MLflow takes letters and digits of any script and ``_-.: ``. Another character becomes its code point: C+ is
    ``C_u2B_``. So do a slash, since it opens a folder (`CURVES` alone is meant as one), a dot or a blank at the start,
    a blank at the end, and an underscore before what would read as a code point. Of a name that has `MAX_NAME`
    characters or more then the rest gives way to a hash of the whole. Names that differ in case alone stay apart where
    the store compares letters as they are (SQLite, PostgreSQL, files on Linux).
    """
    folder = CURVES if name.startswith(CURVES) else ""
    own = name[len(folder) :]
    escaped = folder + (FOREIGN.sub(lambda found: f"_u{ord(found[0]):X}_", own) or "_u_")
    if len(escaped) < MAX_NAME:
        return escaped
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{escaped[: MAX_NAME - 1 - len(digest)]}_{digest}"
