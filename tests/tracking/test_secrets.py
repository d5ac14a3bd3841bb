"""No password, key or token of the environment comes into a file of the repository or of its store."""

import contextlib
import subprocess
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.tracking import live_curve, record_pipeline
from tests.tracking.runs import free_port, record, recorded

PASSWORD, KEY, TOKEN = "pass-word-8273", "sk-key-5521", "gh-token-9914"


def files_with(folder: Path, *secrets: str) -> list[Path]:
    """The files below ``folder`` that hold one of ``secrets``, git's own apart."""
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    assert len(files) > 3
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def test_nothing_secret_is_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a run whose server is away, and by one that is recorded, in a clone that holds its remote's token."""
    address = f"https://me:{TOKEN}@example.org/project.git"
    subprocess.run(["git", "remote", "add", "secret", address], cwd=here, check=True)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with monkeypatch.context() as away:
        away.setenv("MLFLOW_TRACKING_URI", f"http://me:{PASSWORD}@127.0.0.1:{free_port()}")
        with contextlib.suppress(InputError):
            record_pipeline(record())
        with live_curve("train", every_seconds=0) as log:
            log(1, {"loss": 1.0})
    recorded()
    (here / "seen.txt").write_text(PASSWORD)
    assert files_with(here, PASSWORD, KEY, TOKEN) == [here / "seen.txt"], "a file that holds one is found"
    (here / "seen.txt").unlink()
    subprocess.run(["git", "remote", "remove", "secret"], cwd=here, check=True)
