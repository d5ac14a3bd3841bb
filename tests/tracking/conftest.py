"""A repository with a store of its own, set up once, and what a stage finds around it."""

import subprocess
from pathlib import Path

import pytest

from tests.tracking.runs import PIPELINE_VARIABLES


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose path holds a space; its store is set up once, which takes seconds."""
    root = tmp_path_factory.mktemp("main repository")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    (root / "params.yaml").write_text("paste: {n_p: 3}\n")
    (root / "code.py").write_text("one\n")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    return root


@pytest.fixture
def here(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository as working directory, DVC_ROOT as inside a stage, and nothing else of DVC or MLflow."""
    for name in PIPELINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("EMPASTE_TRACKING", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    monkeypatch.chdir(repository)
    return repository
