"""The message of an error stays one that a person reads, whatever was received."""

import pickle

import pytest

from empaste.errors import LONGEST, LONGEST_WORD, InputError, first_line, name_and_line


@pytest.mark.parametrize("message", ["a.json is empty; restore it", "", "two\nlines", "x" * LONGEST_WORD])
def test_a_message_stands_as_it_is(message: str) -> None:
    assert str(InputError(message)) == message


def test_what_is_too_long_is_cut_and_the_next_step_stays() -> None:
    error = InputError(f"labels.csv, line 2: split is {'x' * 70_000!r}; choose from train, val")
    assert str(error) == f"labels.csv, line 2: split is '{'x' * (LONGEST_WORD - 1)}… choose from train, val"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    many = str(InputError(f"a.csv has {'so many words ' * 10_000}; remove some"))
    assert len(many) < LONGEST + 10
    assert many.startswith("a.csv has so many")
    assert many.endswith("; remove some")


@pytest.mark.parametrize(
    ("error", "line", "named"),
    [
        (RuntimeError("\n out of memory\non device 0"), "out of memory", "RuntimeError: out of memory"),
        (MemoryError(), "MemoryError", "MemoryError"),
        (ValueError(" \n"), "ValueError", "ValueError"),
    ],
)
def test_of_what_a_library_says_the_first_line_is_told(error: Exception, line: str, named: str) -> None:
    assert first_line(error) == line
    assert name_and_line(error) == named
