"""Machines that share a DVC remote: a git clone with a cache of its own, and DVC's commands run in it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tests.remotes.forking import PATIENCE_SECONDS, request, serves

POLL_SECONDS = 0.02
REMOTE = "shared"
SITE_CACHE = "dvc-site-cache"


class Ended(NamedTuple):
    """A command's exit code, and all that it printed."""

    code: int
    said: str


@dataclass(frozen=True)
class Machine:
    """A clone in ``folder``; what DVC keeps outside of repositories is in ``folder`` too, so nothing is shared."""

    folder: Path

    def dvc(self, *words: str) -> str:
        """What a command of DVC's printed, which succeeded."""
        ended = self.try_dvc(*words)
        assert ended.code == 0, f"dvc {' '.join(words)} ended with {ended.code}:\n{ended.said}"
        return ended.said

    def try_dvc(self, *words: str) -> Ended:
        """How a command of DVC's ended."""
        return self.start("dvc", *words).wait()

    def try_empaste(self, *words: str) -> Ended:
        """How a command of this project's ended."""
        return self.start("empaste", *words).wait()

    def start(self, program: Literal["dvc", "empaste"], *words: str) -> "Command":
        """The command, begun."""
        said = self.folder / ".git" / f"said-{os.urandom(8).hex()}"
        command = Command(said, said.with_suffix(".ended"))
        request(
            ended=str(command.ended), folder=str(self.folder), program=program, words=words,
            environment=self._environment(), said=str(said),
        )  # fmt: skip
        return command

    def clone(self, folder: Path) -> "Machine":
        """Another machine, with the code and no data."""
        self.git("clone", "-q", self.folder, folder)
        return Machine(folder)

    def forget(self) -> None:
        """What DVC remembers of remotes and of files outside of the repository is gone."""
        shutil.rmtree(self.folder / ".git" / SITE_CACHE, ignore_errors=True)

    def git(self, *words: object) -> str:
        """What a command of git's printed."""
        environment = os.environ | self._environment()
        return subprocess.run(
            ["git", *map(str, words)], cwd=self.folder, env=environment, check=True, capture_output=True, text=True
        ).stdout

    def set_remote(self, settings: Mapping[str, str]) -> None:
        """The store is this machine's default remote, as ``dvc remote add --local`` would write it."""
        lines = [f"[core]\n    remote = {REMOTE}\n['remote \"{REMOTE}\"']"]
        lines += [f"    {name} = {value}" for name, value in settings.items()]
        (self.folder / ".dvc" / "config.local").write_text("\n".join(lines) + "\n")

    def _environment(self) -> dict[str, str]:
        roles = {
            f"GIT_{role}_{name}": value
            for role in ("AUTHOR", "COMMITTER")
            for name, value in (("NAME", "Test"), ("EMAIL", "test@example.org"))
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = self.folder / ".git"
        return {
            **roles,
            "PATH": path,
            "DVC_SITE_CACHE_DIR": str(own / SITE_CACHE),
            "AWS_CONFIG_FILE": str(own / "no-aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(own / "no-aws-credentials"),
            "EMPASTE_TRACKING": "off",
        }


@dataclass(frozen=True)
class Command:
    """A command that runs: the files that hold what it has said, and its exit code once it has ended."""

    said: Path
    ended: Path

    def wait(self) -> Ended:
        """How it ended; it must, by itself."""
        while not self.ended.exists():
            assert serves(), "the process that runs commands has ended"
            time.sleep(POLL_SECONDS)
        code, said = int(self.ended.read_text()), self.said.read_text()
        assert code >= 0, f"it was killed, or ran over {PATIENCE_SECONDS} s:\n{said}"
        return Ended(code, said)
