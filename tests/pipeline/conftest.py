"""One finished run of the tiny pipeline, for all tests that run DVC."""

from pathlib import Path

import pytest

from tests.pipeline.project import TINY, Run, copy_code, runner


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The top of a git repository in which the tiny pipeline has run once and is committed."""
    folder = tmp_path_factory.mktemp("project") / "empaste"
    folder.mkdir()
    copy_code(folder)
    run = runner(folder)
    run("git", "init", "-q", "-b", "main")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "The code")
    run("empaste", "preset", "--write", *[word for key, value in TINY.items() for word in ("--set", f"{key}={value}")])
    run("dvc", "repro")
    run("git", "add", "-A")
    run("git", "commit", "-qm", "A tiny run")
    return folder


@pytest.fixture
def run(project: Path) -> Run:
    return runner(project)
