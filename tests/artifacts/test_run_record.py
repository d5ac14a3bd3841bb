"""What a run leaves of itself: parameters and DVC's record, read and compared."""

from pathlib import Path

import pytest

from empaste.artifacts.run_record import changes, read_params, read_stages, recorded_outputs
from empaste.errors import InputError

LOCK = """
schema: '2.0'
stages:
  prepare:
    outs:
    - {path: data/images, md5: aa.dir, size: 300, nfiles: 3}
    - {path: data/labels, md5: bb.dir}
  report:
    deps: [{path: data/images, md5: aa.dir}]
"""


def test_every_output_is_known_with_its_stage(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    stages = read_stages(tmp_path / "dvc.lock")
    assert list(stages) == ["prepare", "report"]
    assert recorded_outputs(stages) == {
        "data/images": ("prepare", {"path": "data/images", "md5": "aa.dir", "size": 300, "nfiles": 3}),
        "data/labels": ("prepare", {"path": "data/labels", "md5": "bb.dir"}),
    }


@pytest.mark.parametrize("content", ["", "schema: '2.0'", "stages:"])
def test_where_no_stage_has_run_there_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.lock").write_text(content)
    assert read_stages(tmp_path / "dvc.lock") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"cannot be read \(FileNotFoundError\); run: dvc repro"),
        (b"stages: [", r"cannot be read \(ParserError\); run: dvc repro"),
        (b"\xff", r"cannot be read \(UnicodeDecodeError\); run: dvc repro"),
        (b"- 1", "holds no sections; run: dvc repro"),
    ],
)
def test_a_run_without_a_record_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "dvc.lock").write_bytes(content)
    for read in (read_stages, read_params):
        with pytest.raises(InputError, match=message):
            read(tmp_path / "dvc.lock")


def test_parameters_are_flat_and_their_numbers_dvcs(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("train: {lr: 1e-05, scale: [1, 2]}\npaste: {n_p: null}\n")
    assert read_params(tmp_path / "params.yaml") == {"train.lr": 1e-05, "train.scale": [1, 2], "paste.n_p": None}


def test_what_differs_is_told_with_both_values_in_the_order_of_here() -> None:
    here, there = {"b": 1, "a": 2, "c": None, "same": 5}, {"same": 5, "gone": 3, "a": 4}
    assert changes(here, there) == {"b": (1, None), "a": (2, 4), "gone": (None, 3)}
    assert list(changes(here, there)) == ["b", "a", "gone"]
    assert changes(here, here) == {}
