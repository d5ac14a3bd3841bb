"""Shared artifacts: push here, clone elsewhere, pull: everything is there and nothing is left to do."""

import contextlib
import getpass
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipeline.project import Run, runner, stages_run
from tests.pipeline.ssh_server import SSHD, ssh_server

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


@contextlib.contextmanager
def folder_remote(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of the remote, and what this machine alone adds to it."""
    yield str(folder / "shared"), {}


@contextlib.contextmanager
def ssh_remote(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The same, behind a real SSH server."""
    with ssh_server(folder) as server:
        local = {"keyfile": str(server.key), "user": getpass.getuser()}
        yield f"ssh://127.0.0.1:{server.port}{folder}/shared", local


Remote = Callable[[Path], contextlib.AbstractContextManager[tuple[str, dict[str, str]]]]
WANTS_SSHD = pytest.mark.skipif(
    SSHD is None, reason="no OpenSSH server here; on Debian: apt-get install openssh-server"
)


def add_remote(run: Run, address: str, local: dict[str, str]) -> None:
    run("dvc", "remote", "add", "--local", "--force", "--default", "shared", address)
    for name, value in local.items():
        run("dvc", "remote", "modify", "--local", "shared", name, value)


@pytest.mark.parametrize("remote", [folder_remote, pytest.param(ssh_remote, marks=WANTS_SSHD)])
def test_a_clone_pulls_everything(tmp_path: Path, project: Path, run: Run, remote: Remote) -> None:
    with remote(tmp_path) as (address, local):
        add_remote(run, address, local)
        run("dvc", "push")
        runner(tmp_path)("git", "clone", "-q", project, "clone")
        clone = runner(tmp_path / "clone")
        add_remote(clone, address, local)
        clone("dvc", "pull")
        assert (tmp_path / "clone" / "models" / "mask_rcnn").is_dir()
        again = clone("dvc", "repro")
        assert stages_run(again) == []
        assert "up to date" in again.stdout
        run("dvc", "remote", "remove", "--local", "shared")
