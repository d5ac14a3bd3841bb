"""What every stage does around its one library call: a lock, clear errors, and earlier outputs put back."""

import contextlib
import functools
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec

import psutil
import typer
from filelock import FileLock, Timeout

from empaste.beginning.code_record import check_code
from empaste.errors import MACHINE_ERRORS, explain
from empaste.memory import keep_freed_memory
from empaste.params import load_params
from empaste.precision import slow_precision
from stages.restore import restore_outputs

Arguments = ParamSpec("Arguments")


def stage(name: str) -> Callable[[Callable[Arguments, None]], Callable[Arguments, None]]:
    """Make a stage's ``main`` end as a command should.

    Bad input, and what the machine refuses, such as a full disk, end with one message and exit code 1, without a
    traceback; the stage's earlier outputs, which DVC removed before it started the stage, are put back from DVC's
    cache. A second process of the same stage in the same workspace (a killed ``dvc`` leaves its child alive) is
    refused, as is code that a project of ``empaste init`` has no record of. Where the stage has a process of its own,
    that keeps the memory that it frees.
    """

    def wrap(main: Callable[Arguments, None]) -> Callable[Arguments, None]:
        @functools.wraps(main)
        def command(*args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            started = time.monotonic()
            if main.__module__ == "__main__":  # a process of the stage's own
                keep_freed_memory()
            try:
                with FileLock(_lock_path(name), blocking=False):
                    _check_params(name, main, *args, **kwargs)
                    check_code(name)
                    main(*args, **kwargs)
            except Timeout as error:
                _end(name, f"another process runs this stage; wait for it or end it ({_lock_path(name)})", error)
            except MACHINE_ERRORS as error:
                restored = restore_outputs(name)
                _end(name, explain(error) + ("\nThe earlier outputs are back in place." if restored else ""), error)
            print(f"{name}: done in {time.monotonic() - started:.1f} s; {_cost()}", file=sys.stderr)

        return command

    return wrap


def _cost() -> str:
    """The CPU seconds of this process and of all that it started, and whether it held a GPU.

    Worker processes end as children of a fork server, which is alive still: it says what they took.
    """
    this = psutil.Process()
    cpu = sum(map(_cpu_seconds, (this, *this.children(recursive=True))))
    torch = sys.modules.get("torch")
    return f"{cpu:.1f} s of CPU" + (", on a GPU" if torch is not None and torch.cuda.is_initialized() else "")


def _cpu_seconds(process: psutil.Process) -> float:
    """What it and the processes that it waited for took; nothing of one that ends just now."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def warn(lines: Iterable[str]) -> None:
    """Every line is a warning on standard error."""
    note(f"WARNING: {line}" for line in lines)


def note(lines: Iterable[str]) -> None:
    """Every line is on standard error, as all that a stage says; it names what it speaks of, mostly the stage."""
    for line in lines:
        print(line, file=sys.stderr)


def _check_params(
    name: str, main: Callable[Arguments, None], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> None:
    """`InputError` for any misfit in the file of parameters: hours before the stage that would read it.

    A warning where this stage would compute very slowly; of the processes of a torchrun the first gives it.
    """
    given = inspect.signature(main).bind(*args, **kwargs)
    given.apply_defaults()
    if "params" in given.arguments:
        params = load_params(given.arguments["params"])
        if os.environ.get("RANK", "0") == "0" and (slow := slow_precision(name, params)):
            warn([slow])


def _lock_path(name: str) -> Path:
    folder = Path(".work")
    folder.mkdir(exist_ok=True)
    # The processes of a torchrun run one stage together.
    return folder / f"{name}.lock{os.environ.get('RANK', '')}"


def _end(name: str, message: str, error: Exception) -> None:
    # A progress bar may still stand on the line.
    print(f"\nERROR in stage {name}: {message}", file=sys.stderr)
    raise typer.Exit(1) from error
