"""Plural forms of English phrases, by rule and a short list of what no rule gives (``words.yaml``)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

TABLES = Path(__file__).with_name("words.yaml")

# Man and woman hide in longer words (policeman), other irregular words only as a whole or behind a hyphen.
NOT_OF_MAN = ("human", "german", "roman", "ottoman", "talisman", "caiman", "shaman", "norman")

SPELLED = re.compile(r"[a-z'’. -]+", re.IGNORECASE)
"""What rules of English apply to; other phrases (signs, other scripts) have no plural of their own."""


@lru_cache(maxsize=1)
def packaged_words() -> Mapping[str, Any]:
    """The sections of ``words.yaml``."""
    words: Mapping[str, Any] = yaml.safe_load(TABLES.read_text(encoding="utf-8"))
    return words


def plural(phrase: str) -> str:
    """``phrase`` with its head in the plural: the last word, or the one before "of" ("glasses of wine")."""
    if not SPELLED.fullmatch(phrase):
        return phrase + "s" if phrase[-1:].isascii() and phrase[-1:].isalnum() else phrase
    head, of, rest = phrase.partition(" of ")
    *before, last = head.split(" ")
    return " ".join([*before, plural_word(last)]) + of + rest


def plural_word(word: str) -> str:
    """One word in the plural, its case kept but for endings, which are in lower case."""
    words, low = packaged_words(), word.lower()
    if low in words["invariant"] or low in words["plural_only"]:
        return word
    if low in words["plurals"]:
        return word[0] + str(words["plurals"][low])[1:]
    if low.endswith("man") and low not in NOT_OF_MAN:
        return word[:-2] + "en"
    return regular_plural(word)


def regular_plural(word: str) -> str:
    """``word`` with the ending that English rules give it: -s, -es, -ies."""
    low = word.lower()
    if low.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if low.endswith("y") and low[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def singulars(phrase: str) -> list[str]:
    """The phrases whose plural ``phrase`` may be, likeliest first; none where it is none.

    Without a dictionary "horses" may be of a horse or of a hors: both are given, since a word that nobody writes is
    never found.
    """
    *before, last = phrase.split(" ")
    found = _singular_words(last) if SPELLED.fullmatch(phrase) else []
    return [" ".join([*before, word]) for word in found]


def _singular_words(word: str) -> list[str]:
    words = packaged_words()
    # A word in -ss, -us or -is (glass, bus, tennis) is singular, whatever a rule makes of it.
    if word in words["invariant"] or word in words["plural_only"] or word.endswith(("ss", "us", "is")):
        return []
    irregular = {many: one for one, many in words["plurals"].items()}
    candidates = [irregular.get(word, ""), word[:-1], word[:-2], word[:-3] + "y", word[:-2] + "an"]
    return [one for one in dict.fromkeys(candidates) if len(one) > 1 and plural_word(one) == word]


def is_plural_only(phrase: str) -> bool:
    """Whether ``phrase`` names several, or a pair, without an ending: people, gloves."""
    return phrase.split(" of ")[0].split(" ")[-1].lower() in packaged_words()["plural_only"]


def forms(phrase: str) -> dict[str, bool | None]:
    """Every form in which ``phrase`` may be written → whether it names several; None where the form does not tell.

    Taken widely: beside the right plural the regular one ("mouses", "knifes"), since a caption may hold either.
    """
    if is_plural_only(phrase):
        return {phrase: True} if phrase.endswith("s") else {phrase: True, _last_regular(phrase): True}
    several = {plural(phrase), _last_regular(phrase), _last_in_plural(phrase)} - {phrase}
    return {phrase: None if plural(phrase) == phrase else False} | dict.fromkeys(sorted(several), True)


def _last_regular(phrase: str) -> str:
    *before, last = phrase.split(" ")
    return " ".join([*before, regular_plural(last)]) if SPELLED.fullmatch(phrase) else phrase


def _last_in_plural(phrase: str) -> str:
    *before, last = phrase.split(" ")
    return " ".join([*before, plural_word(last)]) if SPELLED.fullmatch(phrase) else phrase
