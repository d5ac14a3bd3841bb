"""Foregrounds cut out of their images once, kept in two files that every worker process maps into memory.

A cutout is the object's box with a rim, in four channels: colour, and coverage (255 on the mask, 0 beside it). Beyond
the mask the colours of the nearest object pixel go on: whatever is interpolated or blurred across the edge later then
mixes object with object, and no halo or dark fringe of the old background comes along. Poisson cloning wants the
object's contrast to its old surroundings, so there are cutouts that keep these, too.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int64, UInt8

from empaste.artifacts.work_parts import part_stands, whole_part
from empaste.errors import InputError
from empaste.masks import decode_mask, mask_box_xywh
from empaste.paste import BLENDINGS
from empaste.paste.foregrounds import Foreground
from empaste.paste.pool import Canvas

PIXELS, INDEX = "pixels.bin", "index.npz"

SURROUNDINGS_RIM = 12
"""Pixels of the old surroundings that a cutout keeps, so that some are left when it is shrunk."""


class Cutout(NamedTuple):
    """Pixels of one foreground, and the convex hull of its pixels' corners (centre of the first pixel at (0, 0))."""

    rgba: UInt8[np.ndarray, "h w 4"]
    hull_xy: Float[np.ndarray, "k 2"]


@dataclass(frozen=True)
class CutoutPool:
    """All cutouts: ``pixels`` and ``hulls`` one after the other, the rest one row per foreground."""

    origin: str
    pixels: UInt8[np.ndarray, " bytes"]
    hulls: Float[np.ndarray, "points 2"]
    pixel_starts: Int64[np.ndarray, " n"]
    hull_ends: Int64[np.ndarray, " n"]
    sizes_hw: Int64[np.ndarray, "n 2"]
    class_ids: Int64[np.ndarray, " n"]
    source_ids: Int64[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.class_ids)

    def __getitem__(self, index: int) -> Cutout:
        height, width = self.sizes_hw[index]
        start, first_point = self.pixel_starts[index], self.hull_ends[index - 1] if index else 0
        rgba = self.pixels[start : start + height * width * 4].reshape(height, width, 4)
        return Cutout(rgba, self.hulls[first_point : self.hull_ends[index]])


def cut_out_own(original: Canvas, surroundings: bool) -> list[Cutout]:
    """The cutouts of the foregrounds that ``original`` owns, in their order; with or without their ``surroundings``."""
    return _cut_all(original, original.read_rgb(), surroundings)


def cut_out_readable(original: Canvas, surroundings: bool) -> list[Cutout]:
    """`cut_out_own`; none where the image cannot be read, which is reported when it is to be pasted on."""
    try:
        image = original.read_rgb()
    except InputError:
        return []
    return _cut_all(original, image, surroundings)


def _cut_all(original: Canvas, image: UInt8[np.ndarray, "h w 3"], surroundings: bool) -> list[Cutout]:
    size_hw = (image.shape[0], image.shape[1])
    masks = [foreground_mask(foreground, size_hw, original) for foreground in original.own]
    return [_cut(image, mask, surroundings) for mask in masks]


def foreground_mask(foreground: Foreground, size_hw: tuple[int, int], original: Canvas) -> Bool[np.ndarray, "h w"]:
    """The mask of ``foreground``; `InputError` where it was made for an image of another size."""
    if tuple(foreground.mask_rle["size"]) != size_hw:
        raise InputError(
            f"{original.image} is {size_hw[0]} × {size_hw[1]} (height × width), the mask of {foreground.origin} "
            f"{foreground.source_id} {' × '.join(map(str, foreground.mask_rle['size']))}; run: dvc repro"
        )
    return decode_mask(foreground.mask_rle)


