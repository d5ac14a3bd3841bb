"""Masks, boxes, heat maps and labels drawn on enlarged images, so that lines and letters stay readable."""

import colorsys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.images import GRAY, RGB
from empaste.report.fonts import Colour
from empaste.report.lettering import lettered

PANEL_SIDE, LARGEST_PANEL = 288, 576
"""Longest side of a panel in pixels: a smaller image is enlarged to the first, a larger one shrunk to the second."""

LETTER_SIDE = 640
"""Longest side of an image in pixels up to which letters stay as small as on the smallest panel."""

GOOD: Colour = (46, 160, 67)
BAD: Colour = (218, 54, 51)
NEUTRAL: Colour = (58, 130, 246)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
LABEL_SIZE, CAPTION_SIZE, CAPTION_ROOM = 14, 12, 20
"""Pixels: the size of letters in labels and captions, and the height that a caption has."""
MAX_LABEL = 5
"""Heights of letters that a label takes at most, so that it leaves something to see: four lines."""


def colour_of(number: int) -> Colour:
    """A colour for the class or segment ``number``; neighbours differ clearly (hue by the golden ratio)."""
    hue = (0.08 + number * 0.61803398875) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75 if number % 2 else 0.95, 1.0 if number % 3 else 0.85)
    return round(255 * red), round(255 * green), round(255 * blue)


def panel_side(shape: tuple[int, ...]) -> int:
    """The longest side in pixels that an image of ``shape`` (height, width, …) has on a panel."""
    return min(LARGEST_PANEL, max(PANEL_SIDE, *shape[:2]))


def enlarge(image: UInt8[np.ndarray, "h w 3"], side: int | None = None) -> UInt8[np.ndarray, "k l 3"]:
    """``image`` with its longest side at ``side`` (None: `panel_side`), aspect kept; no side falls under one pixel."""
    side = side or panel_side(image.shape)
    size_wh = _size_wh(image.shape[0], image.shape[1], side)
    shrinks = max(image.shape[:2]) > side
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def blank() -> UInt8[np.ndarray, "k k 3"]:
    """A gray panel, for an image that is not there."""
    return np.full((PANEL_SIDE, PANEL_SIDE, 3), GRAY, np.uint8)


def enlarge_mask(mask: Bool[np.ndarray, "h w"], side: int | None = None) -> Bool[np.ndarray, "k l"]:
    """``mask`` as `enlarge` makes its image, with smooth edges."""
    size_wh = _size_wh(mask.shape[0], mask.shape[1], side or panel_side(mask.shape))
    return cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_LINEAR) > 0.5


def _size_wh(height: int, width: int, side: int) -> tuple[int, int]:
    scale = side / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def draw_mask(
    image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], colour: Colour, fill: float = 0.4
) -> None:
    """Tint ``mask`` with ``colour`` at opacity ``fill``, and outline it, in place; one size for both."""
    tinted = image[mask] * (1 - fill) + np.array(colour) * fill
    image[mask] = np.round(tinted).astype(np.uint8)
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(image, contours, -1, colour, 2, cv2.LINE_AA)


def dim_outside(image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> None:
    """Darken and gray what ``mask`` leaves out, in place."""
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    image[~mask] = np.broadcast_to(gray // 2 + 20, image.shape)[~mask]


def draw_heat(image: UInt8[np.ndarray, "h w 3"], heat: Float[np.ndarray, "gh gw"]) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` under its heat map, which is stretched over it and scaled to its own maximum."""
    stretched = cv2.resize(heat.astype(np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC).clip(0)
    level = np.round(255 * stretched / max(float(stretched.max()), 1e-6)).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB)
    return cv2.addWeighted(image, 0.5, colours, 0.5, 0)


def draw_cross(image: UInt8[np.ndarray, "h w 3"], x: float, y: float) -> None:
    """Mark the point with a white cross edged in black, in place; pixels of ``image``."""
    for colour, thickness in (((0, 0, 0), 5), (WHITE, 2)):
        cv2.drawMarker(image, (round(x), round(y)), colour, cv2.MARKER_CROSS, 22, thickness, cv2.LINE_AA)


def draw_label(
    image: UInt8[np.ndarray, "h w 3"], text: str, x: int, y: int, colour: Colour, scale: float = 1.0
) -> None:
    """Write ``text`` on a chip of ``colour`` whose upper left corner is near (x, y), kept inside, in place.

    At a ``scale`` of 1 letters are about 11 pixels high. A text that is wider than ``image`` is broken into lines.
    """
    height, width = image.shape[:2]
    bright = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 140
    ink = BLACK if bright else WHITE
    size = round(LABEL_SIZE * scale)
    letters = lettered(text, size, ink, colour, width - 6, min(height - 4, MAX_LABEL * size))
    chip = cv2.copyMakeBorder(letters, 2, 2, 3, 3, cv2.BORDER_CONSTANT, value=colour)[:height, :width]
    left, top = (max(0, min(at, most)) for at, most in ((x, width - chip.shape[1]), (y, height - chip.shape[0])))
    image[top : top + chip.shape[0], left : left + chip.shape[1]] = chip


class Drawn(NamedTuple):
    """An instance to draw: its mask in the image's pixels, what is written on it, and its colour."""

    mask: Bool[np.ndarray, "h w"]
    text: str
    colour: Colour


def draw_instances(
    image: UInt8[np.ndarray, "h w 3"], instances: Iterable[Drawn], side: int, letter_side: int = LETTER_SIDE
) -> UInt8[np.ndarray, "k l 3"]:
    """``image`` enlarged to ``side`` with every instance's mask, later ones on top, and above all masks the texts.

    A text begins at the upper left corner of its mask's box; its letters grow with ``side`` from ``letter_side`` on. An
    empty mask is left out. Instances may come from an iterator: the mask of one is let go of before the next is asked
    for.
    """
    shown, corners = enlarge(image, side).copy(), []
    for one in instances:
        mask = enlarge_mask(one.mask, side)
        if mask.any():
            draw_mask(shown, mask, one.colour)
            rows, columns = np.nonzero(mask)
            corners.append((one.text, one.colour, int(columns.min()), int(rows.min())))
    for text, colour, x, y in corners:
        draw_label(shown, text, x, y, colour, max(1.0, side / letter_side))
    return shown


def tile(rows: Sequence[Sequence[tuple[RGB, str]]], side: int = PANEL_SIDE) -> UInt8[np.ndarray, "k l 3"]:
    """One image of rows of captioned panels, each ``side`` pixels long, for places that show no page; at least one."""
    cell_h, cell_w, gap = side + CAPTION_ROOM, side, 8
    columns = max(len(row) for row in rows)
    sheet = np.full((len(rows) * (cell_h + gap) + gap, columns * (cell_w + gap) + gap, 3), 255, np.uint8)
    for r, row in enumerate(rows):
        for c, (image, caption) in enumerate(row):
            top, left = gap + r * (cell_h + gap), gap + c * (cell_w + gap)
            below = top + CAPTION_ROOM
            shown = enlarge(image, side)
            sheet[below : below + shown.shape[0], left : left + shown.shape[1]] = shown
            text = lettered(caption, CAPTION_SIZE, BLACK, WHITE, side, CAPTION_ROOM)
            sheet[top : top + text.shape[0], left : left + text.shape[1]] = text
    return sheet
