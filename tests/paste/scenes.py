"""Scenes whose truth can be read off their colours: every instance is painted in a colour of its own."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.paste.cutouts import cut_out
from empaste.paste.foregrounds import Foreground
from empaste.paste.pool import Canvas
from empaste.paste.sampling import write_draws
from empaste.paste.settings import PasteSettings

BASE: dict[str, Any] = {
    "placement": "random", "foregrounds": "fem", "foregrounds_file": None, "n_p": 3, "selection": "uniform",
    "repeat_threshold": 0.3, "confidence_temperature": 1.0, "scale": [0.6, 1.0], "min_radius": 6.0, "rotation": 30.0,
    "tries": 1, "flip": 0.0, "brightness": [1.0, 1.0], "blending": ["none"], "blur_sigma": 1.0,
    "duplicate_originals": 2, "keep_originals": True, "min_visible": 0.0, "min_pixels": 1, "seed": 0,
    "jpeg_quality": 75,
}  # fmt: skip


def changed(**changes: Any) -> PasteSettings:
    """The parameters of the scenes, with ``changes``."""
    return PasteSettings.model_validate(BASE | changes)


SETTINGS = changed()


def colour_of(source_id: int) -> tuple[int, int, int]:
    """A colour for each instance, none of them the black of the background."""
    return 255 - source_id % 7 * 20, 40 + source_id * 37 % 200, 30 + source_id * 91 % 220


def blob(rng: np.random.Generator, size_hw: tuple[int, int]) -> np.ndarray:
    """A mask of an ellipse with a hole, somewhere, possibly cut by the border."""
    mask = np.zeros(size_hw, np.uint8)
    centre = rng.integers(0, size_hw[1]), rng.integers(0, size_hw[0])
    axes = rng.integers(4, max(6, size_hw[1] // 2)), rng.integers(4, max(6, size_hw[0] // 2))
    angle = float(rng.uniform(0, 180))
    cv2.ellipse(mask, [int(v) for v in centre], [int(v) for v in axes], angle, 0, 360, 1, -1)
    cv2.circle(mask, [int(v) for v in centre], 2, 0, -1)
    return mask.astype(bool)


def paint(path: Path, image_id: int, masks: list[np.ndarray], copy: int = 0) -> Canvas:
    """An original at ``path`` (black, PNG) whose instances, the k-th of colour ``image_id * 10 + k``, are ``masks``."""
    image = np.zeros((*masks[0].shape, 3), np.uint8)
    own = []
    for number, mask in enumerate(masks):
        source_id = image_id * 10 + number
        image[mask] = colour_of(source_id)
        own.append(Foreground(image_id, number % 2 + 1, source_id, "segment_id", encode_mask(mask)))
    write_rgb(path, image)
    return Canvas("original", image_id, copy, path, tuple(own), True)


def pool_of(folder: Path, originals: list[Canvas]) -> Path:
    """The cutouts of ``originals``, on disk."""
    own = cut_out(folder, originals, ["gaussian", "poisson"], map)
    write_draws(folder, np.ones(len(own)))
    return folder
