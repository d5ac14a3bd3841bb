"""DVC's experiments and their queue, through DVC's own commands: what is there, queueing, workers, logs.

What DVC's queue does not do by itself, and what is done about it here (all seen with DVC 3.67):

- A worker that is killed leaves its experiment "running" for ever: `forget` ends and removes it, then it can be queued
  again. The stages that it had finished are restored from DVC's run cache.
- A second experiment of one name replaces the first in the queue without a word, and is refused where the first has
  finished: `set_aside` renames a finished one.
- Experiments run in workspaces of their own, but with the installed package: workers get ``PYTHONPATH=src``, so that
  they run the code that was queued.
- Workers keep the output of the command that started them open: that command writes to no pipe.
- Files that git does not track, or ignores, do not go along: `untracked_code` lists those that should.
- ``dvc exp show`` fails where an experiment's workspace goes while it looks: it is asked again.
- Experiments that began at other commits are left out of ``dvc exp show``: their commits are named.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from empaste.artifacts.work import is_code, read_pipeline
from empaste.doctor.repository import outputs_of
from empaste.errors import InputError
from empaste.layout import DECISIONS, HERE, Layout
from empaste.scaleout import chosen_engine

State = Literal["finished", "running", "queued", "failed"]
STATES: dict[str | None, State] = {
    None: "finished", "success": "finished", "running": "running", "queued": "queued", "failed": "failed",
}  # fmt: skip
"""By DVC's word for it: an experiment that no queue ran has none."""
WORKERS = re.compile(r"Worker status: (\d+) active, (\d+) idle")
TASK = re.compile(r"^([0-9a-f]{7})\s+(\S+)\s.*\s(Queued|Running|Failed|Success)\s*$", re.MULTILINE)
"""A line of ``dvc queue status`` for a named experiment: its commit, its name, and how it stands."""
LOOKS, LOOK_AGAIN_SECONDS = 5, 1.0
"""How often, and how far apart, experiments are looked at where one ends at that moment."""
START_SECONDS = 30
"""How long a worker may take to answer."""


class QueueTask(NamedTuple):
    """A line of DVC's queue: the first digits of the commit, the experiment's name, and DVC's word for its state."""

    rev: str
    name: str
    state: str


class Experiment(NamedTuple):
    """One experiment: ``rev`` is the commit with its code and parameters, and, once it is finished, its results."""

    name: str
    rev: str
    begun_at: str
    """The commit of the repository at which it was queued."""
    state: State
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    """By stage, what its metrics file holds; figures that are null are left out."""
    log: Path | None
    pid: int | None
    """The process that runs it, or ran it."""

    @property
    def lives(self) -> bool:
        """Whether the process that runs it is there."""
        import psutil

        return self.pid is not None and bool(psutil.pid_exists(self.pid))


def queue_tasks() -> list[QueueTask]:
    """What DVC's queue holds: experiments that wait, run, or were run by it."""
    return [QueueTask(*found) for found in TASK.findall(dvc("queue", "status"))]


def commits_of(prefix: str, tasks: Sequence[QueueTask]) -> list[str]:
    """The commits at which experiments began whose names begin with ``prefix``, and last the one of the workspace.

    ``tasks`` are those of the queue.
    """
    refs = [ref.split("/") for ref in _git("for-each-ref", "--format=%(refname)", "refs/exps").split()]
    begun = {ref[2] + ref[3] for ref in refs if len(ref) == 5 and ref[4].startswith(prefix)}
    begun |= {_git("rev-parse", f"{task.rev}^").strip() for task in tasks if task.name.startswith(prefix)}
    return [*sorted(begun - {head_commit()}), head_commit()]


def find_experiments(prefix: str, commits: Sequence[str]) -> list[Experiment]:
    """The experiments whose names begin with ``prefix``, of those that began at ``commits``, in their order."""
    listed = json.loads(_show([word for commit in commits for word in ("--rev", commit)]))
    found = [_experiment(entry, commit["rev"]) for commit in listed for entry in commit["experiments"] or []]
    return [one for one in found if one.name.startswith(prefix)]


