"""Letters of any script in vectors: matplotlib's own font first, then those of the machine that have what it lacks."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from empaste.report.fonts import FileFont, font_of
from empaste.report.names import clusters

FAMILY = "DejaVu Sans"


class Lettered(NamedTuple):
    """A text whose letters the fonts ``families`` have; what no font file has is spelt as its code point."""

    text: str
    families: list[str]


def lettered(text: str) -> Lettered:
    """``text`` ready to be drawn; of the signs that nobody sees, ends of lines alone stay."""
    pieces = [_piece(cluster) for cluster in clusters(text)]
    families = dict.fromkeys(family for _, family in pieces)
    return Lettered("".join(piece for piece, _ in pieces), [FAMILY, *(one for one in families if one != FAMILY)])


def _piece(cluster: str) -> tuple[str, str]:
    """A letter with what belongs to it, and the family of its font."""
    if cluster.isascii():
        return (cluster if cluster.isprintable() or cluster == "\n" else " "), FAMILY
    font = font_of(cluster)
    if isinstance(font, FileFont):
        return cluster, _family(font.path)
    return "".join(_codes(cluster)), FAMILY


def _codes(cluster: str) -> Iterator[str]:
    for letter in cluster:
        yield letter if letter.isascii() else f"U+{ord(letter):04X}"


@cache
def _family(path: Path) -> str:
    """What matplotlib calls the font at ``path``, which it knows from now on."""
    from matplotlib import font_manager

    font_manager.fontManager.addfont(path)
    return str(font_manager.get_font(path).family_name)
