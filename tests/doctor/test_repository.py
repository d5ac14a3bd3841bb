"""What git, DVC and the disk lack is said with what to do."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from empaste.doctor import repository
from empaste.doctor.check import Check


def test_a_full_disk_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "MIN_FREE_GB", 10**9)
    assert repository.check_disk(folder).state == "note"


def test_the_remote_is_named(folder: Path) -> None:
    local = folder / ".dvc" / "config.local"
    local.write_text("[core]\n    remote = shared\n")
    assert repository.check_dvc(folder)[1].state == "broken"
    local.write_text("[core]\n    remote = shared\n['remote \"shared\"']\n    url = ssh://host/store\n")
    assert repository.check_dvc(folder)[1] == Check("ok", "DVC's default remote is shared (ssh://host/store)")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@host/store", "https://…@host/store"),
        ("webdavs://me:se,cret@host/store", "webdavs://…@host/store"),
        ("https://host/store?token=secret", "https://host/store?…"),
        ("/mnt/a@b", "/mnt/a@b"),
    ],
)
def test_the_remote_is_named_without_its_password(folder: Path, url: str, shown: str) -> None:
    (folder / ".dvc" / "config.local").write_text(
        f"[core]\n    remote = shared\n['remote \"shared\"']\n    url = {url}\n"
    )
    assert repository.check_dvc(folder)[1] == Check("ok", f"DVC's default remote is shared ({shown})")


@pytest.mark.parametrize(("text", "line"), [("password secret", 1), ("[core]\n  url = 'secret\n  secret\n", 2)])
def test_a_configuration_that_cannot_be_read_is_not_quoted(folder: Path, text: str, line: int) -> None:
    (folder / ".dvc" / "config.local").write_text(text)
    (check,) = repository.check_dvc(folder)
    said = f"DVC's configuration cannot be read (config.local: line {line} cannot be parsed); correct it"
    assert check == Check("broken", said)


def test_outputs_that_are_there_are_told_from_those_that_are_not(folder: Path) -> None:
    stages = {"first": {"outs": ["a", {"b": {"cache": False}}]}, "second": {"metrics": ["c"]}}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for name in "ab":
        (folder / name).touch()
    assert repository.check_outputs(folder) == [Check("note", "no outputs yet of second; to make them: dvc repro")]
    (folder / "c").touch()
    assert repository.check_outputs(folder)[0].state == "ok"


def test_a_download_without_git_is_told_what_to_do(folder: Path) -> None:
    shutil.rmtree(folder / ".git")
    (check,) = repository.check_git(folder)
    assert check.state == "broken"
    assert "git init && git add -A" in check.text
    assert "core.no_scm true" in check.text
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n")
    assert repository.check_git(folder)[0].state == "note"


def test_git_without_a_commit_or_a_name_is_noted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    commit, person = repository.check_git(folder)
    assert commit.state == person.state == "note"
    assert "git has no commit yet" in commit.text
    assert "git config --global user.name ... && git config --global user.email ..." in person.text
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "commit", "-qm", "a", "--allow-empty"], check=True)
    subprocess.run(["git", "-C", folder, "config", "user.name", "a"], check=True)
    subprocess.run(["git", "-C", folder, "config", "user.email", "a@b"], check=True)
    assert repository.check_git(folder) == [Check("ok", "git knows this repository, and who commits")]


@pytest.mark.parametrize(
    ("place", "cache", "said"),
    [
        ("/a b%20;&+/r", "/c", []),
        ("/a#b", "/c", ["--temp and --queue end in an error below a path with # or ?"]),
        ("/a?b", "/c", ["--temp and --queue end in an error below a path with # or ?"]),
        ("/ü", "/ü/.dvc/cache", ["where the cache's path is not all ASCII"]),
        ("/ü", "/c", []),
        ("/{a}", "/{a}/.dvc/cache", ["DVC cannot use a cache below a path with braces"]),
    ],
)
def test_what_dvc_cannot_do_in_a_place_is_said(place: str, cache: str, said: list[str]) -> None:
    checks = repository.check_names(Path(place), Path(cache))
    assert len(checks) == len(said)
    assert all(part in check.text for part, check in zip(said, checks, strict=True))
