"""JSON files of other programs and of the stages, and what is said of those that are none."""

import json
from pathlib import Path

import pytest

from empaste.artifacts.json_files import read_json, read_own_json
from empaste.errors import InputError


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [{"id": 1, "id": 2}]}')
    with pytest.raises(InputError, match=r"a.json: an object names the key 'id' twice; remove one of them"):
        read_json(path, "a.json")


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(InputError, match=r"^a.json is not valid JSON: .*restore the file"):
        read_json(tmp_path / "a.json", "a.json")
    with pytest.raises(InputError, match=r"b.json cannot be read \(No such file"):
        read_json(tmp_path / "b.json", "b.json")


def test_a_byte_order_mark_is_legal(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + json.dumps({"a": "ä"}).encode())
    assert read_json(tmp_path / "a.json", "a.json") == {"a": "ä"}


def test_a_stage_is_named_that_writes_the_file_again(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match=r"a\.json does not exist; run: dvc repro train$"):
        read_own_json(path, "dvc repro train")
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"a\.json is not valid JSON: .*; run: dvc repro train$"):
        read_own_json(path, "dvc repro train")
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"a\.json cannot be read \(Is a directory\); run: dvc repro train$"):
        read_own_json(path, "dvc repro train")