def _show(words: Sequence[str]) -> str:
    """What ``dvc exp show`` lists as JSON; again where an experiment ended while it looked."""
    for _ in range(LOOKS - 1):
        try:
            return dvc("exp", "show", "--json", *words)
        except InputError as error:
            if "/.dvc/tmp/exps/" not in str(error):
                raise
        time.sleep(LOOK_AGAIN_SECONDS)
    return dvc("exp", "show", "--json", *words)


def _experiment(entry: Mapping[str, Any], begun_at: str) -> Experiment:
    last, executor = entry["revs"][0], entry["executor"] or {}
    data, local = last["data"] or {}, executor.get("local") or {}
    files = {path: content.get("data") or {} for path, content in (data.get("metrics") or {}).items()}
    return Experiment(
        name=entry["name"] or last["name"] or "",
        rev=last["rev"],
        begun_at=begun_at,
        state=STATES[executor.get("state")],
        params=(data.get("params") or {}).get(str(HERE.params), {}).get("data") or {},
        metrics={Path(path).stem: content for path, content in files.items()},
        log=Path(local["log"]) if local.get("log") else None,
        pid=local.get("pid"),
    )


def queue_experiment(name: str, settings: Sequence[str], last_stage: str) -> None:
    """The experiment ``name`` is queued: the workspace as it is, with ``settings`` for ``-S``, up to ``last_stage``."""
    dvc("exp", "run", "--quiet", "--queue", "--name", name, *(f"--set-param={one}" for one in settings), last_stage)


def forget(experiment: Experiment) -> None:
    """The experiment, which waits, failed or was left by its worker, is out of the queue."""
    if experiment.state == "running":
        dvc("queue", "kill", experiment.rev)
    dvc("queue", "remove", experiment.rev)


def set_aside(experiment: Experiment) -> str:
    """The new name of a finished experiment, whose own is free for another."""
    name = f"{experiment.name}-of-{experiment.rev[:7]}"
    dvc("exp", "rename", experiment.name, name)
    return name


