"""Checkpoints: whole or absent, read back as written."""

from pathlib import Path

import pytest
import torch

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from tests.full_disk import full_disk


def test_read_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"step": 3, "tensor": torch.arange(4), "history": [{"loss": 0.5, "val": None}]})
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["history"] == [{"loss": 0.5, "val": None}]
    assert torch.equal(loaded["tensor"], torch.arange(4))
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_half_a_file_counts_as_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"tensor": torch.arange(10_000)})
    whole = path.read_bytes()
    for length in (0, 1, 50, 700, 30_000, *range(len(whole) - 1500, len(whole), 50)):  # torch's errors differ
        path.write_bytes(whole[:length])
        assert load_checkpoint(path) is None
        assert "not a readable checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("length", [0, 700, None])
def test_behind_a_broken_checkpoint_stands_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], length: int | None
) -> None:
    path = tmp_path / "checkpoint.pt"
    for step in (1, 2, 3):
        save_checkpoint(path, {"step": step, "tensor": torch.arange(400)})
    if length is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:length])
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["step"] == 2
    assert ("not a readable checkpoint" in capsys.readouterr().err) == (length is not None)


@pytest.mark.parametrize("room", [1, 1_000, 20_000])
def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path, room: int) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    with full_disk(room), pytest.raises(OSError, match="File too large"):
        save_checkpoint(path, {"step": 2, "tensor": torch.arange(10_000)})
    assert load_checkpoint(path) == {"step": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]
