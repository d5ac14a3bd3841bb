"""Outputs appear whole or not at all."""

import json
import shutil
from pathlib import Path
from typing import Never

import pytest

from empaste.artifacts.outputs import whole_directory, write_json, write_whole


def test_a_directory_is_replaced_as_a_whole(tmp_path: Path) -> None:
    out = tmp_path / "data" / "out"
    out.mkdir(parents=True)
    (out / "stale").write_text("old")
    (out.parent / ".out~killed").mkdir()
    with whole_directory(out) as scratch:
        (scratch / "fresh").write_text("new")
        assert (out / "stale").exists()
    assert [path.name for path in out.iterdir()] == ["fresh"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


def fail_half_way(scratch: Path, error: BaseException) -> Never:
    (scratch / "half").write_text("new")
    raise error


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_the_directory_as_it_was(tmp_path: Path, error: BaseException) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "kept").write_text("old")
    with pytest.raises(type(error)), whole_directory(out) as scratch:
        fail_half_way(scratch, error)
    assert (out / "kept").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_is_removed_is_never_the_directory_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removing takes long: a process killed meanwhile would leave half of it."""
    out, removed = tmp_path / "out", []
    out.mkdir()
    (out / "kept").write_text("old")

    def note(path: Path, **_: object) -> None:
        removed.append((Path(path) == out, [file.name for file in out.iterdir()]))

    with monkeypatch.context() as patch, whole_directory(out) as scratch:
        patch.setattr(shutil, "rmtree", note)
        (scratch / "fresh").write_text("new")
    assert removed == [(False, ["fresh"])]


def test_where_the_new_directory_cannot_take_its_place_the_old_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rename = tmp_path / "out", Path.rename
    out.mkdir()
    (out / "kept").write_text("old")

    def fail(path: Path, target: Path) -> Path:
        if target == out and not (path / "kept").exists():
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"), whole_directory(out):
        pass
    assert (out / "kept").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b.txt", b"one")
    write_whole(tmp_path / "a" / "b.txt", b"two")
    assert (tmp_path / "a" / "b.txt").read_bytes() == b"two"
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_json_is_strict(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"AP": None})
    assert json.loads((tmp_path / "a.json").read_text()) == {"AP": None}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"AP": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"AP": None}
