"""A store and the machines around it: one that ran a small project, and newcomers that take its outputs."""

import contextlib
import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

from tests.remotes import http_server, s3_server, ssh_server
from tests.remotes.machines import Machine
from tests.remotes.small_project import contents
from tests.remotes.stores import Settings, Store

VERIFIED = {"verify": "true"}
"""As docs/sharing.md has every remote."""


class Kind(NamedTuple):
    """A kind of store."""

    open: Callable[[Path], AbstractContextManager[Store]]
    lacking: Callable[[], str | None]
    """Why there cannot be one here, None where there can."""


KINDS = {
    "ssh": Kind(ssh_server.ssh_store, lambda: ssh_server.LACKING),
    "s3": Kind(s3_server.s3_store, s3_server.install_moto),
    "http": Kind(http_server.http_store, lambda: http_server.LACKING),
}


@dataclass(frozen=True)
class Place:
    """A store, and the machine whose cache holds everything that belongs there."""

    store: Store
    maker: Machine
    folder: Path
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def fill(self) -> None:
        """The store holds all outputs and nothing else, and no machine remembers anything else of it."""
        self.store.clear()
        self.maker.forget()
        self.maker.set_remote(self.store.settings() | VERIFIED)
        self.maker.dvc("push")

    def newcomer(self, settings: Settings | None = None) -> Machine:
        """A machine with the code and no data, that reaches the store by ``settings``."""
        machine = self.maker.clone(self.folder / f"newcomer-{next(self.numbers)}")
        machine.set_remote(settings or self.store.settings() | VERIFIED)
        return machine

    def object_of(self, what: Literal["file", "list", "model"]) -> str:
        """An object in the store: a file of the folder, the folder's list of files, or the other output."""
        outs = yaml.safe_load((self.maker.folder / "dvc.lock").read_text())["stages"]["make"]["outs"]
        named = {out["path"]: f"{out['md5'][:2]}/{out['md5'][2:]}" for out in outs}
        files = [name for name in self.store.names() if name not in named.values()]
        return {"file": files[0], "list": named["data"], "model": named["model"]}[what]

    def is_pulled(self, machine: Machine) -> bool:
        """Whether ``machine`` has the outputs, byte for byte."""
        return contents(machine.folder) == contents(self.maker.folder)

    def is_whole(self) -> bool:
        """Whether the store holds every object of the maker's cache, and no object under another's name."""
        named = {name: self.store.read(name) for name in self.store.names() if is_object(name)}
        cache = self.maker.folder / ".dvc" / "cache" / "files" / "md5"
        wanted = {file.relative_to(cache).as_posix() for file in cache.rglob("*") if file.is_file()}
        return named.keys() >= wanted and all(is_right(name, content) for name, content in named.items())


def is_object(name: str) -> bool:
    """Whether DVC takes a file in a store for an object; what an interrupted upload leaves it does not."""
    stem = name.removesuffix(".dir").replace("/", "", 1)
    return len(stem) == 32 and set(stem) <= set("0123456789abcdef")


def is_right(name: str, content: bytes) -> bool:
    """Whether an object has the content that its name says."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest() == name.removesuffix(".dir").replace("/", "")


@contextlib.contextmanager
def open_place(kind: str, maker: Machine, folder: Path) -> Iterator[Place]:
    """A place with a store of ``kind``, whose server runs until the block ends; files and clones are in ``folder``."""
    (folder / "server").mkdir(parents=True)
    with KINDS[kind].open(folder / "server") as store:
        yield Place(store, maker, folder)
