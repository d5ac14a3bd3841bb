"""Fields of records that other programs wrote, checked for type and meaning: the one place that reads them.

A value of another type is read where it has one meaning (``"12"`` and ``12.0`` are 12, ``"0"`` is no crowd); what has
none is refused by name. Every function takes the ``place`` that an error calls the field: ``a.json: images[3].id``.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from empaste.errors import InputError

ID_LIMIT = 2**63
"""Ids lie below it, and not below its negative: tables hold them in 64 bits."""
SIDE_LIMIT = 2**31
LONGEST = 300
"""Letters of a name that a list of names shows."""
FLAGS = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}


def whole_number(value: Any, place: str, low: int = -ID_LIMIT, high: int = ID_LIMIT) -> int:
    """``value`` as a whole number from ``low`` to below ``high``."""
    number = value
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d{1,20}(\.0*)?\s*", value, re.ASCII):
        number = int(value.partition(".")[0])
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int):
        raise InputError(f"{place} is {shown(value)}; it must be a whole number")
    if not low <= number < high:
        raise InputError(f"{place} is {shown(value)}; it must be a whole number from {low} to {high - 1}")
    return number


def number(value: Any, place: str) -> float:
    """``value`` as a finite number."""
    found = value
    if isinstance(value, str):
        try:
            found = float(value)
        except ValueError:
            found = None
    if isinstance(found, bool) or not isinstance(found, int | float) or not _is_finite(found):
        raise InputError(f"{place} is {shown(value)}; it must be a number")
    return float(found)


def flag(value: Any, place: str) -> int:
    """``value`` as 0 or 1; nothing (None) is 0."""
    found = 0 if value is None else FLAGS.get(str(value).strip().lower())
    if found is None:
        raise InputError(f"{place} is {shown(value)}; it must be 0 or 1")
    return found


def score(value: Any, place: str) -> float:
    """``value`` as a number from 0 to 1."""
    try:
        found = number(value, place)
    except InputError:
        found = -1.0
    if not 0 <= found <= 1:
        raise InputError(f"{place} is {shown(value)}; scores are numbers from 0 to 1")
    return found


def text(value: Any, place: str) -> str:
    """``value`` as text that any file can hold: not empty, without a NUL or half a surrogate pair."""
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(found, str) or not found.strip():
        raise InputError(f"{place} is {shown(value)}; it must be text")
    if "\0" in found or (not found.isprintable() and _has_surrogate(found)):
        raise InputError(f"{place} is {shown(value)}, which is no text in Unicode; correct it")
    return found


def name(value: Any, place: str) -> str:
    """``value`` as the name of a class: any text, in Unicode's composed form (NFC), blanks at the ends and doubled ones
    removed.
    """
    found = " ".join(unicodedata.normalize("NFC", text(value, place)).split())
    if any(unicodedata.category(letter) == "Cc" for letter in found):
        raise InputError(f"{place} is {shown(value)}, which holds a control character; remove it")
    return found


def numbers(value: Any, place: str, count: int | None = None) -> list[float]:
    """``value`` as a list of finite numbers, of so many where ``count`` is given."""
    if not isinstance(value, list) or (count is not None and len(value) != count):
        raise InputError(f"{place} is {shown(value)}; it must be {count or 'a list of'} numbers")
    return [found if type(found) is float and _is_finite(found) else number(found, place) for found in value]


def rows(content: Any, key: str, place: str, expected: str) -> list[dict[str, Any]]:
    """The list of objects under ``key``; ``expected`` says what the file must be."""
    found = content.get(key) if isinstance(content, dict) else None
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise InputError(f"{place}: {key} is no list of objects; it must be {expected}")
    return found


def require_unique(ids: Iterable[int], table: str, place: str) -> None:
    """`InputError` where one of ``ids`` stands twice."""
    seen: set[int] = set()
    for one in ids:
        if one in seen:
            raise InputError(f"{place}: {table} has the id {one} twice; ids must be unique")
        seen.add(one)


def shown(value: Any, limit: int = 60) -> str:
    """``value`` as an error shows it: in Python's form, cut off where it is long."""
    try:
        form = repr(value)
    except ValueError:  # a whole number of thousands of digits
        form = f"a {type(value).__name__}"
    return form if len(form) <= limit else f"{form[:limit]}…"


def listed(names: Sequence[object], limit: int = 5) -> str:
    """The first few of ``names``, long ones cut off, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    texts = map(legible, names[:limit])
    return ", ".join(text if len(text) <= LONGEST else f"{text[:LONGEST]}…" for text in texts) + more


def legible(name: object) -> str:
    """``name`` in one line, as any terminal and file takes it: what is no letter or sign stands as its escape."""
    text = str(name)
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _has_surrogate(value: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in value)
