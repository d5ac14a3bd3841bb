"""Names of classes where people read them: any script, either direction, any length.

A name is never changed where it is data; here are the two things that showing it may need.
"""

import itertools
import math
import unicodedata
from collections.abc import Iterable, Iterator

from rich.cells import cell_len

ISOLATE, END_ISOLATE = "\u2068", "\u2069"
"""What Unicode puts around a text so that its direction does not reorder what stands beside it."""
TURNING = frozenset({"R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF"})
"""Classes of characters (Unicode, annex 9) that make a text run, or be ordered, from right to left."""
JOINERS = frozenset("\u200c\u200d")


def isolated(name: str) -> str:
    """``name`` for a sentence or a label; one with right-to-left letters keeps their order to itself."""
    turns = any(unicodedata.bidirectional(letter) in TURNING for letter in name)
    return f"{ISOLATE}{name}{END_ISOLATE}" if turns else name


def clusters(text: str) -> Iterator[str]:
    """The letters of ``text`` as a reader counts them: each with its marks, joined ones together."""
    cluster = ""
    for letter in text:
        if cluster and not (_follows(letter) or cluster[-1] == "\u200d"):
            yield cluster
            cluster = ""
        cluster += letter
    if cluster:
        yield cluster


def _follows(letter: str) -> bool:
    """Whether ``letter`` belongs to the one before: marks, joiners, variants, skin tones, tags."""
    if unicodedata.category(letter) in ("Mn", "Mc", "Me") or letter in JOINERS:
        return True
    return "\U0001f3fb" <= letter <= "\U0001f3ff" or "\U000e0020" <= letter <= "\U000e007f"


def shortened(names: Iterable[str], room: int) -> dict[str, str]:
    """Each of ``names`` in at most ``room`` columns of a terminal, long ones without their middle; no two alike.

    Those that would be alike end in a number. ``room`` is at least 8.
    """
    shown: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names), key=lambda name: (cell_len(name) > room, name)):
        text, number = _without_middle(name, room), 1
        while text in taken:
            number += 1
            mark = f"~{number}"
            text = _without_middle(name, room - len(mark)) + mark
        shown[name] = text
        taken.add(text)
    return shown


def _without_middle(name: str, room: int) -> str:
    if cell_len(name) <= room:
        return name
    letters = list(clusters(name))
    head = "".join(_fitting(letters, math.ceil((room - 1) / 2)))
    tail = _fitting(letters[::-1], room - 1 - cell_len(head))
    return f"{head}…{''.join(reversed(tail))}"


def _fitting(letters: list[str], room: int) -> list[str]:
    """As many of the first ``letters`` as have room."""
    ends = itertools.accumulate(cell_len(letter) for letter in letters)
    return [letter for letter, end in zip(letters, ends, strict=True) if end <= room]
