"""Checksums tell any change of a file or a folder."""

import hashlib
from pathlib import Path

from empaste.artifacts.checksums import file_checksum, folder_checksums


def test_a_file_has_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_checksum(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()


def test_a_folder_has_those_of_its_files_by_name_in_order(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("b/c/x", "a", "b/y"):
        (tmp_path / name).write_text(name)
    sums = folder_checksums(tmp_path)
    assert list(sums) == ["a", "b/c/x", "b/y"]
    assert sums["b/y"] == file_checksum(tmp_path / "b/y")
    assert folder_checksums(tmp_path / "empty") == {}
