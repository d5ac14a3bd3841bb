"""The outbox keeps points and records as they were, in order, and names what is damaged."""

import dataclasses
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.tracking import Record
from empaste.tracking.data_sets import DataSet
from empaste.tracking.identity import PipelineRun
from empaste.tracking.outbox import keep_points, keep_record, kept_runs, outbox, read_entries, remove_entry

FIRST, SECOND = (
    PipelineRun({"host": "a", "process": process}, "n_p=6", {"git.commit": "abc"}, 1_700_000_000_000)
    for process in ("1 1", "2 1")
)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
NAMED = st.dictionaries(st.text(), VALUES | st.lists(VALUES), max_size=3)


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    return tmp_path


def test_a_record_comes_back_with_copies_of_its_files(root: Path) -> None:
    (root / "a").mkdir()
    for path, text in (("a/x.csv", "one"), ("x.csv", "two"), ("a/net", "three")):
        (root / path).write_text(text)
    whole = Record(
        params={"paste.scale": [0.6, 1.0], "prepare.root": None},
        metrics={"evaluate.mask.AP50": 58.4},
        headline="58.4",
        note="| 中 |",
        headline_metrics={"mask AP50": 58.4},
        data_sets=[DataSet("demo images", "images", "data/images", "0123", {"nfiles": 3})],
        curves={"train": {"iteration": [1, 2], "loss": [3.0, 2.0]}},
        files=[(root / "x.csv", ""), (root / "a" / "x.csv", "plots"), (root / "a", "models/a")],
        figures={"proposals.jpg": b"\xff\x00"},
        tags={"study": "paste"},
        detector=(root / "a", b"\x00image"),
    )
    name = keep_record(FIRST, whole)
    (root / "x.csv").write_text("changed")
    (entry,) = read_entries(FIRST.key)
    kept = entry.record
    assert kept
    assert (entry.name, entry.run, entry.points) == (name, FIRST, [])
    assert dataclasses.replace(kept, files=whole.files, detector=whole.detector) == whole
    assert [(path.name, place) for path, place in kept.files] == [("x.csv", ""), ("x.csv", "plots"), ("a", "models/a")]
    assert [path.read_text() for path, _ in kept.files[:2]] == ["two", "one"]
    assert kept.detector
    assert kept.detector[1] == b"\x00image"
    assert {path.name: path.read_text() for path in kept.detector[0].iterdir()} == {"x.csv": "one", "net": "three"}
    remove_entry(name)
    assert list(outbox().iterdir()) == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(params=NAMED, numbers=st.dictionaries(st.text(), st.floats(allow_nan=False)), text=st.text())
def test_names_and_values_of_any_kind_return(params: dict[str, object], numbers: dict[str, float], text: str) -> None:
    whole = Record(params, numbers, text, note=text, tags={text: text}, data_sets=[], files=[])
    name = keep_record(FIRST, whole)
    assert next(entry.record for entry in read_entries(FIRST.key) if entry.name == name) == whole
    remove_entry(name)


def test_entries_come_in_the_order_in_which_they_were_kept() -> None:
    for run, step in ((SECOND, 1), (FIRST, 1), (SECOND, 2), (FIRST, 2)):
        keep_points(run, [("curves/train.loss", step, 0.5)])
    keep_record(FIRST, Record({}, {}, "whole"))
    assert kept_runs() == [SECOND.key, FIRST.key]
    *points, last = read_entries(FIRST.key)
    assert [entry.points for entry in points] == [[("curves/train.loss", step, 0.5)] for step in (1, 2)]
    assert last.record
    assert last.record.headline == "whole"


def test_what_is_half_written_or_half_removed_is_no_entry() -> None:
    with pytest.raises(FileNotFoundError):
        keep_record(FIRST, Record({}, {}, "", files=[(Path("absent"), "")]))
    assert kept_runs() == []
    (outbox() / f"{FIRST.key}.1.ab" / "files").mkdir(parents=True)
    (outbox() / f".{FIRST.key}.2.ab~x").mkdir()
    (outbox() / f".{FIRST.key}.2.ab~x" / "entry.json").write_text("{}")
    assert kept_runs() == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"run": {}, "points": [], "record": null}', b"\xff"])
def test_a_damaged_entry_is_named(content: bytes) -> None:
    keep_points(FIRST, [])
    (path,) = outbox().glob("*/entry.json")
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{path.parent} cannot be read .*; delete that folder"):
        list(read_entries(FIRST.key))
