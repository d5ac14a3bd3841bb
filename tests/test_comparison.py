"""The run in the workspace beside one in DVC's cache, in a small repository with both."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from empaste.comparison import compare
from empaste.errors import InputError
from tests.report.conftest import make_run
from tests.report.test_against import lock, other_run


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The commit ``six`` has one run in DVC's cache, the workspace another."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("compared")
    here = make_run(tmp_path_factory.mktemp("made"))
    other_run(root, here)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    with contextlib.chdir(root):
        with Repo.init() as repo:
            repo.add([str(path) for path in sorted(Path("data").iterdir()) if path.is_dir()])
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "six"], check=True)
        subprocess.run([*git, "tag", "six"], check=True)
        for folder in ("data/foregrounds", "data/detections"):
            shutil.rmtree(folder)
        shutil.copytree(here, root, dirs_exist_ok=True)
        Path("dvc.lock").write_text(lock(3, "a", "a"))
        yield root


@pytest.mark.usefixtures("repository")
def test_the_page_shows_both_runs(tmp_path: Path) -> None:
    out = tmp_path / "new" / "against.html"
    compare("six", out, 4)
    page = out.read_text()
    assert "six · IoU 0.00 ✗" in page
    assert "paste.n_p" in page


@pytest.mark.usefixtures("repository")
def test_a_revision_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nope is no experiment, branch or commit; see: dvc exp list"):
        compare("nope", tmp_path / "against.html", 4)
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_that_is_nowhere_is_named(repository: Path, tmp_path: Path) -> None:
    cache = repository / ".dvc" / "cache"
    cache.rename(repository / "away")
    try:
        with pytest.raises(InputError, match="data/foregrounds of six is neither in DVC's cache nor in its remote"):
            compare("six", tmp_path / "against.html", 4)
    finally:
        (repository / "away").rename(cache)
