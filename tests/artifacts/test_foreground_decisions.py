"""Decisions on foregrounds as a file: read back as written, one line each, and every mistake named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    Verdict,
    read_foreground_decisions,
    write_foreground_decisions,
)
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.masks import encode_mask


def mask(x: int, width: int = 3, size_hw: tuple[int, int] = (6, 9)) -> Any:
    canvas = np.zeros(size_hw, bool)
    canvas[1:4, x : x + width] = True
    return encode_mask(canvas)


KEPT = ForegroundDecision("train/b.jpg", "fish", "keep", mask(1))
REJECTED = ForegroundDecision("train/a.jpg", "fish", "reject", mask(2))
MENDED = ForegroundDecision("train/a.jpg", "ball", "mend", mask(2), mask(3))
EMPTY = encode_mask(np.zeros((6, 9), bool))
DRAWN = [ForegroundDecision("train/a.jpg", "ball", "mend", EMPTY, mask(x), x) for x in (0, 5)]


def record(**changes: Any) -> dict[str, Any]:
    fields = {"image": "train/a.jpg", "class": "ball", "decision": "keep", "mask": mask(1)} | changes
    return {key: value for key, value in fields.items() if value is not None}


def refused(path: Path, content: Any) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(InputError) as caught:
        read_foreground_decisions(path)
    return str(caught.value)


def test_a_file_is_read_as_it_was_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "decisions/foregrounds.json"
    write_foreground_decisions(path, [KEPT, REJECTED, MENDED, *DRAWN])
    assert sorted(read_foreground_decisions(path), key=lambda one: one.key) == read_foreground_decisions(path)
    assert {one.key: one for one in read_foreground_decisions(path)} == {
        one.key: one for one in (*DRAWN, MENDED, REJECTED, KEPT)
    }
    assert [one.class_name for one in read_foreground_decisions(path)] == ["ball", "ball", "ball", "fish", "fish"]
    assert [line.count('"image"') for line in path.read_text().splitlines()] == [0, 1, 1, 1, 1, 1, 0]
    assert path.read_text().count('"instance": 5') == path.read_text().count('"instance"') == 1


def test_no_decision_is_the_file_of_the_repository_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "foregrounds.json"
    assert read_foreground_decisions(path) == []
    write_foreground_decisions(path, [])
    assert path.read_bytes() == b'{"foregrounds": []}\n'
    assert read_foreground_decisions(path) == []
    root = Path(__file__).parents[2]
    assert read_foreground_decisions(root / HERE.foreground_decisions) == []


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
verdicts: st.SearchStrategy[Verdict] = st.sampled_from(["keep", "reject"])


@given(st.lists(st.builds(ForegroundDecision, names, names, verdicts, st.integers(0, 5).map(mask)), max_size=6))
def test_bytes_depend_on_what_was_decided_and_not_on_when(decisions: list[ForegroundDecision]) -> None:
    import tempfile

    once = list({one.key: one for one in decisions}.values())
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("a", "b")]
        write_foreground_decisions(paths[0], once)
        write_foreground_decisions(paths[1], reversed(once))
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_right_mask() -> None:
    assert [one.right_mask for one in (KEPT, REJECTED, MENDED)] == [mask(1), None, mask(3)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not valid JSON"),
        ([], "foregrounds is no list of objects; it must be a list of decisions under foregrounds"),
        ({"foregrounds": [], "masks": []}, "has the key 'masks'; it takes foregrounds"),
        (
            {"foregrounds": [record(decision="kept")]},
            "foregrounds[0].decision is 'kept'; choose from keep, reject, mend",
        ),
        ({"foregrounds": [record(image=7.5)]}, "foregrounds[0].image is 7.5; it must be text"),
        ({"foregrounds": [record(**{"class": ""})]}, "foregrounds[0].class is ''; it must be text"),
        ({"foregrounds": [record(mask=None)]}, "foregrounds[0].mask: segmentation is 'None'; it is no RLE"),
        ({"foregrounds": [record(mask={"size": [6, 9], "counts": "1"})]}, "do not add up to 6 × 9 pixels"),
        ({"foregrounds": [record(mended=mask(1))]}, "has the key 'mended'; it takes image, class, decision, mask"),
        ({"foregrounds": [record(decision="mend")]}, "foregrounds[0].mended: segmentation is 'None'"),
        (
            {"foregrounds": [record(decision="mend", mended=mask(1, size_hw=(9, 9)))]},
            "foregrounds[0].mended: the RLE is of size [9, 9], its image [6, 9]",
        ),
        (
            {"foregrounds": [record(decision="mend", mended=EMPTY)]},
            "foregrounds[0].mended is an empty mask; draw the object, or reject the foreground",
        ),
        (
            {"foregrounds": [record(), record(decision="reject")]},
            "foregrounds[0] and foregrounds[1] are on the same mask of class 'ball' in image train/a.jpg",
        ),
        (
            {"foregrounds": [record(mask=EMPTY)]},
            "foregrounds[0].mask is an empty mask, so there is nothing to keep; to draw the object, let decision be "
            "mend and mended its mask; else remove the decision",
        ),
        ({"foregrounds": [record(mask=EMPTY, decision="reject")]}, "so there is nothing to reject; to draw the object"),
        (
            {"foregrounds": [record(mask=EMPTY, decision="mend", mended=mask(x)) for x in (1, 4)]},
            "foregrounds[0] and foregrounds[1] draw the same object (instance 0) of class 'ball' in image train/a.jpg; "
            "remove one of them, or give it another instance",
        ),
        (
            {"foregrounds": [record(decision="mend", mended=mask(1), instance=1)]},
            "foregrounds[0].instance is 1, and mask is not empty; only objects drawn anew are numbered: remove it",
        ),
        (
            {"foregrounds": [record(mask=EMPTY, decision="mend", mended=mask(1), instance=-1)]},
            "foregrounds[0].instance is -1; it must be a whole number from 0",
        ),
        ({"foregrounds": [record(instance=1)]}, "has the key 'instance'; it takes image, class, decision, mask"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, content: Any, said: str) -> None:
    message = refused(tmp_path / "foregrounds.json", content)
    assert message.startswith(str(tmp_path / "foregrounds.json"))
    assert said in message


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_foreground_decisions(tmp_path)
