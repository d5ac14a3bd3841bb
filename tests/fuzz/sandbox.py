"""Runs inputs in processes of their own, so that a crash, a hang or a full memory is that input's result and no more.

A process reads many inputs, one after the other, within limits of memory; the parent only listens. Where the process
dies or stays silent for too long, the input that it was reading is at fault, and another process goes on behind it.
"""

import contextlib
import importlib
import io
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from empaste.errors import LONGEST, InputError

MAX_SECONDS = 10.0
MAX_BYTES = 2 * 2**30
STARTING_SECONDS = 300.0
"""How long a process may take to import everything, on a busy machine."""
MAX_MESSAGE = LONGEST + 10
READ, REFUSED, FAULT = "read", "refused", "fault"


class Result(NamedTuple):
    """What became of one input: `READ`, `REFUSED` or `FAULT`, why, how long it took and by how much memory grew."""

    reader: str
    seed: int
    outcome: str
    reason: str
    seconds: float
    grown_bytes: int


Job = tuple[str, int]
"""The name of a reader and the seed of an input."""


def run(jobs: Sequence[Job], registry: str = "tests.fuzz.readers") -> Iterator[Result]:
    """The result of every job in order, whatever the inputs do to the process that reads them.

    ``registry`` is the module whose ``READERS`` has the readers. One process does all of it as long as it lives: to
    start one can take seconds.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.fuzz.readers"])
    left = list(jobs)
    while left:
        receiving, sending = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(left, registry, sending), daemon=True)
        worker.start()
        sending.close()
        for result in _listen(left, receiving, worker):
            left.pop(0)
            yield result
        worker.kill()
        worker.join()


def _listen(left: list[Job], receiving: Connection, worker: BaseProcess) -> Iterator[Result]:
    """Results as they come, until the process is done or was at fault."""
    if receiving.poll(STARTING_SECONDS):
        receiving.recv()  # it is ready
    for reader, seed in list(left):
        start = time.monotonic()
        if not receiving.poll(1.5 * MAX_SECONDS):
            yield Result(reader, seed, FAULT, f"no answer within {MAX_SECONDS:g} s", time.monotonic() - start, 0)
            return
        try:
            yield receiving.recv()
        except EOFError:
            worker.join(10)
            code = worker.exitcode or 0
            reason = f"the process ended: {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
            yield Result(reader, seed, FAULT, reason, time.monotonic() - start, 0)
            return


def _work(jobs: Sequence[Job], registry: str, sending: Connection) -> None:
    """Read the inputs of ``jobs`` and send their results."""
    readers = importlib.import_module(registry).READERS
    limit_memory()
    sending.send(None)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        for reader, seed in jobs:
            sending.send(try_input(readers, reader, seed, Path(place)))


def limit_memory() -> None:
    """This process may take `MAX_BYTES` more than it has now; beyond, an allocation fails."""
    held = _status_bytes("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (held + MAX_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def try_input(readers: Mapping[str, Any], reader: str, seed: int, place: Path, keep: bool = False) -> Result:
    """Write the input that ``seed`` stands for below ``place``, read it, and say what came of it."""
    folder, out = place / "input", place / "out"
    for path in (folder, out):
        shutil.rmtree(os.fsencode(path), ignore_errors=True)
        path.mkdir(parents=True)
    one = readers[reader]
    one.write(folder, place / "templates", seed)
    _forget_peak()
    before = _status_bytes("VmRSS")
    start = time.monotonic()
    with _watched_stderr(place) as said:
        outcome, reason = _outcome(one.read, folder, out, with_traceback=keep)
    seconds = time.monotonic() - start
    grown = max(_status_bytes("VmHWM") - before, 0)
    if outcome != FAULT and (noise := [line for line in said if not one.expected_notice(line)]):
        outcome, reason = FAULT, f"on the standard error: {noise[0][:300]}"
    if outcome != FAULT and seconds > MAX_SECONDS:
        outcome, reason = FAULT, f"took {seconds:.1f} s"
    if outcome != FAULT and grown > MAX_BYTES:
        outcome, reason = FAULT, f"took {grown / 2**30:.2f} GiB"
    return Result(reader, seed, outcome, reason, seconds, grown)


def _outcome(read: Callable[[Path, Path], None], folder: Path, out: Path, with_traceback: bool) -> tuple[str, str]:
    try:
        read(folder, out)
    except InputError as error:
        return _judge_message(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever else comes is what this looks for
        if with_traceback:
            traceback.print_exc(file=sys.__stdout__)
        frames = traceback.extract_tb(error.__traceback__)
        own = next((frame for frame in reversed(frames) if "/empaste/" in frame.filename), frames[-1])
        return FAULT, f"{type(error).__name__}: {str(error)[:200]} ({Path(own.filename).name}, {own.name})"
    return READ, ""


def _judge_message(error: Exception) -> tuple[str, str]:
    """A refusal is right where a person can read it, and where memory did not run out on the way."""
    message = str(error)
    if not message.strip() or len(message) > MAX_MESSAGE:
        return FAULT, f"a message of {len(message)} letters: {message[:200]}"
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, MemoryError):
            return FAULT, f"memory ran out: {message[:200]}"
        cause = cause.__cause__
    return REFUSED, message


@contextlib.contextmanager
def _watched_stderr(place: Path) -> Iterator[list[str]]:
    """What C code and warnings write meanwhile, as lines, once the block ended."""
    said: list[str] = []
    path = place / "stderr"
    sys.stderr.flush()
    kept, python_stderr = os.dup(2), sys.stderr
    with (
        path.open("wb") as file,
        io.TextIOWrapper(io.FileIO(os.dup(file.fileno()), "w"), errors="backslashreplace") as text,
    ):
        os.dup2(file.fileno(), 2)
        sys.stderr = text
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", append=True)  # behind the filters that the project sets
                warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)  # pycocotools
                yield said
        finally:
            text.flush()
            sys.stderr = python_stderr
            os.dup2(kept, 2)
            os.close(kept)
    said += [line for line in path.read_text(errors="replace").splitlines() if line.strip()]


def _status_bytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:")), 0)


def _forget_peak() -> None:
    """The highest memory counts from here, where the system allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
