"""Metrics files are read as they were written, and named where they are not."""

import json
from pathlib import Path

import pytest

from empaste.artifacts.metrics import flatten, numbers, read_metrics
from empaste.errors import InputError


def test_figures_by_dotted_name(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(
        json.dumps({"loss": 0.5, "per_class": {"C#": None, "cat": 1}, "is_best": True})
    )
    flat = flatten(read_metrics(tmp_path / "train.json"))
    assert flat == {"loss": 0.5, "per_class.C#": None, "per_class.cat": 1, "is_best": True}
    assert numbers(flat) == {"loss": 0.5, "per_class.cat": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "is not valid JSON: .*; run: dvc repro train"),
        ("{", "is not valid JSON"),
        ("[1]", "holds list, not named figures"),
    ],
)
def test_what_holds_no_figures_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "train.json"
    with pytest.raises(InputError, match=r"train\.json does not exist; run: dvc repro train"):
        read_metrics(path)
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_metrics(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"train\.json cannot be read"):
        read_metrics(path)
