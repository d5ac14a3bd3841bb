"""The embedded demo data set: six classes drawn by this project, in places that go with them.

Each image is a pure function of (seed, image id). With probability 0.7 the first thing of an image stands where things
of its class are mostly found, so a classifier learns the place along with the thing, as it does from photographs. One
to three instances, clutter of no class, overlaps and truncation; the masks are what is visible, disjoint.
"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from empaste.datasets.demo_clutter import CLUTTER
from empaste.datasets.demo_objects import CLASSES
from empaste.datasets.demo_scenes import HOMES, NATURAL_CLUTTER, SCENES
from empaste.datasets.demo_shapes import Draw, Patch, blank_patch, fractal, shade, tinted
from empaste.datasets.records import ClassName, DataSet, Example, Picture, Split
from empaste.datasets.settings import PrepareSettings
from empaste.images import encode_rgb, fit_within

SUPERSAMPLING = 3
HOME_PROB = 0.7
NAMES = tuple(CLASSES)
EMPTY = 1
"""In a seed, tells an empty scene from the image of the same number."""
UPRIGHT = tuple(CLASSES[name][1] for name in ("house", "bottle", "mushroom"))


@dataclass(frozen=True)
class Thing:
    """Something to place: class id (0 for clutter), radius and centre in canvas pixels, how it is drawn."""

    class_id: int
    draw: Draw
    radius: float
    centre_xy: tuple[float, float]
    angle: float


Wanted = tuple[int, Draw, float]
"""A thing without a place: class id, how it is drawn, radius as a share of the canvas's side."""


def open_demo(settings: PrepareSettings) -> DataSet:
    """The demo data set: ``num_train`` training images from id 1, then ``num_val`` validation images."""
    classes = tuple(ClassName(number, name, CLASSES[name][0]) for number, name in enumerate(NAMES, 1))
    sizes: tuple[tuple[Split, int, int], ...] = (
        ("train", 1, settings.num_train),
        ("val", settings.num_train + 1, settings.num_val),
    )
    examples = tuple(
        Example(number, split, f"{split}/{number:06d}.jpg", ())
        for split, first, count in sizes
        for number in range(first, first + count)
    )
    return DataSet(classes, examples, partial(load_demo, seed=settings.seed, image_size=settings.image_size))


def load_demo(example: Example, max_side: int, seed: int, image_size: int) -> Picture:
    """The picture of an example, with labels for what is visible in it."""
    image, class_ids, masks = draw_scene(seed, example.image_id, image_size)
    image = fit_within(image, max_side)
    height, width = image.shape[:2]
    resized = [
        cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0 for mask in masks
    ]
    kept = [(number, mask, 0) for number, mask in zip(class_ids, resized, strict=True) if mask.any()]
    return Picture(encode_rgb(image, ".jpg", 95), height, width, tuple(sorted(set(class_ids))), tuple(kept))


def draw_scene(
    seed: int, image_id: int, side: int
) -> tuple[UInt8[np.ndarray, "side side 3"], list[int], Bool[np.ndarray, "n side side"]]:
    """Image, class id per instance, and the disjoint masks of what is visible of each; at least one instance."""
    rng = np.random.default_rng([seed, image_id])
    first = NAMES[rng.integers(len(NAMES))]
    scene = _scene_for(rng, first)
    canvas = _empty_canvas(rng, scene, side)
    light = _light(rng)
    things = _choose_things(rng, first, scene, len(canvas))
    owners = _draw_things(canvas, things, light, rng)
    image = _photograph(canvas, rng, side)
    masks = _visible_masks(owners, len(things), side)
    shown = [(thing.class_id, mask) for thing, mask in zip(things, masks, strict=True) if thing.class_id and mask.any()]
    return image, [number for number, _ in shown], np.array([mask for _, mask in shown])


