"""Where a foreground is pasted, and how large (EM-Paste §3: random paste, space-maximize paste).

Coordinates are those of pixel centres: the upper left pixel is (0, 0), and an image of ``w`` × ``h`` pixels spans
``[-0.5, w - 0.5]`` × ``[-0.5, h - 0.5]``. An object is given by the convex hull of its pixels' *corners*, already
rotated.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer

from empaste.paste.settings import PasteSettings

MAX_OVERHANG = 0.25
"""Share of an object that may hang over the edge of the image."""


class Pose(NamedTuple):
    """Scale about the origin, then shift; applied to an object that is already rotated."""

    scale: float
    offset_xy: tuple[float, float]


class Circle(NamedTuple):
    """Centre and radius, in pixels."""

    x: float
    y: float
    radius: float

    def posed(self, pose: Pose) -> "Circle":
        """The circle, scaled and shifted as the object that it belongs to."""
        x, y = pose.offset_xy
        return Circle(pose.scale * self.x + x, pose.scale * self.y + y, pose.scale * self.radius)


class Placement(NamedTuple):
    """A method: ``place(hull_xy, ids, rng, settings)`` gives an object's pose, or None where it has no room.

    ``ids`` is the map of instances that the image shows; it is left as it is. The placement "mixed" draws among those
    that are ``in_mixed``.
    """

    place: Callable[
        [Float[np.ndarray, "k 2"], Integer[np.ndarray, "h w"], np.random.Generator, PasteSettings], Pose | None
    ]
    in_mixed: bool


def place_at_random(
    hull_xy: Float[np.ndarray, "k 2"],
    ids: Integer[np.ndarray, "h w"],
    rng: np.random.Generator,
    settings: PasteSettings,
) -> Pose | None:
    """Scale by U(``scale``) of the native size and put anywhere; a quarter of each side may hang over the edge.

    An object larger than the image is shrunk until its box fits. Of ``tries`` places the one is taken whose box covers
    the fewest pixels of other instances, the first of several.

    Notes
    -----
    The papers take the first place. Where objects fill their photographs, that hides most of what is there.
    """
    low_xy, high_xy, size_wh = hull_xy.min(axis=0).tolist(), hull_xy.max(axis=0).tolist(), ids.shape[::-1]
    extents = [high - low for low, high in zip(low_xy, high_xy, strict=True)]
    smallest, largest = settings.scale
    scale = min(rng.uniform(smallest, largest), *(side / extent for side, extent in zip(size_wh, extents, strict=True)))

    def draw_corner() -> tuple[float, float]:
        """The upper left corner of the object's box, from the image's own."""
        x, y = (
            rng.uniform(-MAX_OVERHANG * scale * extent, side - (1 - MAX_OVERHANG) * scale * extent)
            for extent, side in zip(extents, size_wh, strict=True)
        )
        return x, y

    corners = [draw_corner() for _ in range(settings.tries)]
    best = _covers_least(corners, [scale * extent for extent in extents], ids) if len(corners) > 1 else 0
    x, y = (corner - 0.5 - scale * low for corner, low in zip(corners[best], low_xy, strict=True))
    return Pose(scale, (x, y))


def _covers_least(
    corners: Sequence[tuple[float, float]], box_wh: Sequence[float], ids: Integer[np.ndarray, "h w"]
) -> int:
    """Which of the ``corners`` puts a box of ``box_wh`` over the fewest pixels whose id is not 0."""
    sums = cv2.integral((ids != 0).view(np.uint8))
    covered = []
    for corner in corners:
        (left, right), (top, bottom) = (
            (max(0, round(low)), max(0, min(side, round(low + extent))))
            for low, extent, side in zip(corner, box_wh, ids.shape[::-1], strict=True)
        )
        covered.append(int(sums[bottom, right]) - sums[top, right] - sums[bottom, left] + sums[top, left])
    return int(np.argmin(covered))


def place_in_largest_circle(
    hull_xy: Float[np.ndarray, "k 2"],
    ids: Integer[np.ndarray, "h w"],
    rng: np.random.Generator,
    settings: PasteSettings,
) -> Pose | None:
    """The object's least enclosing circle becomes the largest circle inscribed in the free region (``ids`` of 0).

    None where that circle has a radius under ``min_radius`` pixels. Of several largest circles one is drawn at random.
    ``scale`` plays no part: the scale is r1 / r2.

    Notes
    -----
    The image's border bounds the free region. Centres are aligned after the rotation; the published code aligns a
    centre from before it and is off by about a quarter of the radius.
    """
    distances = free_distances(ids)
    furthest = float(distances.max())
    free_radius = furthest - 0.5  # the distance leads to the centre of the nearest pixel that is taken
    if free_radius < settings.min_radius:
        return None
    centres = np.flatnonzero(distances == furthest)
    row, column = divmod(int(centres[rng.integers(len(centres))]), distances.shape[1])
    around = enclosing_circle(hull_xy)
    scale = free_radius / around.radius
    return Pose(scale, (column - scale * around.x, row - scale * around.y))


def free_distances(ids: Integer[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """From each pixel's centre to that of the nearest pixel that is taken, or lies outside the image; 0 where taken."""
    free = cv2.copyMakeBorder((ids == 0).view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distances: Float[np.ndarray, "h w"] = cv2.distanceTransform(free, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return distances


def enclosing_circle(hull_xy: Float[np.ndarray, "k 2"]) -> Circle:
    """The least circle around an object."""
    (x, y), radius = cv2.minEnclosingCircle(hull_xy.astype(np.float32))
    return Circle(x, y, radius)


def place_nowhere(
    hull_xy: Float[np.ndarray, "k 2"],
    ids: Integer[np.ndarray, "h w"],
    rng: np.random.Generator,
    settings: PasteSettings,
) -> Pose | None:
    """None: nothing is pasted, the originals stay as they are."""
    return None


def limit_overhang(mask: Bool[np.ndarray, "k l"], x: int, y: int, size_hw: tuple[int, int]) -> tuple[int, int]:
    """The corner of ``mask`` on an image of ``size_hw``, moved inside where more than `MAX_OVERHANG` would be lost.

    The shares of an irregular object's *box* say little about its pixels, so the pixels decide.
    """
    height, width = mask.shape
    if 0 <= x <= size_hw[1] - width and 0 <= y <= size_hw[0] - height:
        return x, y
    inside = mask[max(0, -y) : max(0, size_hw[0] - y), max(0, -x) : max(0, size_hw[1] - x)]
    total = np.count_nonzero(mask)
    if np.count_nonzero(inside) >= (1 - MAX_OVERHANG) * total:
        return x, y
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return _moved_inside(x, columns, size_hw[1]), _moved_inside(y, rows, size_hw[0])


def _moved_inside(corner: int, occupied: Integer[np.ndarray, " k"], length: int) -> int:
    """``corner`` shifted so that the positions ``occupied`` (rising) relative to it lie in ``range(length)``."""
    return int(max(-occupied[0], min(corner, length - 1 - occupied[-1])))
