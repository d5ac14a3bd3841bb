"""The page on the parameters leaves none out, and says of each what the code and the files say."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import Field
from pydantic.fields import FieldInfo

from empaste.foregrounds.settings import PercentOrSchedule
from empaste.params import Params
from empaste.settings import Fraction, RisingRange
from website.parameters import (
    Parameter,
    allowed_values,
    fields_of,
    parameters_page,
    read_comments,
    read_parameters,
    rerun,
)

ROOT = Path(__file__).parents[2]
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


@pytest.fixture(scope="module")
def page() -> str:
    return parameters_page(ROOT)


@pytest.fixture(scope="module")
def parameters() -> dict[str, Parameter]:
    return {one.key: one for one in read_parameters(ROOT)}


def test_every_parameter_has_its_row(page: str) -> None:
    anchors = re.findall(r"^\| `\w+`\{ #([\w.]+) \} \|", page, re.MULTILINE)
    assert sorted(anchors) == sorted(key for key, _ in fields_of(Params))


def test_every_parameter_says_what_it_takes_and_means(parameters: dict[str, Parameter]) -> None:
    assert not [one.key for one in parameters.values() if not one.allowed or not one.meaning]


def test_every_row_has_as_many_cells_as_its_head(page: str) -> None:
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_every_table_stands_alone(page: str) -> None:
    """A line of text right above would take it into its paragraph."""
    assert re.findall(r"^(?!\|).+\n\| parameter", page, re.MULTILINE) == []


def test_presets_with_one_value_stand_together(page: str) -> None:
    assert re.search(r"#prepare.max_side \}.*\| `320`: photos, photos_scratch<br>`640`: photos_gpu \|", page)


def test_a_parameter_is_told_whole(parameters: dict[str, Parameter]) -> None:
    n_p = parameters["paste.n_p"]
    assert n_p.default == 3
    assert n_p.allowed == r"a whole number of 1 or more, or a rising range of two such as \[1, 4\]"
    assert n_p.meaning == "foregrounds pasted per background: a number, or a range [1, 4]"
    assert n_p.presets["voc"] == 4


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Fraction, "a number from 0, up to 1"),
        (RisingRange, "a list of 2, each a number over 0"),
        (bool, "`true` or `false`"),
        (str | None, "text or `null`"),
        (Literal["a", "b"], "`a`, `b`"),
        (Literal["a"], "`a`"),
        (Annotated[list[Literal["a", "b"]], Field(min_length=1)], "a list of 1 or more, each one of `a`, `b`"),
        (list[str], "a list, each text"),
        (dict[str, str], "a mapping of names, each to text"),
        (Annotated[int, Field(ge=32, multiple_of=32)], "a whole number from 32, a multiple of 32"),
        (Annotated[float, Field(gt=0, lt=1)], "a number over 0, under 1"),
        (PercentOrSchedule, r"a number over 0 and up to 100, or a list with one per iteration such as \[30, 50, 70\]"),
    ],
)
def test_what_a_type_takes_in_words(annotation: Any, said: str) -> None:
    assert allowed_values(FieldInfo.from_annotation(annotation)) == said


def test_comments_are_read_by_key() -> None:
    text = "a:  # of the section\n  b: '#1'  # of b: # too\n  c: [1,\n      2]  # of c\n  d: {}\n"
    assert read_comments(text) == {"a": "of the section", "a.b": "of b: # too", "a.c": "of c", "a.d": ""}


@pytest.mark.parametrize(
    ("section", "stages"),
    [
        ("report", ["report"]),
        ("paste", ["paste", "train", "evaluate", "report"]),
        ("captions", ["captions", "backgrounds", "paste", "train", "evaluate", "report"]),
        ("prepare", list(STAGES)),
    ],
)
def test_what_a_change_runs_again(section: str, stages: list[str]) -> None:
    assert rerun(section, STAGES) == stages