def _cut(image: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"], surroundings: bool) -> Cutout:
    rim = SURROUNDINGS_RIM if surroundings else 1
    x, y, width, height = mask_box_xywh(mask)
    box = slice(y, y + height + 2 * rim), slice(x, x + width + 2 * rim)
    inside = np.pad(mask[y : y + height, x : x + width], rim)
    colour = cv2.copyMakeBorder(image, rim, rim, rim, rim, cv2.BORDER_REPLICATE)[box]
    coverage = inside.astype(np.uint8) * 255
    shown = colour if surroundings else _extend_colour(colour, inside)
    return Cutout(np.dstack([shown, coverage]), _corner_hull(coverage))


def _extend_colour(colour: UInt8[np.ndarray, "h w 3"], mask: Bool[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """``colour`` with every pixel that is not the object's alone painted as the nearest pixel that is.

    The outermost pixels of an object are mixed with the old background by lens and mask alike, so the ring inside the
    outline is painted from within, too; a part too thin to have an inside keeps its colours.
    """
    inside = cv2.erode(mask.view(np.uint8), np.ones((3, 3), np.uint8))
    thin = mask & (cv2.dilate(inside, np.ones((5, 5), np.uint8)) == 0)
    pure = (inside > 0) | thin
    _, labels = cv2.distanceTransformWithLabels((~pure).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    palette = np.zeros((labels.max() + 1, 3), np.uint8)
    palette[labels[pure]] = colour[pure]
    return palette[labels]


def _corner_hull(coverage: UInt8[np.ndarray, "h w"]) -> Float[np.ndarray, "k 2"]:
    contours, _ = cv2.findContours(coverage, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    centres = np.concatenate(contours).reshape(-1, 1, 2).astype(np.float32)
    corners = centres + np.array([[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]], np.float32)
    return cv2.convexHull(corners.reshape(-1, 2)).reshape(-1, 2)


Cut = Callable[[Canvas], list[Cutout]]
MapOriginals = Callable[[Cut, Sequence[Canvas]], Iterable[list[Cutout]]]
"""Maps a pure function over originals, perhaps in worker processes; in order."""


def cut_out(
    cutouts: Path,
    originals: Sequence[Canvas],
    blendings: Iterable[str],
    map_originals: MapOriginals,
) -> list[Foreground]:
    """``cutouts`` holds the pools that ``blendings`` need; returns the foregrounds in them, in their order.

    A pool that stands as it was written is kept, a damaged one made again. Originals that cannot be read are left out
    with their foregrounds; `InputError` where none can be.
    """
    for surroundings in sorted({BLENDINGS[blending].keeps_surroundings for blending in blendings}):
        folder = pool_folder(cutouts, surroundings)
        if not part_stands(folder):
            cut = map_originals(partial(cut_out_readable, surroundings=surroundings), originals)
            pairs = (
                pair
                for original, own in zip(originals, cut, strict=True)
                for pair in zip(original.own, own, strict=bool(own))
            )
            with whole_part(folder) as scratch:
                write_cutouts(scratch, pairs)
    present = set(open_cutouts(folder).source_ids.tolist())
    return [foreground for original in originals for foreground in original.own if foreground.source_id in present]


def write_cutouts(folder: Path, cutouts: Iterable[tuple[Foreground, Cutout]]) -> None:
    """``folder``, which exists, holds the pool of ``cutouts``; one is in memory. `InputError` where there is none."""
    sizes, hulls, foregrounds = [], [], []
    with (folder / PIXELS).open("wb") as pixels:
        for foreground, cutout in cutouts:
            pixels.write(cutout.rgba.tobytes())
            sizes.append(cutout.rgba.shape[:2])
            hulls.append(cutout.hull_xy)
            foregrounds.append(foreground)
    if not foregrounds:
        raise InputError(
            "none of the images that hold foregrounds can be read; run: dvc checkout, or dvc repro prepare"
        )
    sizes_hw = np.array(sizes, np.int64)
    num_bytes = 4 * sizes_hw.prod(axis=1)
    np.savez(
        folder / INDEX,
        hulls=np.concatenate(hulls),
        pixel_starts=np.cumsum(num_bytes) - num_bytes,
        hull_ends=np.cumsum([len(hull) for hull in hulls]),
        sizes_hw=sizes_hw,
        class_ids=np.array([foreground.class_id for foreground in foregrounds], np.int64),
        source_ids=np.array([foreground.source_id for foreground in foregrounds], np.int64),
        origin=np.array(foregrounds[0].origin),
    )


def pool_folder(cutouts: Path, surroundings: bool) -> Path:
    """Where under ``cutouts`` the pool with, or without, surroundings lies."""
    return cutouts / ("surroundings" if surroundings else "continued")


@lru_cache(maxsize=2)
def open_cutouts(folder: Path) -> CutoutPool:
    """The pool in ``folder``, mapped into memory once per process; a pool is never rewritten in place."""
    pixels = np.memmap(folder / PIXELS, np.uint8, mode="r")
    with np.load(folder / INDEX) as index:
        arrays = dict(index)
    return CutoutPool(str(arrays.pop("origin")), np.asarray(pixels), **arrays)