def draw_empty_scene(seed: int, number: int, side: int) -> UInt8[np.ndarray, "side side 3"]:
    """A scene like those of `draw_scene`, as frequent as there, with clutter and without an instance of any class."""
    rng = np.random.default_rng([seed, number, EMPTY])
    scene = _scene_for(rng, NAMES[rng.integers(len(NAMES))])
    canvas = _empty_canvas(rng, scene, side)
    light = _light(rng)
    things = _place_things(rng, _choose_clutter(rng, scene), len(canvas))
    _draw_things(canvas, things, light, rng)
    return _photograph(canvas, rng, side)


def _empty_canvas(rng: np.random.Generator, scene: str, side: int) -> UInt8[np.ndarray, "big big 3"]:
    canvas = SCENES[scene](rng, side * SUPERSAMPLING)
    return np.ascontiguousarray(canvas[:, ::-1]) if rng.uniform() < 0.5 else canvas


def _light(rng: np.random.Generator) -> tuple[float, float]:
    """The shift of shadows (x, y), as a multiple of their length."""
    return rng.choice([-1, 1]) * rng.uniform(0.4, 1.0), rng.uniform(0.4, 1.0)


def _draw_things(
    canvas: UInt8[np.ndarray, "big big 3"], things: list[Thing], light: tuple[float, float], rng: np.random.Generator
) -> UInt8[np.ndarray, "big big"]:
    """``things`` are drawn on ``canvas``; per pixel the number of the thing that it shows, from 1, and 0 for none."""
    owners = np.zeros(canvas.shape[:2], np.uint8)
    for number, thing in enumerate(things, 1):
        _place(canvas, owners, number, thing, rng, light)
    return owners


def _scene_for(rng: np.random.Generator, first: str) -> str:
    homes = HOMES[first]
    if rng.uniform() < HOME_PROB:
        return str(rng.choice(homes))
    return str(rng.choice([scene for scene in SCENES if scene not in homes]))


def _choose_things(rng: np.random.Generator, first: str, scene: str, big: int) -> list[Thing]:
    """Clutter and instances in the order in which they are placed; each covers little of those before it."""
    names = [first] + [first if rng.uniform() < 0.45 else str(rng.choice(NAMES)) for _ in range(_extra(rng))]
    clutter = _choose_clutter(rng, scene)
    size = 1.0 if len(names) == 1 else 0.82
    instances = [(NAMES.index(name) + 1, CLASSES[name][1], size * rng.uniform(0.15, 0.33)) for name in names]
    return _place_things(rng, clutter + instances, big)


def _choose_clutter(rng: np.random.Generator, scene: str) -> list[Wanted]:
    names = [
        str(rng.choice(NATURAL_CLUTTER[scene] if rng.uniform() < HOME_PROB else list(CLUTTER)))
        for _ in range(rng.integers(0, 4))
    ]
    return [(0, CLUTTER[name], rng.uniform(0.07, 0.15)) for name in names]


def _place_things(rng: np.random.Generator, wanted: list[Wanted], big: int) -> list[Thing]:
    """Those of ``wanted`` that find a place on a canvas of ``big`` × ``big`` pixels."""
    placed: list[Thing] = []
    for class_id, draw, share in wanted:
        thing = _find_place(rng, class_id, draw, share * big, placed, big)
        if thing is not None:
            placed.append(thing)
    return placed


def _extra(rng: np.random.Generator) -> int:
    return int(rng.choice(3, p=[0.45, 0.35, 0.2]))


