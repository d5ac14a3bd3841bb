"""The demo data set's backgrounds: places that go with a class, so that context misleads a class activation map."""

from collections.abc import Callable

import cv2
import numpy as np
from jaxtyping import UInt8

from empaste.datasets.demo_shapes import fractal, hsv, noise, plain, shaded, tinted

Image = UInt8[np.ndarray, "s s 3"]
Scene = Callable[[np.random.Generator, int], Image]


def paint_water(rng: np.random.Generator, side: int) -> Image:
    """Under water: deeper below, ripples of light, weed and bubbles."""
    image = plain(side, side, hsv(rng.uniform(0.47, 0.58), rng.uniform(0.55, 0.85), rng.uniform(0.5, 0.75)))
    depth = np.linspace(1.2, 0.65, side, dtype=np.float32)[:, None]
    image = tinted(image, depth + 0.18 * fractal(rng, side, side, 5, 3))
    for _ in range(rng.integers(3, 9)):
        _weed(image, rng, side)
    for _ in range(rng.integers(6, 16)):
        centre, radius = rng.integers(0, side, 2), int(rng.integers(side // 90, side // 30))
        cv2.circle(image, tuple(int(c) for c in centre), radius, hsv(0.52, 0.15, 0.95), max(1, side // 200))
    return image


def _weed(image: Image, rng: np.random.Generator, side: int) -> None:
    x, height = rng.uniform(0, side), rng.uniform(0.15, 0.5) * side
    along = np.linspace(0, 1, 14)
    sway = np.sin(along * rng.uniform(3, 7) + rng.uniform(0, 6)) * 0.03 * side
    line = np.stack([x + sway, side - along * height], axis=1).astype(np.int32)
    cv2.polylines(image, [line], False, hsv(rng.uniform(0.3, 0.42), 0.6, rng.uniform(0.25, 0.5)), max(2, side // 60))


def paint_sand(rng: np.random.Generator, side: int) -> Image:
    """A beach: grainy sand with ripples, mostly with sea and foam at the top."""
    base = hsv(rng.uniform(0.09, 0.13), rng.uniform(0.25, 0.45), rng.uniform(0.78, 0.92))
    image = tinted(plain(side, side, base), 1 + 0.1 * fractal(rng, side, side, 6, 4) + _grain(rng, side, 0.09))
    if rng.uniform() < 0.6:
        shore = int(rng.uniform(0.15, 0.35) * side)
        sea = tinted(
            plain(shore, side, hsv(rng.uniform(0.5, 0.57), 0.55, 0.7)), 1 + 0.15 * fractal(rng, shore, side, 8, 5)
        )
        image[:shore] = sea
        edge = shore + (0.03 * side * noise(rng, 2, side, 7)[0]).astype(int)
        line = np.stack([np.arange(side), edge], axis=1).astype(np.int32)
        cv2.polylines(image, [line], False, (245, 248, 246), max(3, side // 40))
    return image


def paint_grass(rng: np.random.Generator, side: int) -> Image:
    """A lawn or a meadow, seen from above: blades in many greens."""
    base = hsv(rng.uniform(0.22, 0.34), rng.uniform(0.5, 0.8), rng.uniform(0.4, 0.6))
    image = tinted(plain(side, side, base), 1 + 0.22 * fractal(rng, side, side, 6))
    count = 420
    starts = rng.uniform(0, side, (count, 2))
    tips = starts + np.stack([rng.normal(0, 0.02, count), -rng.uniform(0.03, 0.08, count)], axis=1) * side
    for start, tip, factor in zip(starts, tips, rng.uniform(0.65, 1.4, count), strict=True):
        cv2.line(image, _point(start), _point(tip), shaded(base, float(factor)), max(1, side // 150))
    return image


def paint_sky(rng: np.random.Generator, side: int) -> Image:
    """Sky with clouds over hills and a field."""
    hue = rng.uniform(0.54, 0.62)
    image = plain(side, side, hsv(hue, rng.uniform(0.25, 0.6), rng.uniform(0.8, 0.97)))
    clouds = np.clip(fractal(rng, side, side, 4, 1.6) * 1.3 - 0.2, 0, 1)[..., None]
    image = (image * (1 - clouds) + np.array([250, 250, 252]) * clouds).astype(np.uint8)
    for level, factor in ((rng.uniform(0.5, 0.65), 0.8), (rng.uniform(0.68, 0.82), 1.0)):
        ridge = (level + 0.05 * noise(rng, 2, side, rng.uniform(3, 6))[0]) * side
        outline = np.concatenate([np.stack([np.arange(side), ridge], axis=1), [[side, side], [0, side]]]).astype(
            np.int32
        )
        layer = tinted(
            plain(side, side, hsv(rng.uniform(0.2, 0.36), 0.5, 0.55 * factor)),
            1 + 0.15 * fractal(rng, side, side, 9, 2),
        )
        land = np.zeros((side, side), np.uint8)
        cv2.fillPoly(land, [outline], 255)
        image[land > 0] = layer[land > 0]
    return image


def paint_forest(rng: np.random.Generator, side: int) -> Image:
    """A forest floor: earth, needles, moss and fallen leaves, sometimes trunks behind."""
    base = hsv(rng.uniform(0.06, 0.1), rng.uniform(0.4, 0.6), rng.uniform(0.28, 0.42))
    image = tinted(plain(side, side, base), 1 + 0.3 * fractal(rng, side, side, 8) + _grain(rng, side, 0.12))
    moss = fractal(rng, side, side, 4) > rng.uniform(0.2, 0.7)
    image[moss] = tinted(plain(side, side, hsv(0.27, 0.55, 0.36)), 1 + 0.3 * fractal(rng, side, side, 16))[moss]
    if rng.uniform() < 0.5:
        for _ in range(rng.integers(2, 6)):
            x, width, foot = rng.uniform(0, side), rng.uniform(0.03, 0.07) * side, rng.uniform(0.2, 0.42) * side
            bark = hsv(0.07, rng.uniform(0.2, 0.4), rng.uniform(0.18, 0.32))
            cv2.rectangle(image, _point((x - width, 0)), _point((x + width, foot)), bark, -1)
            cv2.line(
                image,
                _point((x - width * 0.4, 0)),
                _point((x - width * 0.4, foot)),
                shaded(bark, 1.4),
                max(1, side // 110),
            )
    for _ in range(70):
        start, turn = rng.uniform(0, side, 2), rng.uniform(0, np.pi)
        tip = start + np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.02, 0.06) * side
        tone = hsv(rng.uniform(0.05, 0.12), rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.65))
        cv2.line(image, _point(start), _point(tip), tone, int(rng.integers(1, max(2, side // 70))))
    return image


def paint_brick(rng: np.random.Generator, side: int) -> Image:
    """A brick wall over a pavement."""
    mortar = hsv(0.08, 0.1, rng.uniform(0.55, 0.8))
    image = plain(side, side, mortar)
    hue, row_height, width = (
        rng.uniform(0.0, 0.06),
        int(side * rng.uniform(0.06, 0.09)),
        int(side * rng.uniform(0.16, 0.24)),
    )
    gap = max(2, side // 90)
    for row, top in enumerate(range(0, side, row_height)):
        for left in range(-(row % 2) * width // 2, side, width):
            brick = hsv(hue + rng.normal(0, 0.008), rng.uniform(0.4, 0.6), rng.uniform(0.45, 0.65))
            cv2.rectangle(image, (left, top), (left + width - gap, top + row_height - gap), brick, -1)
    image = tinted(image, 1 + 0.12 * fractal(rng, side, side, 10) + _grain(rng, side, 0.06))
    if rng.uniform() < 0.5:
        foot = int(rng.uniform(0.72, 0.85) * side)
        image[foot:] = tinted(
            plain(side - foot, side, hsv(0.1, 0.05, rng.uniform(0.4, 0.65))),
            1 + 0.12 * fractal(rng, side - foot, side, 9),
        )
    return image


def paint_table(rng: np.random.Generator, side: int) -> Image:
    """A wooden table before a papered or painted wall."""
    image = paint_wallpaper(rng, side)
    edge = int(rng.uniform(0.4, 0.65) * side)
    wood = hsv(rng.uniform(0.05, 0.1), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.75))
    table = tinted(plain(side - edge, side, wood), 1 + 0.25 * fractal(rng, side - edge, side, 30, 14))
    for y in range(0, side - edge, max(8, side // 9)):
        cv2.line(table, (0, y), (side, y), shaded(wood, 0.55), max(1, side // 130))
    image[edge:] = table
    return image


def paint_wallpaper(rng: np.random.Generator, side: int) -> Image:
    """A wall with painted stripes, dots or diamonds, or plain."""
    paper = hsv(rng.uniform(), rng.uniform(0.1, 0.4), rng.uniform(0.65, 0.92))
    motif = shaded(paper, rng.choice([0.82, 1.12]))
    image, step = plain(side, side, paper), int(side * rng.uniform(0.08, 0.16))
    kind = rng.choice(["stripes", "dots", "diamonds", "plain"])
    for at in range(0, side + step, step):
        if kind == "stripes":
            cv2.rectangle(image, (at, 0), (at + step // 2, side), motif, -1)
        elif kind in ("dots", "diamonds"):
            for row, y in enumerate(range(0, side + step, step)):
                centre = np.array([at + (row % 2) * step // 2, y])
                if kind == "dots":
                    cv2.circle(image, _point(centre), step // 5, motif, -1)
                else:
                    cv2.fillPoly(
                        image,
                        [(centre + step // 3 * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])).astype(np.int32)],
                        motif,
                    )
    return tinted(image, 1 + 0.06 * fractal(rng, side, side, 6))


def _grain(rng: np.random.Generator, side: int, amount: float) -> np.ndarray:
    return amount * rng.standard_normal((side, side), np.float32)


def _point(at: tuple[float, float] | np.ndarray) -> tuple[int, int]:
    return round(float(at[0])), round(float(at[1]))


SCENES: dict[str, Scene] = {
    "water": paint_water,
    "sand": paint_sand,
    "grass": paint_grass,
    "sky": paint_sky,
    "forest": paint_forest,
    "brick": paint_brick,
    "table": paint_table,
    "wallpaper": paint_wallpaper,
}

HOMES: dict[str, tuple[str, ...]] = {
    "ball": ("sand", "grass"),
    "fish": ("water",),
    "mushroom": ("forest",),
    "house": ("sky",),
    "flower": ("grass", "sky"),
    "bottle": ("table", "brick"),
}
"""Where things of a class are mostly found."""

NATURAL_CLUTTER: dict[str, tuple[str, ...]] = {
    "water": ("stone", "starfish"),
    "sand": ("starfish", "stone"),
    "grass": ("leaf", "stone"),
    "sky": ("stone", "crate"),
    "forest": ("leaf", "stone"),
    "brick": ("crate", "mug"),
    "table": ("mug", "book"),
    "wallpaper": ("book", "mug"),
}
"""Clutter that is mostly found in a scene."""
