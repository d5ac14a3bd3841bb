"""Readers as none should be, to see that the sandbox tells."""

import os
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from empaste.errors import InputError
from tests.fuzz.readers import Reader


def refuse(message: str) -> None:
    raise InputError(message)


def fail() -> None:
    raise KeyError("width")


def run_out() -> None:
    try:
        np.ones(2**40)
    except MemoryError as error:
        raise InputError("the image is too large") from error


def _leave(code: int) -> None:
    os._exit(code)


ACTS: dict[str, Callable[[], object]] = {
    "read": lambda: None,
    "refuse": lambda: refuse("a.json is empty"),
    "say nothing": lambda: refuse(" "),
    "fail": fail,
    "fill memory": run_out,
    "exit": lambda: exit(3),
    "write": lambda: os.write(2, b"libfoo: trouble\n"),
    "notice": lambda: os.write(2, b"notice: read again\n"),
    "warn": lambda: warnings.warn("overflow", RuntimeWarning, stacklevel=1),
    "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "vanish": lambda: _leave(4),
    "hang": lambda: time.sleep(60),
}


def _write(root: Path) -> None:
    (root / "a.txt").write_text("a")


def _act(folder: Path, out: Path, name: str) -> None:
    assert (folder / "a.txt").read_text() == "a"
    assert out.is_dir()
    ACTS[name]()


class _Script(Reader):
    """Does what the script says, input after input."""

    def write(self, folder: Path, _templates: Path, seed: int) -> None:
        """``folder`` holds the name of what to do."""
        (folder / "act").write_text(SCRIPT[seed])


SCRIPT = ("read", "refuse", "read", "crash", "read", "vanish", "hang", "read")


def _follow(folder: Path, _out: Path) -> None:
    ACTS[(folder / "act").read_text()]()


def single(name: str) -> Reader:
    """A reader that does one thing."""
    return Reader((_write,), lambda folder, out: _act(folder, out, name), r"^notice: ")


READERS: dict[str, Reader] = {"script": _Script((_write,), _follow), **{name: single(name) for name in ACTS}}
