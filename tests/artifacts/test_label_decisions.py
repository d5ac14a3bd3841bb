"""Corrections of labels as a file: read back as written, and every mistake named."""

from pathlib import Path

import pytest

from empaste.artifacts.label_decisions import LabelDecision, read_label_decisions, write_label_decisions
from empaste.errors import InputError
from empaste.layout import HERE

ADDED = LabelDecision("train/b.jpg", "fish, fresh", "added")
REMOVED = LabelDecision("train/a.jpg", "ball", "removed")


def test_a_file_is_read_as_it_was_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "decisions/labels.csv"
    write_label_decisions(path, [ADDED, REMOVED])
    assert path.read_text() == 'image,class,change\ntrain/a.jpg,ball,removed\ntrain/b.jpg,"fish, fresh",added\n'
    assert read_label_decisions(path) == [REMOVED, ADDED]


def test_no_decision_is_the_file_of_the_repository_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    assert read_label_decisions(path) == []
    write_label_decisions(path, [])
    assert path.read_bytes() == (Path(__file__).parents[2] / HERE.label_decisions).read_bytes()
    assert read_label_decisions(path) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,class\na,b\n", "lacks the column change"),
        ("image,class,change\na,b,added,c\n", "line 2: 4 fields"),
        ("image,class,change\na,b,add\n", "line 2: change is 'add'; choose from added, removed"),
        ("image,class,change\n,b,added\n", "line 2: image is ''; it must be text"),
        ("image,class,change\na,,added\n", "line 2: class is ''; it must be text"),
        ("image,class,change\na,b,added\nc,b,added\na,b,removed\n", "lines 2 and 4 are both on class 'b' of image a"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_label_decisions(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)
