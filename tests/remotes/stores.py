"""Stores that a DVC remote can be on, each behind a real server on loopback, and their objects as they lie there."""

import contextlib
import shutil
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Settings = Mapping[str, str]
"""A remote's section of DVC's configuration: ``url``, and what else it takes to reach it."""
Who = Literal["owner", "reader", "stranger"]
"""May write; may only read; has wrong credentials."""
PREFIX = "files/md5"


class Store(ABC):
    """A store behind a server."""

    name: str
    port: int
    """Where its server listens; 0 where there is none."""

    @abstractmethod
    def settings(self, who: Who = "owner", port: int | None = None) -> dict[str, str]:
        """What ``who`` configures, to reach the server directly or through ``port``."""

    @abstractmethod
    def names(self) -> list[str]:
        """The objects that are there, below `PREFIX`, sorted: ``ab/cdef…``, and whatever else lies there."""

    @abstractmethod
    def read(self, name: str) -> bytes: ...

    @abstractmethod
    def write(self, name: str, content: bytes) -> None: ...

    @abstractmethod
    def remove(self, name: str) -> None: ...

    @abstractmethod
    def clear(self) -> None:
        """Nothing is there any more."""


class FolderStore(Store):
    """A store whose objects are files in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def names(self) -> list[str]:
        top = self.folder / PREFIX
        return sorted(file.relative_to(top).as_posix() for file in top.rglob("*") if file.is_file())

    def read(self, name: str) -> bytes:
        return (self.folder / PREFIX / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        path = self.folder / PREFIX / name
        path.unlink(missing_ok=True)  # DVC makes objects in a folder read-only
        path.write_bytes(content)

    def remove(self, name: str) -> None:
        (self.folder / PREFIX / name).unlink()

    def clear(self) -> None:
        for path in self.folder.iterdir():
            shutil.rmtree(path)


def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, log: Path) -> None:
    """Return once something listens on ``port``; ``log`` says why nothing does."""
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()}")