def start_workers(jobs: int, gpus: Sequence[str]) -> None:
    """``jobs`` workers take experiments from the queue until it is empty; where there are GPUs each has one of them."""
    shared = {"PYTHONPATH": os.pathsep.join(filter(None, ("src", os.environ.get("PYTHONPATH"))))}
    if chosen_engine() == "local":
        each = str(max(1, (os.cpu_count() or 1) // jobs))
        shared["EMPASTE_WORKERS"] = os.environ.get("EMPASTE_WORKERS", each)
    if not gpus:
        dvc("queue", "start", "--jobs", str(jobs), environment=shared)
        return
    for number in range(jobs):
        # DVC starts those of the first so many that do not answer yet.
        dvc("queue", "start", "--jobs", str(number + 1), environment=shared | _gpu(gpus, number))
        _await_workers(number + 1)


def _gpu(gpus: Sequence[str], number: int) -> dict[str, str]:
    return {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]}


def _await_workers(wanted: int) -> None:
    until = time.monotonic() + START_SECONDS
    while _num_answering() < wanted:
        if time.monotonic() > until:
            raise InputError(f"DVC's queue started no worker in {START_SECONDS} s; see: dvc queue start --verbose")


def _num_answering() -> int:
    """The workers of DVC's queue that answer it; busy ones may not."""
    found = WORKERS.search(dvc("queue", "status"))
    assert found, "dvc queue status counts its workers"
    return int(found[1]) + int(found[2])


def num_workers() -> int:
    """The processes of this repository that are workers of DVC's queue."""
    import psutil

    top, found = str(Path.cwd()), 0
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words, folder = process.info["cmdline"] or [], process.info["cwd"] or ""
        found += "queue-worker" in words and f"{folder}/".startswith(f"{top}/")
    return found


def visible_gpus() -> list[str]:
    """The names by which CUDA knows this machine's GPUs; none where there is none."""
    import torch

    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = chosen.split(",") if chosen else [str(number) for number in range(torch.cuda.device_count())]
    return names if torch.cuda.is_available() else []


def code_of(stages: Sequence[str]) -> list[str]:
    """``dvc.yaml``, and the code and a person's decisions that ``stages`` depend on: paths that git tracks."""
    pipeline = read_pipeline(Path())
    deps = {dep for stage in stages for dep in pipeline[stage]["deps"]}
    return [str(HERE.pipeline), *sorted(dep for dep in deps if is_code(dep) or Path(dep) in DECISIONS)]


def stages_up_to(last: str) -> list[str]:
    """The stages that ``last`` stands on, and it itself, in the order of ``dvc.yaml``; `InputError` for no stage."""
    pipeline = read_pipeline(Path())
    if last not in pipeline:
        raise InputError(f"last_stage is {last!r}; choose from {', '.join(pipeline)}")
    maker = {out: name for name in pipeline for out in outputs_of(pipeline[name])}
    needed, waiting = set[str](), [last]
    while waiting:
        stage = waiting.pop()
        needed.add(stage)
        waiting += [maker[dep] for dep in pipeline[stage]["deps"] if dep in maker and maker[dep] not in needed]
    return [stage for stage in pipeline if stage in needed]


def fetch(rev: str, paths: Sequence[Path], folder: Path) -> Layout:
    """Copies of the artifacts ``paths`` of ``rev``, files and folders, below ``folder``.

    ``rev`` is a commit, a branch or an experiment. `InputError` where there is none, or where an artifact is neither in
    DVC's cache nor in its remote.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import RevError
    from dvc_data.index import DataIndexError

    files = DVCFileSystem(rev=rev)
    for path in paths:
        copy = folder / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            files.get(str(path), str(copy), recursive=files.isdir(str(path)))
        except RevError as error:
            raise InputError(f"{rev} is no experiment, branch or commit; see: dvc exp list") from error
        except (DataIndexError, DvcException, FileNotFoundError) as error:
            raise InputError(
                f"{path} of {rev} is neither in DVC's cache nor in its remote; bring it with dvc exp pull or dvc fetch"
            ) from error
    return HERE.below(folder)


def snapshot() -> str:
    """A commit of the tracked files as they are now; it is on no branch."""
    return _git("stash", "create").strip() or head_commit()


def same_code(rev: str, other: str, code: Sequence[str]) -> bool:
    """Whether the two commits have the same ``code``, files and folders."""
    command = ["git", "diff", "--quiet", rev, other, "--", *code]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def untracked_code(code: Sequence[str]) -> list[str]:
    """The files of ``code`` that git does not track: experiments do not take them along."""
    return _git("ls-files", "--others", "--exclude-standard", "--", *code).splitlines()


def head_commit() -> str:
    """The commit that experiments stand on; `InputError` where there is none."""
    return _git("rev-parse", "HEAD").strip()


def dvc(*words: str, environment: Mapping[str, str] | None = None) -> str:
    """What ``dvc`` with ``words`` prints; `InputError` with its own message where it fails."""
    here = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return _run([sys.executable, "-m", "dvc", *words], "dvc", {**os.environ, **here, **(environment or {})})


def _git(*words: str) -> str:
    return _run(["git", *words], "git", dict(os.environ))


def _run(command: Sequence[str], program: str, environment: Mapping[str, str]) -> str:
    # Files, not pipes: a pipe ends only when the workers that the command leaves behind do.
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False)
        printed, said = (_content(stream) for stream in (out, err))
    if done.returncode:
        words = command[command.index(program) + 1 :]
        raise InputError(f"{program} {' '.join(words)} failed:\n{said.strip() or printed.strip()}")
    return printed


def _content(stream: IO[str]) -> str:
    stream.seek(0)
    return stream.read()
