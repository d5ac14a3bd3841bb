"""The fonts that letters are drawn with.

Each letter comes from the first font that has it:

1. DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Hebrew, Arabic, Georgian, Armenian, many signs;
2. the font inside OpenCV (WenQuanYi Micro Hei): Chinese, Japanese, Korean;
3. the fonts of the machine, plain faces first, by name. For the other scripts and emoji Debian has fonts-noto-core and
   fonts-noto-color-emoji, or fonts-unifont, which is small and has nearly everything.

Letters are joined and set from right to left by raqm, which Pillow brings along and which wants FriBiDi (Debian:
libfribidi0); without it they are set from right to left one by one.
"""

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, runtime_checkable

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont, features

from empaste.report.names import clusters

Colour = tuple[int, int, int]
COLOUR_EMOJI_SIZE = 109
"""The one size in pixels of fonts that hold pictures, such as Noto Color Emoji."""
STYLED = re.compile("Bold|Italic|Oblique|Light|Thin|Black|Medium|Mono|Serif|Condensed", re.IGNORECASE)
NO_FONT = re.compile("LastResort|AdobeBlank", re.IGNORECASE)
"""Fonts that have a sign for every letter but no letter."""

SHAPING = re.compile(r"[\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]")
"""Signs that are not drawn but say how those beside them are: joiners, variants, tags."""

SAMPLES = {
    "Latin": "aé", "Cyrillic": "ж", "Greek": "λ", "Hebrew": "א", "Arabic": "ك", "Chinese": "中", "Japanese": "あ",
    "Korean": "한", "Hindi": "हि", "Bengali": "ক", "Tamil": "த", "Thai": "ท", "emoji": "🍎",
}  # fmt: skip
"""Letters of some scripts, to see which of them can be drawn."""


class Extent(NamedTuple):
    """How far a text reaches, in pixels: to the right of where it starts, above its line and below."""

    width: int
    above: int
    below: int


@runtime_checkable
class Font(Protocol):
    """What letters are drawn with."""

    def has(self, letter: str) -> bool: ...

    def extent(self, text: str, size: int, rtl: bool) -> Extent: ...

    def draw(self, image: Image.Image, place: tuple[int, int], text: str, size: int, rtl: bool, ink: Colour) -> None:
        """Draw ``text`` from ``place``, which lies on its line, to the right."""


