"""Shapes, shading and noise for the demo data set.

A `Patch` is a square canvas with a mask. Shapes are point lists in the object's own frame: x to the right, y down, the
object inside [-1, 1]. Colours are RGB, 0 to 255. Canvases are several times larger than the final image, so edges need
no anti-aliasing here.
"""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

Colour = tuple[int, int, int]
Points = Float[np.ndarray, "_ 2"]


@dataclass(frozen=True)
class Patch:
    """A canvas on which one object is drawn: colours, mask (0 or 255), and the object's radius in pixels."""

    rgb: UInt8[np.ndarray, "s s 3"]
    mask: UInt8[np.ndarray, "s s"]
    radius: float
    angle: float

    @property
    def side(self) -> int:
        """Width and height in pixels."""
        return len(self.mask)


Draw = Callable[[Patch, np.random.Generator], None]
"""Draws one random specimen of a thing on an empty patch."""


def blank_patch(radius: float, angle: float = 0.0) -> Patch:
    """An empty patch for an object of ``radius`` pixels turned by ``angle`` degrees."""
    side = int(2.9 * radius) + 4
    return Patch(np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8), radius, angle)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """The colour of hue, saturation and value in [0, 1]; the hue wraps around."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(255 * red), round(255 * green), round(255 * blue)


def shaded(colour: Colour, factor: float) -> Colour:
    """``colour`` made darker (factor under 1) or lighter."""
    red, green, blue = (min(255, round(factor * part)) for part in colour)
    return red, green, blue


def ellipse(x: float, y: float, radius_x: float, radius_y: float, start: float = 0, end: float = 360) -> Points:
    """The outline, or the arc from ``start`` to ``end`` degrees (clockwise from the right), of an ellipse."""
    turns = np.radians(np.linspace(start, end, 48))
    return np.stack([x + radius_x * np.cos(turns), y + radius_y * np.sin(turns)], axis=1)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """The corners of a rectangle."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def smooth(points: list[tuple[float, float]], rounds: int = 3, closed: bool = True) -> Points:
    """A curve that rounds the corners of a polygon (Chaikin's corner cutting)."""
    curve = np.array(points, float)
    for _ in range(rounds):
        following = np.roll(curve, -1, axis=0) if closed else curve[1:]
        leading = curve if closed else curve[:-1]
        cut = np.stack([0.75 * leading + 0.25 * following, 0.25 * leading + 0.75 * following], axis=1).reshape(-1, 2)
        curve = cut if closed else np.concatenate([curve[:1], cut, curve[-1:]])
    return curve


def turned(points: Points, degrees: float, about: tuple[float, float] = (0.0, 0.0)) -> Points:
    """``points`` turned clockwise about a point."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    centre = np.array(about)
    places: Points = (points - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre
    return places


def wobbly(rng: np.random.Generator, radius_x: float, radius_y: float, amount: float) -> Points:
    """The outline of an ellipse with smooth random bumps."""
    turns = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    bumps = sum(
        amount / order * rng.uniform(-1, 1) * np.cos(order * turns + rng.uniform(0, 2 * np.pi)) for order in (2, 3, 5)
    )
    return np.stack([radius_x * (1 + bumps) * np.cos(turns), radius_y * (1 + bumps) * np.sin(turns)], axis=1)


def fill(patch: Patch, points: Points, colour: Colour) -> None:
    """Paint a shape; it becomes part of the object."""
    pixels = _pixels(patch, points)
    cv2.fillPoly(patch.rgb, [pixels], colour)
    cv2.fillPoly(patch.mask, [pixels], 255)


def decorate(patch: Patch, points: Points, colour: Colour, within: UInt8[np.ndarray, "s s"] | None = None) -> None:
    """Paint a shape where the object (or its part ``within``) is already; its mask stays."""
    area = np.zeros_like(patch.mask)
    cv2.fillPoly(area, [_pixels(patch, points)], 255)
    patch.rgb[(area & (patch.mask if within is None else within)) > 0] = colour


def draw_line(patch: Patch, points: Points, colour: Colour, width: float, extend: bool = False) -> None:
    """Paint a line of ``width`` in the object's frame; with ``extend`` it becomes part of the object."""
    area = np.zeros_like(patch.mask)
    thickness = max(1, round(width * patch.radius))
    cv2.polylines(area, [_pixels(patch, points)], False, 255, thickness)
    if extend:
        patch.mask[area > 0] = 255
    patch.rgb[(area & patch.mask) > 0] = colour


def _pixels(patch: Patch, points: Points) -> np.ndarray:
    return np.round(turned(points, patch.angle) * patch.radius + patch.side / 2).astype(np.int32)


def noise(
    rng: np.random.Generator, height: int, width: int, cells: float, stretch: float = 1.0
) -> Float[np.ndarray, "h w"]:
    """Smooth noise in about [-1, 1] with ``cells`` bumps across the width; ``stretch`` over 1 draws them out in x."""
    rows, columns = max(2, round(cells * height / width)), max(2, round(cells / stretch))
    grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)


def fractal(
    rng: np.random.Generator, height: int, width: int, cells: float, stretch: float = 1.0
) -> Float[np.ndarray, "h w"]:
    """Noise of four octaves, the finer the fainter."""
    octaves = (noise(rng, height, width, cells * 2**octave, stretch) * 0.5**octave for octave in range(4))
    together: Float[np.ndarray, "h w"] = np.sum(list(octaves), axis=0)
    return together


def shade(
    patch: Patch, rng: np.random.Generator, light: tuple[float, float], roundness: float, roughness: float
) -> None:
    """Light the object from the direction ``light`` as if it bulged towards the viewer, and give it a surface."""
    bulge = cv2.GaussianBlur(patch.mask.astype(np.float32) / 255, (0, 0), 0.22 * patch.radius)
    slope_x, slope_y = cv2.Sobel(bulge, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(bulge, cv2.CV_32F, 0, 1, ksize=3)
    lit = 1 + roundness * patch.radius * 0.09 * (slope_x * light[0] + slope_y * light[1])
    surface = roughness * fractal(rng, patch.side, patch.side, rng.uniform(6, 14))
    np.copyto(patch.rgb, tinted(patch.rgb, np.clip(lit, 0.45, 1.45) + surface))


def tinted(image: UInt8[np.ndarray, "h w 3"], factor: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` with every pixel multiplied by ``factor``."""
    pixels: UInt8[np.ndarray, "h w 3"] = np.clip(image * factor[..., None].astype(np.float32), 0, 255).astype(np.uint8)
    return pixels


def plain(height: int, width: int, colour: Colour) -> UInt8[np.ndarray, "h w 3"]:
    """A canvas of one colour."""
    return np.full((height, width, 3), colour, np.uint8)
