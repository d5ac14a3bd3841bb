"""The store in use: where MLflow keeps runs, files and models, whether it can be reached, and a client of it.

``MLFLOW_TRACKING_URI`` chooses the store. Without it the store is ``mlflow.db`` with ``mlartifacts/`` at the top of the
main repository, also for experiments that DVC runs in a workspace of their own. ``EMPASTE_TRACKING=off`` switches
recording off.
"""

import logging
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from filelock import FileLock

from empaste.errors import InputError, require_extra
from empaste.tracking.addresses import (
    REGISTRY_VARIABLE,
    TRACKING_VARIABLE,
    is_database_server,
    is_local,
    location,
    read_address,
    sqlite_address,
    sqlite_uri,
    without_password,
)

EXPERIMENT = "empaste"
"""The name of the MLflow experiment that holds all runs."""
SWITCH = "EMPASTE_TRACKING"
PATIENCE = "EMPASTE_TRACKING_SECONDS"
WAIT_SECONDS = 180
"""How long a stage waits for a server in all, unless `PATIENCE` says otherwise."""
LOCK_SECONDS = 300
"""How long a process waits while another one sets the store up."""
ANSWER_SECONDS = 3
"""How long a server may take to accept a connection."""
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306}
"""Where a server of each kind listens, if its address does not say."""


@dataclass(frozen=True)
class Store:
    """Where runs go: MLflow's URI, the place of artifacts (None: the server's own), and a lock for its first use.

    Models are registered in ``registry`` (None: in the same store).
    """

    uri: str
    artifacts: str | None
    lock: Path
    registry: str | None = None

    @property
    def database(self) -> Path | None:
        """The SQLite file of the store; None for a folder or a server."""
        file = self.lock.with_suffix("")
        return file if self.uri.partition("?")[0] == sqlite_uri(file) else None

    @property
    def shown(self) -> str:
        """The store as messages name it: a file by its path, an address without its password."""
        return str(self.database or without_password(self.uri))


def is_enabled() -> bool:
    """Whether runs are recorded: ``EMPASTE_TRACKING`` is ``on`` (the default) or ``off``."""
    value = os.environ.get(SWITCH, "on")
    if value not in ("on", "off"):
        raise InputError(f"{SWITCH} is {value!r}; choose from on, off, or unset it")
    return value == "on"


def wait_seconds(store: Store) -> float | None:
    """How long a stage may wait for ``store``, all requests together; None, which is any time, where it is local."""
    if all(map(is_local, filter(None, (store.uri, store.registry)))):
        return None
    value = os.environ.get(PATIENCE, str(WAIT_SECONDS))
    if not value.isdecimal() or int(value) < 1:
        raise InputError(f"{PATIENCE} is {value!r}; set it to a whole number of seconds from 1 on, or unset it")
    return float(value)


def find_store() -> Store:
    """The store in use: the one that ``MLFLOW_TRACKING_URI`` names, else SQLite in the main repository.

    `InputError` where an address cannot hold a record: of no known form, in memory, or a folder that MLflow refuses.
    """
    root = main_repository()
    default = root / "mlflow.db"
    uri, place = read_address(TRACKING_VARIABLE, root) or sqlite_address(default)
    registry = read_address(REGISTRY_VARIABLE, root)
    beside = place or default
    keeps_files_here = place is not None or is_database_server(uri)
    return Store(
        uri=uri,
        artifacts=location(beside.parent / "mlartifacts") if keeps_files_here else None,
        lock=beside.with_name(f"{beside.name}.lock"),
        registry=registry.uri if registry else None,
    )


def main_repository() -> Path:
    """The top of the main repository.

    That is ``DVC_ROOT``, else the nearest folder upwards that DVC manages, else the working directory.
    """
    if "DVC_ROOT" in os.environ:
        return Path(os.environ["DVC_ROOT"])
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def connect(store: Store) -> tuple[Any, str]:
    """A client of ``store`` and the id of the experiment, which is created or restored where necessary.

    MLflow creates or migrates the database when it first opens it. Two processes that do so at once break a SQLite
    store, hence the lock. `ConnectionError` where `recording_trouble` knows why it cannot work, without a further wait.
    """
    if trouble := recording_trouble(store):
        raise ConnectionError(trouble)
    _set_defaults(store)
    from mlflow import MlflowClient

    store.lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(store.lock, timeout=LOCK_SECONDS):
        client = MlflowClient(tracking_uri=store.uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            return client, _create_experiment(client, store)
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment.experiment_id)
        return client, experiment.experiment_id