@dataclass(frozen=True)
class FileFont:
    """A font in a file; of one that holds pictures these are shrunk."""

    path: Path

    def has(self, letter: str) -> bool:
        return ord(letter) in _letters_of(self.path)

    def extent(self, text: str, size: int, rtl: bool) -> Extent:
        face, scale = _face(self.path, size)
        text, direction = _directed(text, rtl)
        _, top, _, bottom = face.getbbox(text, direction=direction, anchor="ls", mode="RGBA")
        width = face.getlength(text, direction=direction, mode="RGBA")
        return Extent(math.ceil(width * scale), math.ceil(-top * scale), math.ceil(bottom * scale))

    def draw(self, image: Image.Image, place: tuple[int, int], text: str, size: int, rtl: bool, ink: Colour) -> None:
        face, scale = _face(self.path, size)
        text, direction = _directed(text, rtl)
        if scale == 1:
            ImageDraw.Draw(image).text(place, text, ink, face, anchor="ls", direction=direction)
            return
        left, top, right, bottom = face.getbbox(text, direction=direction, anchor="ls", mode="RGBA")
        picture = Image.new("RGBA", (math.ceil(right - left), math.ceil(bottom - top)))
        pen = ImageDraw.Draw(picture)
        pen.text((-left, -top), text, ink, face, anchor="ls", direction=direction, embedded_color=True)
        small = picture.resize(
            (max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS
        )
        image.paste(small, (place[0] + round(left * scale), place[1] + round(top * scale)), small)


class BuiltInFont:
    """The font inside OpenCV."""

    def has(self, letter: str) -> bool:
        return _is_built_in(letter)

    def extent(self, text: str, size: int, rtl: bool) -> Extent:
        # The place where the next text would begin is told by drawing alone.
        (width, _), _ = cv2.putText(np.zeros((1, 1, 3), np.uint8), text, (0, 0), (0, 0, 0), _built_in(), size)
        _, top, _, height = cv2.getTextSize((size, size), text, (0, 0), _built_in(), size)
        return Extent(width, -top, height + top)

    def draw(self, image: Image.Image, place: tuple[int, int], text: str, size: int, rtl: bool, ink: Colour) -> None:
        pixels = np.array(image)
        cv2.putText(pixels, text, place, ink, _built_in(), size)
        image.paste(Image.fromarray(pixels))


@cache
def _built_in() -> cv2.FontFace:
    return cv2.FontFace("uni")


@cache
def _is_built_in(letter: str) -> bool:
    """Whether OpenCV draws ``letter``; for one that it lacks it draws a question mark."""

    def drawn(text: str) -> UInt8[np.ndarray, "h w 3"]:
        canvas = np.zeros((48, 48, 3), np.uint8)
        cv2.putText(canvas, text, (4, 36), (255, 255, 255), _built_in(), 24)
        return canvas

    pixels = drawn(letter)
    return letter == "?" or bool(pixels.any() and not np.array_equal(pixels, drawn("?")))


@cache
def _letters_of(path: Path) -> frozenset[int]:
    """The code points that the font at ``path`` has; none where it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    except (OSError, RuntimeError):
        # A broken or exotic file among the fonts of the machine: others have its letters, or nobody has.
        return frozenset()


@cache
def _face(path: Path, size: int) -> tuple[ImageFont.FreeTypeFont, float]:
    """The font at ``size``, and by what its pixels are multiplied."""
    try:
        return ImageFont.truetype(str(path), size), 1
    except OSError:
        return ImageFont.truetype(str(path), COLOUR_EMOJI_SIZE), size / COLOUR_EMOJI_SIZE


def _directed(text: str, rtl: bool) -> tuple[str, str | None]:
    """``text`` and its direction for Pillow; turned round by us where Pillow cannot."""
    if joins_letters():
        return text, "rtl" if rtl else "ltr"
    return ("".join(reversed(list(clusters(text)))) if rtl else text), None


@cache
def default_font() -> Font:
    """DejaVu Sans."""
    import matplotlib

    return FileFont(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


def fonts() -> Iterator[Font]:
    """All fonts, those that every machine has first; the others are looked for when they are asked for."""
    yield default_font()
    yield BuiltInFont()
    yield from system_fonts()


@cache
def system_fonts() -> tuple[Font, ...]:
    """The fonts of the machine, plain faces first, by name."""
    from matplotlib.font_manager import findSystemFonts

    found = {Path(name) for name in findSystemFonts() if not NO_FONT.search(Path(name).stem)}
    order = sorted(found, key=lambda path: (bool(STYLED.search(path.stem)), path.name.lower(), str(path)))
    return tuple(map(FileFont, order))


@cache
def font_of(cluster: str) -> Font | None:
    """The first font that has all of ``cluster``, a letter with what belongs to it; None where no font has."""
    if cluster.isascii():
        return default_font()
    seen = [letter for letter in cluster if not SHAPING.match(letter)]
    if not seen or any(unicodedata.category(letter) == "Cf" for letter in seen):
        return None
    return next((font for font in fonts() if all(font.has(letter) for letter in seen)), None)


def describe_letters() -> tuple[Literal["ok", "note"], str]:
    """Whether labels can be drawn in every script of `SAMPLES`, and what to install where they cannot."""
    lacking = [script for script, letters in SAMPLES.items() if None in map(font_of, clusters(letters))]
    notes = []
    if lacking:
        notes.append(
            f"no font here has the letters of {', '.join(lacking)}, which labels show as code points; "
            "Debian: fonts-noto-core, fonts-noto-color-emoji"
        )
    if not joins_letters():
        notes.append("labels do not join the letters of Arabic and Hindi: FriBiDi is missing; Debian: libfribidi0")
    return ("note", "; ".join(notes)) if notes else ("ok", f"labels are drawn in {', '.join(SAMPLES)}")


def joins_letters() -> bool:
    """Whether Pillow finds raqm and FriBiDi, which join the letters of Arabic and of the scripts of India."""
    return bool(features.check("raqm"))
