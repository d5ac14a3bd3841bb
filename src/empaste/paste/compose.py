"""One composite: foregrounds pasted on a background, and annotations of exactly what is visible (EM-Paste §3).

Every pixel knows the instance that it shows: a map of ids, 0 for none, is painted along with the image. A later paste
cuts what lies under it; pixels outside the image never count; an instance of which too little is left is dropped. The
annotations are read off the final map, so masks are disjoint, keep their holes, and boxes and areas are theirs.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int16, UInt8

from empaste.artifacts.coco_records import InstanceRecord
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.masks import decode_mask, encode_mask, rle_area_box_xywh
from empaste.paste import BLENDINGS, MIXED, PLACEMENTS
from empaste.paste.cutouts import CutoutPool, foreground_mask, open_cutouts, pool_folder
from empaste.paste.placement import Placement
from empaste.paste.pool import Canvas
from empaste.paste.sampling import draw, open_draws
from empaste.paste.settings import PasteSettings
from empaste.paste.warping import Layer, turning, warp
from empaste.rle import RLE

FULL_COLOUR_FROM = 90
"""JPEG quality from which on colour keeps its full resolution, as ImageMagick has it; under it half, as cameras do."""

VOID = -1
"""In a map of ids: nobody knows what the pixel shows."""


class Composite(NamedTuple):
    """The image, its annotations (without ids of their own and of the image), and how many instances were dropped.

    ``void`` are the pixels of the background of which nobody knows what they show, as far as nothing was pasted on
    them; None where there are none.
    """

    image: UInt8[np.ndarray, "h w 3"]
    annotations: list[InstanceRecord]
    num_dropped: int
    void: RLE | None = None


class EncodedComposite(NamedTuple):
    """A composite as a JPEG file, with its size."""

    jpeg: bytes
    size_hw: tuple[int, int]
    annotations: list[InstanceRecord]
    num_dropped: int
    void: RLE | None = None


class Unreadable(NamedTuple):
    """No composite, because its canvas cannot be read, and why."""

    reason: str


class Instance(NamedTuple):
    """What is known of an instance beside its pixels; ``area`` is what it would cover if nothing hid it.

    ``source`` is "original" or "pasted"; ``origin`` and ``source_id`` are those of its `Foreground`.
    """

    class_id: int
    area: int
    source: str
    origin: str
    source_id: int


def compose_encoded(canvas: Canvas, cutouts: Path, settings: PasteSettings) -> EncodedComposite | Unreadable:
    """`compose`, with the image as a JPEG file of ``jpeg_quality``; an unreadable canvas is returned as such."""
    try:
        image = canvas.read_rgb()
    except InputError as error:
        return Unreadable(str(error))
    image, annotations, num_dropped, void = paste_on(image, canvas, cutouts, settings)
    quality = settings.jpeg_quality
    jpeg = encode_rgb(image, ".jpg", quality, full_colour=quality >= FULL_COLOUR_FROM)
    return EncodedComposite(jpeg, (image.shape[0], image.shape[1]), annotations, num_dropped, void)


def compose(canvas: Canvas, cutouts: Path, settings: PasteSettings) -> Composite:
    """The composite on ``canvas``: pure, seeded by ``seed`` and the canvas's identity alone.

    ``cutouts`` is the folder of the pools of foregrounds and of the shares that they are drawn by; it is not opened
    where nothing is pasted.
    """
    return paste_on(canvas.read_rgb(), canvas, cutouts, settings)


def paste_on(
    image: UInt8[np.ndarray, "h w 3"],
    canvas: Canvas,
    cutouts: Path,
    settings: PasteSettings,
    placements: Mapping[str, Placement] = PLACEMENTS,
) -> Composite:
    """`compose` on the ``image`` of ``canvas``, which is written into.

    ``placements`` are those that ``settings`` choose from; whoever wants to watch them gives others in their place.
    """
    ids, instances = _paint_own(canvas, (image.shape[0], image.shape[1]))
    if canvas.pasted_on and settings.placement != "none":
        rng = np.random.default_rng([settings.seed, int(canvas.kind == "original"), canvas.source_id, canvas.copy])
        blending = BLENDINGS[settings.blending[rng.integers(len(settings.blending))]]
        pool = open_cutouts(pool_folder(cutouts, blending.keeps_surroundings))
        margin = blending.margin(settings.blur_sigma)
        for layer, index in _draw_layers(ids, pool, open_draws(cutouts), settings, placements, margin, rng):
            class_id, source_id = int(pool.class_ids[index]), int(pool.source_ids[index])
            instances.append(Instance(class_id, int(np.count_nonzero(layer.mask)), "pasted", pool.origin, source_id))
            box, seen = layer.on(ids.shape)
            if seen.mask.any():
                image[box], hidden = blending.blend(image[box], seen.colour, seen.coverage, settings.blur_sigma)
                if hidden is not None:
                    np.copyto(ids[box], 0, where=hidden)
                np.copyto(ids[box], len(instances), where=seen.mask)
    return _read_off(image, ids, instances, settings)


def _paint_own(canvas: Canvas, size_hw: tuple[int, int]) -> tuple[Int16[np.ndarray, "h w"], list[Instance]]:
    """The map of ids that the canvas brings, and its instances; later ones cut earlier ones, and void."""
    ids = np.zeros(size_hw, np.int16)
    for void in canvas.void:
        ids[decode_mask(void)] = VOID
    instances: list[Instance] = []
    for foreground in canvas.own:
        mask = foreground_mask(foreground, size_hw, canvas)
        area = int(np.count_nonzero(mask))
        instances.append(Instance(foreground.class_id, area, "original", foreground.origin, foreground.source_id))
        ids[mask] = len(instances)
    return ids, instances


def _draw_layers(
    ids: Int16[np.ndarray, "h w"],
    pool: CutoutPool,
    shares_up_to: Float[np.ndarray, " n"],
    settings: PasteSettings,
    placements: Mapping[str, Placement],
    margin: int,
    rng: np.random.Generator,
) -> Iterator[tuple[Layer, int]]:
    """The foregrounds to paste, warped, and their places in ``pool``; ``ids`` is read anew for each.

    Ends when no room is left.
    """
    low, high = settings.n_p_range
    darkest, brightest = settings.brightness
    num = rng.integers(low, high + 1)
    place = _placement(settings, placements, rng).place
    for index in draw(shares_up_to, int(num), rng):
        turn = turning(rng.uniform(-settings.rotation, settings.rotation), rng.random() < settings.flip)
        cutout, brightness = pool[index], rng.uniform(darkest, brightest)
        pose = place(cutout.hull_xy @ turn.T, ids, rng, settings)
        if pose is None:
            return
        yield warp(cutout, turn, pose, ids.shape, margin, brightness), int(index)


def _placement(settings: PasteSettings, placements: Mapping[str, Placement], rng: np.random.Generator) -> Placement:
    """The placement that is asked for, or of several the one that is drawn."""
    if settings.placement != MIXED:
        return placements[settings.placement]
    mixed = [placement for placement in placements.values() if placement.in_mixed]
    return mixed[rng.integers(len(mixed))]


def _read_off(
    image: UInt8[np.ndarray, "h w 3"],
    ids: Int16[np.ndarray, "h w"],
    instances: list[Instance],
    settings: PasteSettings,
) -> Composite:
    """The composite whose annotations are the instances that are visible enough, in painting order."""
    by_columns = cv2.transpose(ids).T  # the order in which masks are encoded
    annotations: list[InstanceRecord] = []
    for number, instance in enumerate(instances, start=1):
        rle = encode_mask(by_columns == number)
        area, box = rle_area_box_xywh(rle)
        if area >= max(settings.min_pixels, settings.min_visible * instance.area, 1):
            annotations.append(_record(instance, rle, area, box))
    void = encode_mask(unknown) if (unknown := by_columns == VOID).any() else None
    return Composite(image, annotations, len(instances) - len(annotations), void)


def _record(instance: Instance, rle: RLE, area: int, box_xywh: Sequence[float]) -> InstanceRecord:
    found: InstanceRecord = {
        "category_id": instance.class_id,
        "segmentation": rle,
        "area": area,
        "bbox": list(box_xywh),
        "iscrowd": 0,
        "source": instance.source,
    }
    if instance.origin == "segment_id":
        found["segment_id"] = instance.source_id
    else:
        found["annotation_id"] = instance.source_id
    return found
