"""A copy of the project's code in which tests run DVC as a user would."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
TINY = {
    "prepare.num_train": 30,
    "prepare.num_val": 10,
    "prepare.image_size": 96,
    "classifier.epochs": 4,
    "classifier.image_size": 64,
    "classifier.width": 16,
    "foregrounds.min_prob": 0.0,
    "paste.n_p": 1,
    "train.iterations": 6,
    "train.batch_size": 2,
    "train.width": 16,
    "train.image_size": 96,
    "train.checkpoint_every": 2,
    "report.num_images": 2,
}
Run = Callable[..., subprocess.CompletedProcess[str]]


def runner(folder: Path) -> Run:
    """A function that runs a command in ``folder``, the environment activated; it must end with ``code``."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "MLFLOW_"))}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for role in ("AUTHOR", "COMMITTER"):
        environment[f"GIT_{role}_NAME"], environment[f"GIT_{role}_EMAIL"] = "Test", "test@example.org"

    def run(*command: object, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, cwd=folder, env=environment, capture_output=True, text=True, timeout=900, check=False
        )
        assert code is None or done.returncode == code, (
            f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done

    return run


def copy_code(folder: Path) -> None:
    """Every file that git tracks or would track, as it is in the working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def make_project(folder: Path, settings: Mapping[str, object]) -> None:
    """``folder`` is a git repository in which the pipeline has run once with ``settings``; all is committed."""
    folder.mkdir()
    copy_code(folder)
    run = runner(folder)
    run("git", "init", "-q", "-b", "main")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "The code")
    run(
        "empaste",
        "preset",
        "--write",
        *[word for key, value in settings.items() for word in ("--set", f"{key}={value}")],
    )
    run("dvc", "repro")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "A run")


def stages_run(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The stages that DVC ran, in order; those restored from its run cache count too."""
    return re.findall(r"(?:Running stage '|Stage ')(\w+)'(?=:| is cached)", done.stdout + done.stderr)
