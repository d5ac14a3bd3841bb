"""Fields of foreign records: what has one meaning is read, what has none is refused by name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts import fields
from empaste.errors import InputError


@pytest.mark.parametrize("value", [12, 12.0, "12", " 12 ", "12.0", "+12"])
def test_whole_numbers_in_any_type(value: Any) -> None:
    assert fields.whole_number(value, "a.json: images[0].id") == 12


@pytest.mark.parametrize("value", [True, None, 1.5, "1.5", "twelve", "", [], {}, float("nan"), "1e3", "०१२"])
def test_what_is_no_whole_number(value: Any) -> None:
    with pytest.raises(InputError, match=r"a.json: images\[0\].id is .*; it must be a whole number$"):
        fields.whole_number(value, "a.json: images[0].id")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, "99999999999999999999"])
def test_ids_that_no_table_holds(value: Any) -> None:
    with pytest.raises(InputError, match=r"id is .*; it must be a whole number from -9223372036854775808 to"):
        fields.whole_number(value, "id")


def test_ids_at_the_ends_are_legal() -> None:
    assert [fields.whole_number(one, "id") for one in (2**63 - 1, -(2**63))] == [2**63 - 1, -(2**63)]


@pytest.mark.parametrize(("value", "expected"), [(1.5, 1.5), ("1.5", 1.5), (3, 3.0), ("1e3", 1000.0)])
def test_numbers(value: Any, expected: float) -> None:
    assert fields.number(value, "x") == expected


@pytest.mark.parametrize("value", [True, None, "x", float("inf"), "nan", 10**400, [1]])
def test_what_is_no_number(value: Any) -> None:
    with pytest.raises(InputError, match=r"x is .*; it must be a number"):
        fields.number(value, "x")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, 0), (1, 1), ("0", 0), ("1", 1), (0.0, 0), (True, 1), ("false", 0), ("True", 1), (None, 0), (" 1 ", 1)],
)
def test_flags(value: Any, expected: int) -> None:
    assert fields.flag(value, "iscrowd") == expected


@pytest.mark.parametrize("value", [2, "maybe", [], -1, 0.5, ""])
def test_what_is_no_flag(value: Any) -> None:
    with pytest.raises(InputError, match=r"iscrowd is .*; it must be 0 or 1"):
        fields.flag(value, "iscrowd")


def test_scores() -> None:
    assert [fields.score(one, "score") for one in (0, 1, "0.5")] == [0, 1, 0.5]
    for value in (1.1, -0.1, None, "high", float("nan")):
        with pytest.raises(InputError, match=r"score is .*; scores are numbers from 0 to 1"):
            fields.score(value, "score")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("cat", "cat"), (" a \n b ", "a b"), ("cafe\u0301", "café"), (7, "7"), ("NA", "NA"), ("\U0001f34e", "\U0001f34e")],
)
def test_names(value: Any, expected: str) -> None:
    assert fields.name(value, "name") == expected


@pytest.mark.parametrize("value", ["", "  ", None, 1.5, True, [], "a\0b", "\ud800", "a\x07b"])
def test_what_is_no_name(value: Any) -> None:
    with pytest.raises(InputError, match=r"^name is "):
        fields.name(value, "name")


@given(st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1))
def test_a_name_stays_as_it_is_once_cleaned(value: str) -> None:
    if value.strip():
        name = fields.name(value, "name")
        assert fields.name(name, "name") == name
        assert name == name.strip()


def test_lists_of_numbers() -> None:
    assert fields.numbers([1, "2", 3.5], "bbox") == [1, 2, 3.5]
    with pytest.raises(InputError, match=r"bbox is \[1, 2\]; it must be 4 numbers"):
        fields.numbers([1, 2], "bbox", 4)
    with pytest.raises(InputError, match=r"bbox is 'x'; it must be a list of numbers"):
        fields.numbers("x", "bbox")


def test_a_number_of_thousands_of_digits_is_not_shown() -> None:
    with pytest.raises(InputError, match=r"id is a int; it must be a whole number from"):
        fields.whole_number(10**5000, "id")


def test_names_stand_in_one_line_that_any_file_takes() -> None:
    assert fields.listed(["a\nb", "\udcff.jpg", "مرحبا", "x" * 1000, "é", 7], 4) == (
        f"a\\nb, \\udcff.jpg, مرحبا, {'x' * fields.LONGEST}… and 2 more"
    )
