"""One composite: foregrounds pasted on a background, and annotations of exactly what is visible (EM-Paste §3).

Every pixel knows the instance that it shows: a map of ids, 0 for none, is painted along with the image. A later paste
cuts what lies under it; pixels outside the image never count; an instance of which too little is left is dropped. The
annotations are read off the final map, so masks are disjoint, keep their holes, and boxes and areas are theirs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int16, UInt8

from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.paste import BLENDINGS, KEEP_SURROUNDINGS, MIXED, PLACEMENTS
from empaste.paste.blending import HALF, MARGIN
from empaste.paste.cutouts import Cutout, CutoutPool, foreground_mask, open_cutouts, pool_folder
from empaste.paste.placement import Pose, limit_overhang
from empaste.paste.pool import Background
from empaste.paste.sampling import draw, open_draws

VOID = -1
"""In a map of ids: nobody knows what the pixel shows."""


@dataclass(frozen=True)
class Recipe:
    """How composites are made; the meaning of each value stands in params.yaml, section paste."""

    placement: str
    num_pasted: tuple[int, int]
    scale: tuple[float, float]
    rotation: float
    blending: tuple[str, ...]
    blur_sigma: float
    min_visible: float
    min_pixels: int
    seed: int
    min_radius: float = 6.0
    flip: float = 0.0
    brightness: tuple[float, float] = (1.0, 1.0)


class Composite(NamedTuple):
    """The image, its annotations (without ids of their own and of the image), and how many instances were dropped."""

    image: UInt8[np.ndarray, "h w 3"]
    annotations: list[dict[str, Any]]
    num_dropped: int


class EncodedComposite(NamedTuple):
    """A composite as a JPEG file, with its size."""

    jpeg: bytes
    size_hw: tuple[int, int]
    annotations: list[dict[str, Any]]
    num_dropped: int


class Unreadable(NamedTuple):
    """No composite, because its background cannot be read, and why."""

    reason: str


class Instance(NamedTuple):
    """What is known of an instance beside its pixels; ``area`` is what it would cover if nothing hid it."""

    class_id: int
    area: int
    keys: dict[str, Any]


class Layer(NamedTuple):
    """A cutout, warped: its own small frame, whose corner lies at ``x``, ``y`` of the image."""

    x: int
    y: int
    rgba: UInt8[np.ndarray, "k l 4"]

    def on(self, size_hw: tuple[int, int]) -> tuple[tuple[slice, slice], UInt8[np.ndarray, "m n 4"]]:
        """The piece of an image of ``size_hw`` that the layer covers, and the layer cut to it."""
        top, left = max(0, self.y), max(0, self.x)
        bottom = max(top, min(size_hw[0], self.y + self.rgba.shape[0]))
        right = max(left, min(size_hw[1], self.x + self.rgba.shape[1]))
        cut = self.rgba[top - self.y : bottom - self.y, left - self.x : right - self.x]
        return (slice(top, bottom), slice(left, right)), cut


def compose_encoded(
    background: Background, cutouts: Path, recipe: Recipe, jpeg_quality: int
) -> EncodedComposite | Unreadable:
    """`compose`, with the image as a JPEG file of ``jpeg_quality``; an unreadable background is returned as such."""
    try:
        image = background.read_rgb()
    except InputError as error:
        return Unreadable(str(error))
    image, annotations, num_dropped = paste_on(image, background, cutouts, recipe)
    jpeg = encode_rgb(image, ".jpg", jpeg_quality)
    return EncodedComposite(jpeg, (image.shape[0], image.shape[1]), annotations, num_dropped)


def compose(background: Background, cutouts: Path, recipe: Recipe) -> Composite:
    """The composite on ``background``: pure, seeded by the recipe's seed and the background's identity alone.

    ``cutouts`` is the folder of the pools of foregrounds and of the shares that they are drawn by; it is not opened
    where nothing is pasted.
    """
    return paste_on(background.read_rgb(), background, cutouts, recipe)


def paste_on(image: UInt8[np.ndarray, "h w 3"], background: Background, cutouts: Path, recipe: Recipe) -> Composite:
    """`compose` on the ``image`` of ``background``, which is written into."""
    ids, instances = _paint_own(background, (image.shape[0], image.shape[1]))
    if background.pasted_on and recipe.placement != "none":
        rng = np.random.default_rng(
            [recipe.seed, int(background.kind == "original"), background.source_id, background.copy]
        )
        blending = recipe.blending[rng.integers(len(recipe.blending))]
        blend, pool = BLENDINGS[blending], open_cutouts(pool_folder(cutouts, blending in KEEP_SURROUNDINGS))
        for layer, class_id, keys in _draw_layers(ids, pool, open_draws(cutouts), recipe, rng):
            area = int(np.count_nonzero(layer.rgba[..., 3] >= HALF))
            instances.append(Instance(class_id, area, keys))
            box, rgba = layer.on(ids.shape)
            if rgba.size and area:
                coverage = np.ascontiguousarray(rgba[..., 3])
                image[box] = blend(image[box], np.ascontiguousarray(rgba[..., :3]), coverage, recipe.blur_sigma)
                ids[box][coverage >= HALF] = len(instances)
    return _read_off(image, ids, instances, recipe.min_visible, recipe.min_pixels)


def _paint_own(background: Background, size_hw: tuple[int, int]) -> tuple[Int16[np.ndarray, "h w"], list[Instance]]:
    """The map of ids that the background brings, and its instances; later ones cut earlier ones, and void."""
    ids = np.zeros(size_hw, np.int16)
    for void in background.void:
        ids[decode_mask(void)] = VOID
    instances: list[Instance] = []
    for foreground in background.own:
        mask = foreground_mask(foreground, size_hw, background)
        keys = {"source": "original", foreground.origin: foreground.source_id}
        instances.append(Instance(foreground.class_id, int(np.count_nonzero(mask)), keys))
        ids[mask] = len(instances)
    return ids, instances


def _draw_layers(
    ids: Int16[np.ndarray, "h w"],
    pool: CutoutPool,
    shares_up_to: Float[np.ndarray, " n"],
    recipe: Recipe,
    rng: np.random.Generator,
) -> Iterator[tuple[Layer, int, dict[str, Any]]]:
    """The foregrounds to paste, warped, one by one; ``ids`` is read anew for each. Ends when no room is left."""
    num = rng.integers(recipe.num_pasted[0], recipe.num_pasted[1] + 1)
    margin = max(MARGIN, int(np.ceil(3 * recipe.blur_sigma)) + 1)
    place = PLACEMENTS[MIXED[rng.integers(len(MIXED))] if recipe.placement == "mixed" else recipe.placement]
    for index in draw(shares_up_to, int(num), rng):
        turn = _turn(rng.uniform(-recipe.rotation, recipe.rotation), rng.random() < recipe.flip)
        cutout, brightness = pool[index], rng.uniform(*recipe.brightness)
        pose = place(cutout.hull_xy @ turn.T, ids, rng, recipe.scale, recipe.min_radius)
        if pose is None:
            return
        layer = warp(cutout, turn, pose, ids.shape, margin)
        keys = {"source": "pasted", pool.origin: int(pool.source_ids[index])}
        yield _brightened(layer, brightness), int(pool.class_ids[index]), keys


def _turn(degrees: float, flipped: bool) -> Float[np.ndarray, "2 2"]:
    """The matrix that rotates by ``degrees``, after mirroring left to right where ``flipped``."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    mirror = -1 if flipped else 1
    return np.array([[mirror * cosine, -sine], [mirror * sine, cosine]])


