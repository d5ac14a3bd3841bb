"""Where artifacts lie, and where a user's paths lead."""

from pathlib import Path

import pytest

from empaste.layout import HERE, Layout, in_main_repository


def test_a_run_elsewhere_has_every_artifact_below_its_folder() -> None:
    elsewhere = HERE.below(Path("/runs/one"))
    assert [path.relative_to("/runs/one") for path in elsewhere] == list(HERE)
    assert isinstance(elsewhere, Layout)


def test_a_relative_path_lies_below_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/me")
    assert in_main_repository("a #b?c%20") == tmp_path / "a #b?c%20"
    assert in_main_repository("/a b") == Path("/a b")
    assert in_main_repository("~/a") == Path("/home/me/a")
    assert in_main_repository("~no-such-user/a") == tmp_path / "~no-such-user/a"
