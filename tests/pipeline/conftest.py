"""One finished run of the tiny pipeline, for all tests that run DVC."""

from pathlib import Path

import pytest

from tests.pipeline.project import TINY, Run, make_project, runner


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The top of a git repository in which the tiny pipeline has run once and is committed."""
    folder = tmp_path_factory.mktemp("project") / "empaste"
    make_project(folder, TINY)
    return folder


@pytest.fixture
def run(project: Path) -> Run:
    return runner(project)
