"""Whether an exported detector gives what the detector gives."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from empaste.detectors.tensors import image_tensor
from empaste.errors import InputError
from empaste.exporting.models.traced import Loaded
from empaste.images import RGB, fit_within
from empaste.photograph_files import find_photographs
from empaste.photographs import read_photograph

PIXELS, SCORE, MASK = 0.1, 1e-3, 1e-2
"""How far a side of a box, a score, and a value of a mask may differ."""
NUM_PHOTOGRAPHS = 4
SHARES = ((0.75, 1.0), (1.0, 0.6), (0.47, 0.93), (0.2, 0.15))
"""Height and width, in shares of the network's side, of images of noise: lying, standing, odd, small."""

Arrays = tuple[np.ndarray, ...]
Run = Callable[[RGB], Arrays]
"""`traced.OUTPUTS` of an image, as arrays."""


class Checked(NamedTuple):
    """On how many images two detectors were equal, and how many instances they found there."""

    num_images: int
    num_instances: int

    def __str__(self) -> str:
        return f"equal on {self.num_images} images with {self.num_instances} instances"


def check_equal(loaded: Loaded, run: Run, images: Path) -> Checked:
    """``run`` gives what ``loaded`` gives on images of noise and on some in the folder ``images``; else `InputError`.

    Of equal ones the order may differ, and what scores as little as the last one may be missing.
    """
    num_images = num_instances = 0
    for image in tqdm(_images(loaded.image_size, images), desc="comparing", unit="image"):
        with torch.inference_mode():
            expected = tuple(output.numpy() for output in loaded.module(image_tensor(image)))
        found = run(image)
        if trouble := difference(expected, found) or difference(found, expected):
            raise InputError(
                f"the exported detector differs from the detector ({trouble}, on an image of {image.shape[1]} × "
                f"{image.shape[0]} pixels); no file is left. Export it as tensors, and please report this"
            )
        num_images, num_instances = num_images + 1, num_instances + len(expected[0])
    return Checked(num_images, num_instances)


def difference(expected: Arrays, found: Arrays) -> str | None:
    """What of ``expected`` is not in ``found``; None where all is."""
    boxes, class_ids, scores, masks = expected
    for number, score in enumerate(scores):
        near = np.abs(found[0] - boxes[number]).max(axis=1, initial=0) <= PIXELS
        near &= (found[1] == class_ids[number]) & (np.abs(found[2] - score) <= SCORE)
        if not near.any() and score > scores.min() + SCORE:
            return f"an instance that scores {score:.4f} is missing"
        if near.any() and np.abs(found[3][near] - masks[number]).max(axis=(1, 2)).min() > MASK:
            return f"the mask of an instance that scores {score:.4f} is another"
    return None


def _images(image_size: int, folder: Path) -> Iterator[RGB]:
    rng = np.random.default_rng(0)
    for share in SHARES:
        yield rng.integers(0, 256, (*(max(1, int(image_size * side)) for side in share), 3), np.uint8)
    if folder.is_dir():
        for path in find_photographs(folder)[-NUM_PHOTOGRAPHS:]:
            yield fit_within(read_photograph(path).image, image_size)