def _find_place(
    rng: np.random.Generator, class_id: int, draw: Draw, radius: float, placed: list[Thing], big: int
) -> Thing | None:
    """A place where the thing hangs over the edge, and over what is there, by a part at most.

    Where no try finds one, the first instance of an image goes to the middle, and for others there is None.
    """
    angle = float(rng.normal(0, 4 if draw in UPRIGHT else 18) if class_id else rng.uniform(-40, 40))
    for attempt in range(30):
        margin = radius * (0.45 if rng.uniform() < 0.25 else 0.9)
        low, high = min(margin, big / 2), max(big - margin, big / 2)
        centre = (rng.uniform(low, high), rng.uniform(low, high))
        nearness = 1.0 if class_id == 0 or rng.uniform() < 0.6 else 0.7
        # After some tries, clutter may be covered: it is there for the confusion, not to be found.
        others = [other for other in placed if other.class_id or attempt <= 15]
        if all(_distance(centre, other) > nearness * (radius + other.radius) for other in others):
            return Thing(class_id, draw, radius, centre, angle)
    if class_id and not any(other.class_id for other in placed):
        return Thing(class_id, draw, radius, (big / 2, big / 2), angle)
    return None


def _distance(centre_xy: tuple[float, float], thing: Thing) -> float:
    return float(np.hypot(centre_xy[0] - thing.centre_xy[0], centre_xy[1] - thing.centre_xy[1]))


def _place(
    canvas: UInt8[np.ndarray, "s s 3"],
    owners: UInt8[np.ndarray, "s s"],
    number: int,
    thing: Thing,
    rng: np.random.Generator,
    light: tuple[float, float],
) -> None:
    """Draw ``thing`` with its shadow; its pixels belong to ``number`` from now on."""
    patch = blank_patch(thing.radius, thing.angle)
    thing.draw(patch, rng)
    shade(patch, rng, light, rng.uniform(0.6, 1.1), rng.uniform(0.03, 0.09))
    shift = 0.09 * thing.radius
    _cast_shadow(canvas, patch, (thing.centre_xy[0] + light[0] * shift, thing.centre_xy[1] + light[1] * shift))
    there, here = _windows(canvas, patch, thing.centre_xy)
    area = patch.mask[here] > 0
    canvas[there][area] = patch.rgb[here][area]
    owners[there][area] = number


def _cast_shadow(canvas: UInt8[np.ndarray, "s s 3"], patch: Patch, centre_xy: tuple[float, float]) -> None:
    soft = cv2.GaussianBlur(patch.mask.astype(np.float32) / 255, (0, 0), 0.07 * patch.radius)
    there, here = _windows(canvas, patch, centre_xy)
    canvas[there] = tinted(canvas[there], 1 - 0.38 * soft[here])


def _windows(
    canvas: UInt8[np.ndarray, "s s 3"], patch: Patch, centre_xy: tuple[float, float]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The part of the canvas under the patch, and the part of the patch over the canvas (both rows, columns)."""
    left, top = (round(at - patch.side / 2) for at in centre_xy)
    right, bottom = min(left + patch.side, len(canvas)), min(top + patch.side, len(canvas))
    x, y = max(left, 0), max(top, 0)
    return (slice(y, bottom), slice(x, right)), (slice(y - top, bottom - top), slice(x - left, right - left))


def _photograph(canvas: UInt8[np.ndarray, "s s 3"], rng: np.random.Generator, side: int) -> UInt8[np.ndarray, "t t 3"]:
    """``canvas`` under uneven light, with a colour cast and a sensor's noise, at its final size."""
    small = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    lit = rng.uniform(0.85, 1.12) * (1 + 0.12 * fractal(rng, side, side, 2))
    cast = 1 + rng.uniform(-0.06, 0.06, 3)
    sensor = rng.normal(0, rng.uniform(2, 6), (side, side, 3))
    return np.clip(small * lit[..., None] * cast + sensor, 0, 255).astype(np.uint8)


def _visible_masks(owners: UInt8[np.ndarray, "s s"], count: int, side: int) -> Bool[np.ndarray, "count side side"]:
    """Per thing the final pixels of which it owns the most."""
    shares = [
        cv2.resize((owners == number).astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
        for number in range(count + 1)
    ]
    winner = np.argmax(shares, axis=0)
    return np.array([winner == number for number in range(1, count + 1)])
