"""The Ray cluster in use, and whether its nodes can do this stage's work: same code, packages and folders.

``RAY_ADDRESS`` names an existing cluster, as ``host:port`` or ``auto``. Without it a stage starts one on this machine,
which ends with the stage.
"""

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import platform
import socket
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

import empaste
from empaste.errors import InputError, first_line, require_extra
from empaste.scaleout.workers import VARIABLE as WORKERS
from empaste.scaleout.workers import Network, workers_asked_for

VARIABLE = "RAY_ADDRESS"
ANSWER_SECONDS = 5
"""How long a cluster may take to accept a connection; Ray itself would try for minutes."""
OBJECT_STORE_BYTES = 2**30
"""Memory for results on their way, of a cluster that a stage starts; few are, see `ray_engine`."""
PYTHON, CODE = "Python", "EM-Paste's code"


def find_cluster() -> str:
    """The address of the cluster in use; ``local`` is one that a stage starts.

    `InputError` where Ray is not installed, or no such cluster answers.
    """
    if importlib.util.find_spec("ray") is None:
        raise require_extra("ray", "ray")
    address = os.environ.get(VARIABLE) or "local"
    _check_answers(address)
    return address


def connect() -> Any:
    """Ray, connected to the cluster in use. `InputError` as for `find_cluster`."""
    address = find_cluster()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    import ray

    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    own: dict[str, Any] = {"object_store_memory": OBJECT_STORE_BYTES, "include_dashboard": False}
    try:
        ray.init(address, **quiet, **(own if address == "local" else {}))
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise InputError(f"{VARIABLE} is {address!r}, which cannot be used ({first_line(error)}); {_REMEDY}") from error
    return ray


_REMEDY = (
    "start a cluster with: ray start --head, give its address as host:port or auto, or unset the variable, which "
    "starts one on this machine"
)


def _check_answers(address: str) -> None:
    """`InputError` where ``address`` is of another form than Ray's own, or no one listens there."""
    if address in ("local", "auto"):
        return
    host, colon, port = address.rpartition(":")
    if "/" in address or not (colon and host and port.isdecimal()):
        raise InputError(
            f"{VARIABLE} is {address!r}; write host:port or auto, and run the stage on a machine of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"{VARIABLE} is {address!r}, where no Ray cluster answers ({error}); {_REMEDY}") from error


def resources(ray: Any, network: Network | None) -> dict[str, int]:
    """What one worker is given: a core, or a GPU where its network's device is one and there are some, or as many cores
    as the network has threads; all of a node's where none has so many.
    """
    if network is None:
        return {"num_cpus": 1}
    if network.device != "cpu" and any(node.get("GPU") for node in _nodes(ray)):
        return {"num_cpus": 1, "num_gpus": 1}
    most = max((int(node.get("CPU", 0)) for node in _nodes(ray)), default=0)
    return {"num_cpus": max(1, min(network.num_threads or most, most))}


def places(ray: Any, each: Mapping[str, int], what: str) -> int:
    """How many workers to start that take ``each``: what ``EMPASTE_WORKERS`` says, else all that the nodes hold.

    `InputError` where no node holds one.
    """
    keys = {"num_cpus": "CPU", "num_gpus": "GPU"}
    fits = [min(int(node.get(keys[name], 0) // number) for name, number in each.items()) for node in _nodes(ray)]
    if not sum(fits):
        wanted = " and ".join(f"{number} {keys[name]}" for name, number in each.items())
        raise InputError(
            f"{what}: a worker takes {wanted}, which no node of the Ray cluster has ({_shown_nodes(ray)}); choose "
            "another device, or start a node that has it"
        )
    return workers_asked_for() or sum(fits)


def _nodes(ray: Any) -> list[dict[str, float]]:
    """What each living node has in all."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _shown_nodes(ray: Any) -> str:
    shown = [", ".join(f"{node.get(name, 0):g} {name}" for name in ("CPU", "GPU")) for node in _nodes(ray)]
    return "; ".join(shown)


def environment() -> dict[str, str]:
    """What a worker needs to run this stage's code where it stands."""
    source = Path(empaste.__file__).parents[1]
    paths = [str(source), str(Path.cwd()), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {name: value for name, value in os.environ.items() if name.startswith("EMPASTE_")}
    alone = {"EMPASTE_ENGINE": "local", WORKERS: "1", "TQDM_DISABLE": "1"}  # a map in a worker is one of one process
    # One thread of NumPy's, as the stage has: see ``stages``.
    return ours | alone | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What decides over the bytes that this process writes: Python, the packages that the project needs, its code."""
    needed = importlib.metadata.requires("empaste") or []
    names = [one.name for one in map(Requirement, needed) if one.marker is None or one.marker.evaluate({"extra": ""})]
    return {PYTHON: platform.python_version(), CODE: _digest()} | {name: _version(name) for name in names}


def enter(folder: str, wanted: Mapping[str, str]) -> None:
    """This process works in ``folder``. `InputError` where it is not there, or `versions` are others than ``wanted``.

    For workers: the message names the node.
    """
    node = socket.gethostname()
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"the Ray node {node} has no folder {folder} ({error.strerror}); keep the project in a folder that all "
            "nodes share, or a clone of it with pulled data at the same path"
        ) from error
    for name, version in wanted.items():
        found = platform.python_version() if name == PYTHON else _digest() if name == CODE else _version(name)
        if found != version:
            raise InputError(
                f"the Ray node {node} has {name} {found}, this machine {version}, so it could give other results; run "
                "`git pull` and `make setup` there, and start the node from that environment"
            )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


@lru_cache(maxsize=1)
def _digest() -> str:
    """A short digest of the package's code."""
    source = Path(empaste.__file__).parent
    digest = hashlib.sha256()
    for file in sorted(source.rglob("*.py")):
        digest.update(file.relative_to(source).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
