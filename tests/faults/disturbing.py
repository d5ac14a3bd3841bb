"""One stage disturbed while it runs, then run again: everything must be as if nothing had happened."""

import contextlib
import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from empaste.artifacts.work import WORK, read_pipeline
from empaste.doctor.repository import outputs_of

POLL_SECONDS = 0.02
PATIENCE_SECONDS = 600
DVC_SECONDS = 4.0
"""About what DVC takes until its stage runs."""
HANGS = f"it did not end in {PATIENCE_SECONDS} s"
Contents = Mapping[str, str]
"""By path, the SHA-256 of every file of a stage's outputs."""


class Outcome(NamedTuple):
    """What a disturbance did, and what was wrong afterwards; nothing should be."""

    hit: bool
    """Whether the stage failed of it; it may have been over before, or not have met it."""
    went_on: bool
    """Whether the second run found finished work."""
    wrong: tuple[str, ...]


class Disturbed(NamedTuple):
    """How a run of a stage ended: exit code, and what it said on stderr."""

    code: int
    said: str


def disturb(project: Path, stage: str, kind: str, seconds: float, rng: np.random.Generator) -> Outcome:
    """The outcome of one disturbance of ``kind`` at a random moment of ``stage``, which usually takes ``seconds``.

    ``project`` holds a finished run, and does so again afterwards.
    """
    reference = contents(project, stage)
    first = KINDS[kind](project, stage, seconds, rng)
    hit, wrong = first.code != 0, _partial(project, stage, reference)
    if "Traceback" in first.said or first.said == HANGS:
        wrong += [first.said[-300:]]
    if not hit and contents(project, stage) != reference:
        wrong += ["a run that said it succeeded wrote something else"]
    second = finish(start(project, stage))
    if second.code:
        wrong += [f"the next run failed: {second.said[-300:]}"]
    if contents(project, stage) != reference:
        wrong += ["the next run wrote something else"]
    if left := list((project / WORK / stage).glob("*")):
        wrong += [f"unfinished work is left: {left}"]
    return Outcome(hit, "going on" in second.said, tuple(wrong))


def start(project: Path, stage: str, largest_file: int | None = None) -> subprocess.Popen[str]:
    """The stage begun in a session of its own; no file can grow over ``largest_file`` bytes, as on a full disk."""
    limit = None if largest_file is None else lambda: _limit_files(largest_file)
    return _start(project, [sys.executable, "-B", "-m", f"stages.{stage}"], limit)


def _start(project: Path, command: Sequence[str], before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=project, env=_environment(project), start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, preexec_fn=before,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> Disturbed:
    """What became of ``process``; nothing of its session is left."""
    try:
        said = process.communicate(timeout=PATIENCE_SECONDS)[1]
    except subprocess.TimeoutExpired:
        said = HANGS
    kill_session(process)
    return Disturbed(process.wait(), said)


def contents(project: Path, stage: str) -> Contents:
    """The files of the outputs of ``stage`` that are there."""
    files = [file for out in outputs(stage) for file in _files(project / out)]
    return {str(file.relative_to(project)): hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def outputs(stage: str) -> list[str]:
    """What ``dvc.yaml`` says that ``stage`` writes, metrics and plots included."""
    return list(outputs_of(read_pipeline()[stage]))


def kill_session(process: subprocess.Popen[str]) -> None:
    """Every process of the session that ``process`` began is gone, without a word."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _partial(project: Path, stage: str, reference: Contents) -> list[str]:
    """The outputs that are there and are not whole."""
    wrong = []
    for out in outputs(stage):
        of_out = {path: digest for path, digest in reference.items() if Path(path).is_relative_to(out)}
        there = {str(file.relative_to(project)) for file in _files(project / out)}
        found = {path: digest for path, digest in contents(project, stage).items() if path in there}
        if found and found != of_out:
            wrong.append(f"{out} is there and not whole")
    return wrong


def _files(path: Path) -> list[Path]:
    return [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path] if path.exists() else []


def _environment(project: Path) -> dict[str, str]:
    path = os.pathsep.join([str(project / "src"), str(project)])
    return os.environ | {"PYTHONPATH": path, "EMPASTE_TRACKING": "off", "EMPASTE_WORKERS": "2"}


def _limit_files(largest: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


def _wait(process: subprocess.Popen[str], seconds: float) -> None:
    """``seconds`` are over, or ``process`` is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        time.sleep(POLL_SECONDS)


def kill_stage(project: Path, stage: str, seconds: float, rng: np.random.Generator) -> Disturbed:
    """The stage and its workers are killed."""
    process = start(project, stage)
    _wait(process, rng.uniform(0, seconds))
    kill_session(process)
    return finish(process)


def kill_worker(project: Path, stage: str, seconds: float, rng: np.random.Generator) -> Disturbed:
    """One process that the stage began is killed, where it has begun any; not Python's own, which tracks resources."""
    process = start(project, stage)
    _wait(process, rng.uniform(0, seconds))
    children = [one for one in _children(process) if not _tracks_resources(one)]
    if children:
        victim = children[int(rng.integers(len(children)))]
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    return finish(process)


def _children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that ``process`` and its children have begun, while it runs."""
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def _tracks_resources(process: psutil.Process) -> bool:
    """Whether it is a helper of `multiprocessing` that holds no work, and whose end Python answers with tracebacks."""
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def fill_disk(project: Path, stage: str, seconds: float, rng: np.random.Generator) -> Disturbed:  # noqa: ARG001
    """No file can grow over a random size: writes fail in the kernel, in whichever library, as on a full disk."""
    sizes = [file.stat().st_size for out in outputs(stage) for file in _files(project / out)]
    return finish(start(project, stage, int(rng.integers(1, max(sizes)))))


def cut_file(project: Path, stage: str, seconds: float, rng: np.random.Generator) -> Disturbed:
    """The stage is killed, and a file of its unfinished work is cut at a random byte, as a power cut may do."""
    disturbed = kill_stage(project, stage, seconds, rng)
    files = sorted(file for file in _files(project / WORK / stage) if file.stat().st_size)
    if files:
        file = files[int(rng.integers(len(files)))]
        os.truncate(file, int(rng.integers(file.stat().st_size)))
    return disturbed


def kill_dvc(project: Path, stage: str, seconds: float, rng: np.random.Generator) -> Disturbed:
    """DVC alone is killed, so that its stage runs on; and asked again for the same stage at once."""
    dvc = [str(Path(sys.executable).with_name("dvc")), "repro", "--quiet", "--force", "--single-item", stage]
    process = _start(project, dvc)
    _wait(process, rng.uniform(0, DVC_SECONDS + seconds))
    process.kill()
    again = _start(project, dvc)
    said = again.communicate(timeout=PATIENCE_SECONDS)[1]
    _wait_for_session(process)
    return Disturbed(process.wait(), said)


def _wait_for_session(process: subprocess.Popen[str]) -> None:
    """All that ``process`` began has ended."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until and any(_in_session(one, process.pid) for one in psutil.process_iter()):
        time.sleep(POLL_SECONDS)
    kill_session(process)


def _in_session(one: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(one.pid) == session and one.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


KINDS = {
    "kill_stage": kill_stage,
    "kill_worker": kill_worker,
    "fill_disk": fill_disk,
    "cut_file": cut_file,
    "kill_dvc": kill_dvc,
}
"""The ways to disturb a stage, by name."""
