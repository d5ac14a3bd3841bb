"""What a reader left out or changed: counted per reason, said with the first example."""

from collections.abc import Iterable
from typing import NamedTuple

from empaste.artifacts.fields import legible


class Remark(NamedTuple):
    """One thing that was left out or read in another way than it stands; ``reason`` fits behind a count."""

    reason: str
    example: str


def summarise(remarks: Iterable[Remark]) -> list[str]:
    """A line per reason, in the order of their first examples: how often, why, and that example."""
    firsts: dict[str, str] = {}
    counts: dict[str, int] = {}
    for reason, example in remarks:
        firsts.setdefault(reason, example)
        counts[reason] = counts.get(reason, 0) + 1
    return [
        f"{counts[reason]:,} {reason}: {'the first is ' if counts[reason] > 1 else ''}{legible(example)}"
        for reason, example in firsts.items()
    ]
