"""Images of a folder that the user vouches for: they show none of the classes. A row of the papers' ablation."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import UInt8

from empaste.backgrounds.scenes import Candidate, Made, Scene
from empaste.errors import InputError
from empaste.images import read_rgb

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def generator(*, per_caption: int, seed: int, root: str | None, **_: Any) -> Callable[[Scene], Made]:
    """A function that gives ``per_caption`` images of the folder ``root`` per scene, cropped to the scene's size.

    `InputError` where the folder is missing or holds no image.
    """
    return partial(make, per_caption=per_caption, seed=seed, files=image_files(Path(str(root))))


def image_files(folder: Path) -> tuple[Path, ...]:
    """The images in ``folder`` and below, by path."""
    if not folder.is_dir():
        raise InputError(f"backgrounds.root is {str(folder)!r}, which is no folder; set it to a folder of images")
    files = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES))
    if not files:
        raise InputError(f"backgrounds.root, {folder}, holds no image ({', '.join(SUFFIXES)}); add some")
    return files


def make(scene: Scene, per_caption: int, seed: int, files: tuple[Path, ...]) -> Made:
    """``per_caption`` images drawn from ``files``, without repeats where there are enough."""
    rng = np.random.default_rng([seed, scene.image_id])
    drawn = rng.choice(len(files), per_caption, replace=len(files) < per_caption)
    return Made([Candidate(crop(read_rgb(files[index]), scene.height, scene.width, rng)) for index in drawn])


def crop(
    image: UInt8[np.ndarray, "h2 w2 3"], height: int, width: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """``image``, scaled so that it just covers ``height`` × ``width``, cut to that at a random place."""
    scale = max(height / image.shape[0], width / image.shape[1])
    size_wh = max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale))
    scaled = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top = int(rng.integers(size_wh[1] - height + 1))
    left = int(rng.integers(size_wh[0] - width + 1))
    return scaled[top : top + height, left : left + width]