def _create_experiment(client: Any, store: Store) -> str:
    """The id of the new experiment, or of the one that another machine has created meanwhile."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(EXPERIMENT, artifact_location=store.artifacts))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client.get_experiment_by_name(EXPERIMENT).experiment_id)


def _set_defaults(store: Store) -> None:
    """MLflow sends no telemetry, prints no set-up messages and does not retry for minutes, unless the user chose so.

    A silent server is given up after a minute: what it does not take is kept. MLflow prints no address that holds a
    password, and urllib3 does not report every attempt: a failure is reported once.
    """
    if without_password(store.uri) != store.uri:
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


@contextmanager
def active(store: Store) -> Iterator[None]:
    """MLflow's fluent functions work on ``store``; afterwards the variables that they set and read are as before."""
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


@contextmanager
def clear_errors(store: Store) -> Iterator[None]:
    """What goes wrong in ``store`` becomes an `InputError` that names it."""
    try:
        yield
    except tracking_errors() as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"MLflow's store {store.shown} cannot be used: {_reason(error, store)}") from error


def _reason(error: Exception, store: Store) -> str:
    """The first line of ``error``'s message that says why, without a password that the store's address may hold."""
    text = str(error).strip()
    for address in filter(None, (store.uri, store.registry)):
        text = text.replace(address, without_password(address))
        if caller := re.search(r"//([^/\s]*)@", address):
            text = text.replace(f"{caller[1]}@", "…@")
    lines = (line for line in text.splitlines() if not line.startswith("(raised as a result of"))  # SQLAlchemy's remark
    return next(lines, type(error).__name__)


def tracking_errors() -> tuple[type[Exception], ...]:
    """What MLflow raises where its store fails or a database's driver is missing, and our own `InputError`."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, RequestException, SQLAlchemyError, CommandError, ImportError, OSError, InputError


def recording_trouble(store: Store) -> str | None:
    """Why no run can be recorded in ``store``, found without MLflow; None where nothing speaks against it."""
    return _file_trouble(store.database) if store.database else _server_trouble(store.uri)


def _file_trouble(database: Path) -> str | None:
    """Why ``database`` cannot take a record; None where it can, or where it can be created."""
    if database.exists():
        with database.open("rb") as stream:
            header = stream.read(16)
        if header not in (b"", b"SQLite format 3\0"):
            return "the file is no SQLite database"
    nearest = next(place for place in (database, *database.parents) if place.exists())
    return None if os.access(nearest, os.W_OK) else f"{nearest} cannot be written"


def _server_trouble(uri: str) -> str | None:
    """Why nothing answers at a server's address; None where something does, or where that cannot be told from here."""
    address = urlsplit(uri)
    scheme, _, driver = address.scheme.partition("+")
    if scheme == "postgresql" and driver in ("", "psycopg") and find_spec("psycopg") is None:
        return str(require_extra("psycopg", "postgresql"))
    behind_proxy = scheme in getproxies() and address.hostname and not proxy_bypass(address.hostname)
    if scheme not in PORTS or not address.hostname or behind_proxy:
        return None
    try:
        port = address.port or PORTS[scheme]
        with socket.create_connection((address.hostname, port), timeout=ANSWER_SECONDS):
            return None
    except (OSError, ValueError) as error:
        return f"nothing answers ({error})"


def loading_trouble(store: Store) -> str | None:
    """What keeps a person from loading a registered model of ``store``, and what to do; None where nothing does."""
    folder = unquote(store.artifacts or "").removeprefix("file://")
    if not re.search(r"%[0-9A-Fa-f]{2}", folder):
        return None
    return (
        f"MLflow loads no model straight out of a path that holds %20 or the like ({folder}); "
        f"let it make a copy: mlflow.pyfunc.load_model(..., dst_path=FOLDER), or set {TRACKING_VARIABLE} elsewhere"
    )


def ui_command(port: int = 5000) -> list[str]:
    """The command that serves MLflow's pages on the store in use; `InputError` where that is already a server.

    MLflow's job workers stay off: nothing here uses them, and they take seven processes.
    """
    store = find_store()
    if store.artifacts is None:
        raise InputError(
            f"{TRACKING_VARIABLE} is {store.shown}: open that address in a browser, "
            "or unset the variable for the local store"
        )
    lean = ["env", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false", "MLFLOW_DISABLE_TELEMETRY=true"]
    serve = [*lean, sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"]
    places = ["--backend-store-uri", store.uri, "--default-artifact-root", store.artifacts]
    return [*serve, *places, *(["--registry-store-uri", store.registry] if store.registry else [])]


def runs_address(port: int = 5000) -> str:
    """Where `ui_command` shows the runs as charts. `InputError` where the store in use does not open.

    MLflow's own first page is for language models, and shows no run before *Model training* is chosen.
    """
    store = find_store()
    with clear_errors(store):
        _, experiment_id = connect(store)
    view = "runs?workflowType=machine_learning&compareRunsMode=CHART"
    return f"http://127.0.0.1:{port}/#/experiments/{experiment_id}/{view}"
