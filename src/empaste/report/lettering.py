"""Text of any script on images, each letter from the first font that has it (`report.fonts`).

A letter that no font has is written as its code point (U+1F34E), so that two names never look alike; so is one that
nobody sees. A name that is `isolated` keeps its direction to itself. The same text gives the same pixels wherever the
same fonts are.
"""

import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from empaste.report.fonts import Colour, Extent, Font, default_font, font_of
from empaste.report.names import END_ISOLATE, ISOLATE, clusters


class Piece(NamedTuple):
    """A letter with what belongs to it, or a code point; ``rtl`` where its surroundings run from right to left."""

    text: str
    font: Font
    rtl: bool


def pieces(text: str) -> list[Piece]:
    """``text`` letter by letter in the order of reading, with the font of each."""
    found: list[Piece] = []
    for part in re.split(f"({ISOLATE}[^{END_ISOLATE}]*{END_ISOLATE})", text):
        name = part.removeprefix(ISOLATE).removesuffix(END_ISOLATE) if part.startswith(ISOLATE) else ""
        rtl = next((_turns(letter) for letter in name if _turns(letter) is not None), False) or False
        for cluster in clusters(name or part):
            font = font_of(cluster)
            if font:
                found.append(Piece(cluster, font, rtl))
            else:
                found += [_letter_or_code(letter, rtl) for letter in cluster]
    return found


def _turns(letter: str) -> bool | None:
    """Whether ``letter`` runs from right to left; None for one that goes with its surroundings."""
    return {"L": False, "R": True, "AL": True}.get(unicodedata.bidirectional(letter))


def _letter_or_code(letter: str, rtl: bool) -> Piece:
    font = font_of(letter)
    return Piece(letter, font, rtl) if font else Piece(f"U+{ord(letter):04X}", default_font(), rtl)


def runs(line: Sequence[Piece]) -> Iterator[Piece]:
    """Neighbours of one font and direction together, from left to right."""
    for rtl, neighbours in itertools.groupby(line, lambda piece: piece.rtl):
        together = [
            Piece("".join(piece.text for piece in group), font, rtl)
            for font, group in itertools.groupby(neighbours, lambda piece: piece.font)
        ]
        yield from reversed(together) if rtl else together


@cache
def _extent(piece: Piece, size: int) -> Extent:
    return piece.font.extent(piece.text, size, piece.rtl)


def _lines(letters: Sequence[Piece], size: int, max_width: int) -> list[list[Piece]]:
    """``letters`` in lines of at most ``max_width`` pixels, or one letter, broken at blanks where possible."""
    lines: list[list[Piece]] = [[]]
    width = 0
    for piece in letters:
        own = _extent(piece, size).width
        if lines[-1] and width + own > max_width:
            blank = max((place for place, one in enumerate(lines[-1]) if one.text == " "), default=-1)
            kept, moved = (lines[-1][:blank], lines[-1][blank + 1 :]) if blank > 0 else (lines[-1], [])
            lines[-1:] = [kept, moved]
            width = sum(_extent(one, size).width for one in moved)
        if lines[-1] or piece.text != " " or len(lines) == 1:
            lines[-1].append(piece)
            width += own
    return [line for line in lines if line] or [[]]


def _fitting(text: str, size: int, max_width: int, max_height: int) -> list[list[Piece]]:
    """The lines of ``text``; without its middle where all of them would be higher than ``max_height``."""
    letters = pieces(text)
    most = max(1, max_height // sum(line_height(size)))

    def without_middle(num: int) -> list[list[Piece]]:
        head = math.ceil(num / 2)
        gap = Piece("…", default_font(), False)
        return _lines([*letters[:head], gap, *letters[len(letters) - (num - head) :]], size, max_width)

    lines = _lines(letters, size, max_width)
    if len(lines) <= most:
        return lines
    low, high = 0, len(letters)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(without_middle(middle)) <= most else (low, middle)
    return without_middle(low)[:most]


@cache
def line_height(size: int) -> tuple[int, int]:
    """What a line of ordinary letters takes above and below, in pixels."""
    extent = default_font().extent("Ág", size, False)
    return extent.above, extent.below


@lru_cache(maxsize=1024)
def lettered(
    text: str, size: int, ink: Colour, paper: Colour, max_width: int, max_height: int
) -> UInt8[np.ndarray, "h w 3"]:
    """``text`` in letters of ``size`` pixels, cut out: never wider than ``max_width`` nor higher than ``max_height``.

    A text that is too long goes on in further lines; one that is too long for those too loses its middle.
    """
    max_width, max_height = max(1, max_width), max(1, max_height)
    lines = [_drawn(line, size, ink, paper) for line in _fitting(text, size, max_width, max_height)]
    width, height = max(line.width for line in lines), sum(line.height for line in lines)
    block = Image.new("RGB", (min(width, max_width), min(height, max_height)), paper)
    tops = itertools.accumulate((line.height for line in lines), initial=0)
    for line, top in zip(lines, tops, strict=False):
        block.paste(line, (0, top))
    return np.asarray(block)


def _drawn(line: Sequence[Piece], size: int, ink: Colour, paper: Colour) -> Image.Image:
    parts = list(runs(line))
    extents = [_extent(part, size) for part in parts]
    above = max([line_height(size)[0], *(extent.above for extent in extents)])
    below = max([line_height(size)[1], *(extent.below for extent in extents)])
    image = Image.new("RGB", (max(1, sum(extent.width for extent in extents)), above + below), paper)
    starts = itertools.accumulate((extent.width for extent in extents), initial=0)
    for part, left in zip(parts, starts, strict=False):
        part.font.draw(image, (left, above), part.text, size, part.rtl, ink)
    return image
