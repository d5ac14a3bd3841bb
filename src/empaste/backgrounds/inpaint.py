"""The image's own place without its objects, varied: the generator that needs no model.

The segments that may show a class are erased, the likeliest first, as long as enough of the place is left (not only
the extracted foregrounds: an instance that was not extracted would stay, without a label; whether one did is for the
presence check to see), the hole is filled with texture of the rest, and the result is flipped, turned, cropped
and lit a little differently, so that two candidates of one image differ.
"""

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from jaxtyping import Bool, UInt8

from empaste.backgrounds.generator import GeneratorSettings, pure_generator
from empaste.backgrounds.patch_fill import fill_hole
from empaste.backgrounds.scenes import Candidate, Made, Scene
from empaste.images import read_rgb
from empaste.masks import decode_mask

MAX_ERASED = 0.6
"""With more than this share of the image erased there is no place left to speak of."""

MARGIN = 0.025
"""How far the hole reaches beyond the segments, as a share of the shorter side: halos, shadows, loose outlines."""


def maker(settings: GeneratorSettings) -> Callable[[Scene], Made]:
    """A function that gives ``per_caption`` variants of a scene's place."""
    return partial(make, per_caption=settings.per_caption, seed=settings.seed)


def make(scene: Scene, per_caption: int, seed: int) -> Made:
    """``per_caption`` backgrounds; none where what shows a class leaves no place."""
    image = read_rgb(scene.path)
    hole = erased(scene)
    if scene.erase and not hole.any():
        return Made(has_context=False)
    candidates = []
    for number in range(per_caption):
        rng = np.random.default_rng([seed, scene.image_id, number])
        filled = fill_hole(image, hole, rng)
        if filled is None:
            return Made(has_context=False)
        candidates.append(Candidate(vary(filled, rng), possible=scene.classes))
    return Made(candidates)


def erased(scene: Scene) -> Bool[np.ndarray, "h w"]:
    """The union of the scene's segments to erase, each with a margin.

    They are taken in their order, without those that would take the union over `MAX_ERASED` of the image.
    """
    size = [scene.height, scene.width]
    margin = max(2, round(MARGIN * min(size)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    hole = np.zeros(size, bool)
    for counts in scene.erase:
        segment = decode_mask({"size": size, "counts": counts}).astype(np.uint8)
        larger = hole | cv2.dilate(segment, disc).astype(bool)
        if larger.mean() <= MAX_ERASED:
            hole = larger
    return hole


def vary(image: UInt8[np.ndarray, "h w 3"], rng: np.random.Generator) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` flipped (or not), turned by up to 4°, zoomed by up to 1.3 and lit a little differently.

    The zoom always covers what the turn leaves empty.
    """
    if rng.random() < 0.5:
        image = image[:, ::-1]
    height, width = image.shape[:2]
    angle = rng.uniform(-4, 4)
    radians = np.deg2rad(abs(angle))
    covering = np.cos(radians) + np.sin(radians) * max(height / width, width / height)
    zoom = max(covering, rng.uniform(1.0, 1.3))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, zoom)
    matrix[:, 2] += rng.uniform(-0.5, 0.5, 2) * (zoom - covering) * (width, height)
    warped = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    lit = (warped - 127.5) * rng.uniform(0.9, 1.1) + 127.5 + rng.uniform(-12, 12)
    return np.rint(lit * rng.uniform(0.97, 1.03, 3)).clip(0, 255).astype(np.uint8)


GENERATOR = pure_generator("inpaint", maker)