def _brightened(layer: Layer, factor: float) -> Layer:
    """``layer`` with its colours multiplied by ``factor``; what it covers stays."""
    if factor == 1:
        return layer
    return layer._replace(rgba=cv2.multiply(layer.rgba, np.array([factor, factor, factor, 1.0])))


def warp(cutout: Cutout, turn: Float[np.ndarray, "2 2"], pose: Pose, size_hw: tuple[int, int], margin: int) -> Layer:
    """``cutout`` turned, scaled and shifted, with ``margin`` pixels around it; at most a quarter is off the image."""
    corners_xy = pose.scale * cutout.hull_xy @ turn.T + pose.offset_xy
    x, y = (int(low) - margin for low in np.floor(corners_xy.min(axis=0)))
    width, height = (
        int(high) + margin + 1 - low for high, low in zip(np.ceil(corners_xy.max(axis=0)), (x, y), strict=True)
    )
    rgba, step, first = _shrink(cutout.rgba, pose.scale)
    linear = pose.scale * turn
    matrix = np.column_stack([linear * step, linear @ (first, first) + pose.offset_xy - (x, y)])
    # Cubic, because linear interpolation would smooth the grain away and leave pasted objects softer than the others.
    warped = cv2.warpAffine(rgba, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return Layer(*limit_overhang(warped[..., 3] >= HALF, x, y, size_hw), warped)


def _shrink(rgba: UInt8[np.ndarray, "h w 4"], scale: float) -> tuple[UInt8[np.ndarray, "k l 4"], int, float]:
    """``rgba`` averaged down by the power of two that leaves no more than a factor of two to interpolation.

    Interpolating between single pixels at a scale under 0.5 would skip some of them. Also returned: how many pixels
    wide a new pixel is, and where the first one's centre lies (x and y alike), in pixels of ``rgba``.
    """
    step = 1
    while scale * step < 0.5:
        step *= 2
    if step == 1:
        return rgba, 1, 0.0
    height, width = rgba.shape[:2]
    # One new pixel of rim all around, so that the outermost still covers nothing of the object.
    rim = (step, step + -height % step, step, step + -width % step)
    padded = cv2.copyMakeBorder(rgba, *rim, cv2.BORDER_REPLICATE)
    size_wh = (padded.shape[1] // step, padded.shape[0] // step)
    return cv2.resize(padded, size_wh, interpolation=cv2.INTER_AREA), step, (step - 1) / 2 - step


def _read_off(
    image: UInt8[np.ndarray, "h w 3"],
    ids: Int16[np.ndarray, "h w"],
    instances: list[Instance],
    min_visible: float,
    min_pixels: int,
) -> Composite:
    """The composite whose annotations are the instances that are visible enough, in painting order."""
    by_columns = np.asfortranarray(ids)  # the order in which masks are encoded
    annotations = []
    for number, instance in enumerate(instances, start=1):
        mask = by_columns == number
        if np.count_nonzero(mask) >= max(min_pixels, min_visible * instance.area, 1):
            annotations.append(_annotation(mask, instance))
    return Composite(image, annotations, len(instances) - len(annotations))


def _annotation(mask: Bool[np.ndarray, "h w"], instance: Instance) -> dict[str, Any]:
    return {
        "category_id": instance.class_id,
        "segmentation": encode_mask(mask),
        "area": int(np.count_nonzero(mask)),
        "bbox": list(mask_box_xywh(mask)),
        "iscrowd": 0,
        **instance.keys,
    }
