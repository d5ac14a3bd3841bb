"""Captions as people and models leave them."""

import pytest

from empaste.captions.tidying import MAX_CHARACTERS, answer, tidy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  a dog\n\ton  grass \r\n", "a dog on grass"),
        ("", ""), (" \u200b\ufeff ", ""), ("d\u00ado\u200bg", "dog"), ("ＤＯＧ", "DOG"), ("cafe\u0301", "café"),
        ("a\x00b\x1b[0m", "a b [0m"), ("\ud800", ""), ("一只狗 🐕", "一只狗 🐕"), ("👩\u200d🍳", "👩\u200d🍳"),
    ],
)  # fmt: skip
def test_tidy(text: str, expected: str) -> None:
    assert tidy(text) == expected


def test_long_captions_end_with_a_whole_word() -> None:
    long = tidy("a grassy hill " * 150)
    assert len(long) <= MAX_CHARACTERS
    assert long.endswith(("a", "grassy", "hill"))
    assert len(tidy("x" * 2000)) == MAX_CHARACTERS
    assert tidy("word " * 200) == ("word " * 200).strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"A dog on grass."', "A dog on grass."),
        ("Caption: A dog\non grass", "A dog on grass"),
        ("Assistant: A dog. It sleeps on the", "A dog."),
        ("A dog at 3.5 m. Dr", "A dog at 3.5 m."),
        ("**A dog**", "A dog"),
        ("a dog on the", "a dog on the"),
        ("", ""),
    ],
)
def test_answers(text: str, expected: str) -> None:
    assert answer(text) == expected
