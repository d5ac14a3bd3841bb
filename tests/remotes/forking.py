"""A process that has imported DVC and forks for every command, which would take seconds to import it otherwise.

It reads one request per line, and ends with the process that started it.
"""

import contextlib
import functools
import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

IMPORTED = [
    "dvc.cli.parser", "dvc._debug", "dvc.cachemgr", "dvc.compare", "dvc.data_cloud", "dvc.dependency", "dvc.output",
    "dvc.rwlock", "dvc.repo.artifacts", "dvc.repo.brancher", "dvc.repo.datasets", "dvc.repo.experiments.apply",
    "dvc.repo.experiments.pull", "dvc.repo.experiments.push", "dvc.repo.experiments.run",
    "dvc.repo.experiments.executor.local", "dvc.repo.index", "dvc.repo.open_repo", "dvc.repo.plots", "dvc.repo.pull",
    "dvc.repo.push", "dvc.repo.reproduce", "dvc.repo.stage", "dvc.repo.status", "dvc.stage.cache",
    "dvc.utils.strictyaml", "dvc_data.hashfile._progress", "dvc_data.hashfile.db.index", "dvc_data.hashfile.db.local",
    "dvc_data.hashfile.status", "dvc_data.index", "dvc_data.index.checkout", "dvc_data.index.fetch",
    "dvc_data.index.push", "dvc_render.vega_templates", "dvc_http.spec", "dvc_ssh.client", "dvc_ssh.spec",
    "dulwich.porcelain", "dulwich.worktree", "fsspec.implementations.memory", "platformdirs.unix", "pyparsing",
    "ruamel.yaml", "scmrepo.git", "sqltrie", "s3fs", "aiobotocore.session", "empaste.cli", "empaste.sharing",
]  # fmt: skip
"""What the commands would import; none of it starts a thread."""
PATIENCE_SECONDS = 600
"""How long a command may take before it is killed."""
OTHERS = ("AWS_", "DVC_", "GIT_", "MLFLOW_")
"""How variables begin that whoever runs the tests may have set, and that would change a command."""


def request(**command: Any) -> None:
    """A command is begun: the arguments of `_run`, and the file ``ended`` that will hold its exit code."""
    print(json.dumps(command), file=_forker().stdin, flush=True)


def serves() -> bool:
    """Whether the process that forks is there."""
    return _forker().poll() is None


@functools.cache
def _forker() -> subprocess.Popen[str]:
    here = Path(__file__).parents[2]
    return subprocess.Popen([sys.executable, "-m", __name__], cwd=here, stdin=subprocess.PIPE, text=True)


def _serve() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    for line in sys.stdin:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass  # those that watched over earlier commands
        if os.fork() == 0:
            _watch(**json.loads(line))
            os._exit(0)


def _watch(ended: str, **command: Any) -> None:
    """The command has run, and ``ended`` holds its exit code."""
    if (pid := os.fork()) == 0:
        _run(**command)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    Path(f"{ended}.part").write_text(str(code))
    Path(f"{ended}.part").rename(ended)


def _run(folder: str, program: str, words: list[str], environment: dict[str, str], said: str) -> None:
    """The program's own entry point, in ``folder``; all that it prints goes to the file ``said``."""
    for name in [name for name in os.environ if name.startswith(OTHERS)]:
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(folder)
    with Path(said).open("w") as log, Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    signal.alarm(PATIENCE_SECONDS)
    sys.argv = [program, *words]
    try:
        code = importlib.import_module(f"{program}.cli").main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    os._exit(code or 0)  # to take all modules apart would take longer than most commands


if __name__ == "__main__":
    _serve()
