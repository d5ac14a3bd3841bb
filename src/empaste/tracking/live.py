"""The curve of a training that still runs, shown in MLflow; it never ends the training, nor slows it.

Points are sent by a thread of their own, by way of the outbox: what a store does not take stays there.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Protocol, runtime_checkable

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.tracking.identity import PipelineRun, this_run
from empaste.tracking.names import curve_name
from empaste.tracking.outbox import keep_points, kept_runs
from empaste.tracking.record import Point
from empaste.tracking.sending import send_run, too_slow, warn
from empaste.tracking.store import Store, find_store, is_enabled, wait_seconds

LONGEST_PAUSE = 300.0
"""Seconds, at most, between two attempts at a store that fails; a process killed meanwhile loses the points of them."""
LAST_SECONDS = 30.0
"""How long the end of a training waits for the last points to arrive at a server."""


@runtime_checkable
class LogCurve(Protocol):
    """Takes the values of one step."""

    def __call__(self, step: int, values: Mapping[str, float]) -> None: ...


@contextmanager
def live_curve(name: str, params_file: Path = HERE.params, every_seconds: float = 20.0) -> Iterator[LogCurve]:
    """Yield a function that shows the curve ``name`` of a training in MLflow while it runs.

    Points are sent together, every ``every_seconds``. Of a store that fails, or has no proper address, one warning is
    printed. The function does nothing where recording is off, and where MLflow is not installed (a machine that only
    trains).
    """
    live = _open(name, params_file, every_seconds)
    if live is None:
        yield _ignore
        return
    try:
        yield live.log
    finally:
        live.end()


def _ignore(step: int, values: Mapping[str, float]) -> None:
    """Take the values of a step, and do nothing."""


def _open(name: str, params_file: Path, every_seconds: float) -> "_LiveCurve | None":
    """What takes the points of a curve; None where nothing does."""
    try:
        if find_spec("mlflow") is None or not is_enabled():
            return None
        store = find_store()
        return _LiveCurve(name, params_file, every_seconds, store, wait_seconds(store))
    except InputError as error:
        print(f"WARNING: no curve is shown live in MLflow: {error}", file=sys.stderr)
        return None


@dataclass
class _LiveCurve:
    """Points that wait to be sent, and the thread that sends them, which begins with the first."""

    name: str
    params_file: Path
    every_seconds: float
    store: Store
    seconds: float | None
    waiting: SimpleQueue[Point] = field(default_factory=SimpleQueue)
    keeping: Lock = field(default_factory=Lock)
    ended: Event = field(default_factory=Event)
    thread: Thread | None = None
    warned: bool = False

    @cached_property
    def run(self) -> PipelineRun:
        return this_run(self.params_file)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for column, value in values.items():
            self.waiting.put((curve_name(self.name, column), int(step), float(value)))
        if self.thread is None:
            self.thread = Thread(target=self._send_until_ended, daemon=True)
            self.thread.start()

    def end(self) -> None:
        """All points are in the store, or kept."""
        if self.thread is None:
            return
        self._try(self._keep)
        self.ended.set()
        seconds = None if self.seconds is None else min(self.seconds, LAST_SECONDS)
        self.thread.join(seconds)
        if seconds is not None and self.thread.is_alive():
            self._warn(too_slow(self.store, seconds))

    def _send_until_ended(self) -> None:
        pause = self.every_seconds
        while True:
            is_last = self.ended.is_set()
            pause = self.every_seconds if self._try(self._send) else min(2 * pause, LONGEST_PAUSE)
            if is_last:
                return
            self.ended.wait(pause)

    def _send(self) -> None:
        self._keep()
        if self.run.key in kept_runs():
            send_run(self.store, self.run.key)

    def _keep(self) -> None:
        with self.keeping:  # in their order, though the end of the training keeps points, too
            run = self.run  # before the points are taken: they wait on where it cannot be told
            points = list(_taken(self.waiting))
            if points:
                keep_points(run, points)

    def _try(self, step: Callable[[], None]) -> bool:
        """Whether ``step`` was done; what the store or the disk refuses is a warning."""
        try:
            step()
        except (InputError, OSError) as error:
            self._warn(str(error))
            return False
        return True

    def _warn(self, trouble: str) -> None:
        if not self.warned:
            self.warned = True
            warn(trouble)


def _taken(waiting: SimpleQueue[Point]) -> Iterator[Point]:
    """All that waits, which then waits no longer."""
    try:
        while True:
            yield waiting.get_nowait()
    except Empty:
        return
