"""The curve of a training that still runs, shown in MLflow; it never ends the training."""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from empaste.layout import HERE
from empaste.tracking.identity import open_run
from empaste.tracking.names import curve_name
from empaste.tracking.recording import Point, log_points
from empaste.tracking.store import clear_errors, connect, find_store, is_enabled, tracking_errors


@runtime_checkable
class LogCurve(Protocol):
    """Takes the values of one step."""

    def __call__(self, step: int, values: Mapping[str, float]) -> None: ...


@contextmanager
def live_curve(name: str, params_file: Path = HERE.params, every_seconds: float = 20.0) -> Iterator[LogCurve]:
    """Yield a function that shows the curve ``name`` of a training in MLflow while it runs.

    Points are sent together, at most once in ``every_seconds``. The function does nothing after a first failure, which
    is printed as a warning, where recording is off, and where MLflow is not installed (a machine that only trains).
    """
    live = _LiveCurve(name, params_file, every_seconds, silent=find_spec("mlflow") is None)
    try:
        yield live.log
    finally:
        live.send()


@dataclass
class _LiveCurve:
    """Points that wait to be sent, and the run that they go to, which the first sending opens."""

    name: str
    params_file: Path
    every_seconds: float
    silent: bool
    waiting: list[Point] = field(default_factory=list)
    run: tuple[Any, str] | None = None
    last_sent: float = -math.inf

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if self.silent:
            return
        self.waiting += [(curve_name(self.name, column), step, value) for column, value in values.items()]
        if time.monotonic() - self.last_sent >= self.every_seconds:
            self.send()

    def send(self) -> None:
        if self.silent or not self.waiting:
            return
        try:
            self._send()
        except tracking_errors() as error:
            self.silent = True
            print(f"WARNING: the curve {self.name} is no longer shown live in MLflow: {error}", file=sys.stderr)
        self.waiting, self.last_sent = [], time.monotonic()

    def _send(self) -> None:
        if not is_enabled():
            self.silent = True
            return
        if self.run is None:
            self.run = self._open()
        log_points(*self.run, self.waiting)

    def _open(self) -> tuple[Any, str]:
        store = find_store()
        with clear_errors(store):
            client, experiment_id = connect(store)
            return client, open_run(client, experiment_id, self.params_file)
