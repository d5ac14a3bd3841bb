"""Clutter of the demo data set: things that belong to none of its classes.

Every function draws one random specimen on an empty `Patch`.
"""

import numpy as np

from empaste.datasets.demo_shapes import (
    Draw,
    Patch,
    box,
    decorate,
    draw_line,
    ellipse,
    fill,
    hsv,
    shaded,
    smooth,
    wobbly,
)


def draw_stone(patch: Patch, rng: np.random.Generator) -> None:
    """A stone, gray to brown."""
    gray = hsv(rng.uniform(0.05, 0.15), rng.uniform(0, 0.25), rng.uniform(0.4, 0.7))
    outline = wobbly(rng, 0.85, rng.uniform(0.45, 0.7), 0.12)
    fill(patch, outline, gray)
    decorate(patch, outline * 0.7 + np.array([0.1, -0.2]), shaded(gray, 1.12))
    draw_line(patch, smooth([(-0.4, -0.1), (-0.1, 0.1), (0.1, 0.4)], 2, False), shaded(gray, 0.7), 0.04)


def draw_leaf(patch: Patch, rng: np.random.Generator) -> None:
    """A fallen leaf with veins."""
    colour = hsv(rng.choice([0.04, 0.08, 0.11, 0.2, 0.28]), rng.uniform(0.5, 0.9), rng.uniform(0.45, 0.8))
    half = rng.uniform(0.35, 0.55)
    fill(patch, smooth([(-0.8, 0), (-0.3, -half), (0.4, -half), (0.9, 0), (0.4, half), (-0.3, half)]), colour)
    draw_line(patch, np.array([[-0.98, 0.04], [0.8, 0]]), shaded(colour, 0.65), 0.05, extend=True)
    for x in (-0.4, 0.0, 0.4):
        for side in (-1, 1):
            draw_line(patch, np.array([[x, 0], [x + 0.25, side * half * 0.7]]), shaded(colour, 0.75), 0.03)


def draw_mug(patch: Patch, rng: np.random.Generator) -> None:
    """A mug with its handle."""
    colour = hsv(rng.uniform(), rng.uniform(0.1, 0.85), rng.uniform(0.6, 0.95))
    side = rng.choice([-1, 1])
    mirror = np.array([side, 1.0])
    draw_line(patch, ellipse(0.5, 0.05, 0.35, 0.38, -95, 95) * mirror, shaded(colour, 0.9), 0.16, extend=True)
    fill(patch, smooth([(-0.6, -0.7), (0.5, -0.7), (0.46, 0.75), (-0.56, 0.75)], 1), colour)
    fill(patch, ellipse(-0.05, -0.68, 0.55, 0.14), shaded(colour, 1.15))
    decorate(patch, ellipse(-0.05, -0.66, 0.46, 0.1), (70, 45, 30))
    if rng.uniform() < 0.5:
        decorate(patch, box(-0.62, 0.05, 0.48, 0.25), hsv(rng.uniform(), 0.6, 0.8))


def draw_crate(patch: Patch, rng: np.random.Generator) -> None:
    """A wooden crate."""
    wood = hsv(rng.uniform(0.07, 0.11), rng.uniform(0.35, 0.65), rng.uniform(0.5, 0.8))
    half = rng.uniform(0.55, 0.75)
    fill(patch, box(-0.75, -half, 0.75, half), shaded(wood, 0.8))
    for top in np.linspace(-half, half, 5)[:-1]:
        decorate(patch, box(-0.75, top + 0.03, 0.75, top + half / 2 - 0.03), wood)
    for points in (box(-0.75, -half, -0.55, half), box(0.55, -half, 0.75, half)):
        decorate(patch, points, shaded(wood, 0.9))
    draw_line(patch, np.array([[-0.55, half], [0.55, -half]]), shaded(wood, 1.12), 0.15)


def draw_starfish(patch: Patch, rng: np.random.Generator) -> None:
    """A starfish."""
    colour = hsv(rng.choice([0.02, 0.05, 0.09, 0.92]), rng.uniform(0.5, 0.85), rng.uniform(0.7, 0.92))
    turns = np.radians(np.arange(10) * 36)
    far = np.where(np.arange(10) % 2, 0.38, 0.98)
    fill(patch, smooth(list(zip(far * np.cos(turns), far * np.sin(turns), strict=True)), 2), colour)
    for arm in turns[::2]:
        for along in (0.15, 0.35, 0.55):
            decorate(patch, ellipse(along * np.cos(arm), along * np.sin(arm), 0.05, 0.05), shaded(colour, 1.3))


def draw_book(patch: Patch, rng: np.random.Generator) -> None:
    """A closed book."""
    cover = hsv(rng.uniform(), rng.uniform(0.4, 0.8), rng.uniform(0.35, 0.75))
    fill(patch, box(-0.62, -0.8, 0.66, 0.8), (236, 230, 214))
    fill(patch, box(-0.7, -0.85, 0.6, 0.78), cover)
    decorate(patch, box(-0.7, -0.85, -0.55, 0.78), shaded(cover, 0.7))
    decorate(patch, box(-0.35, -0.5, 0.4, -0.25), (228, 210, 150))


CLUTTER: dict[str, Draw] = {
    "stone": draw_stone,
    "leaf": draw_leaf,
    "mug": draw_mug,
    "crate": draw_crate,
    "starfish": draw_starfish,
    "book": draw_book,
}
"""Name -> how it is drawn; where any will do, one is drawn by its place here."""
