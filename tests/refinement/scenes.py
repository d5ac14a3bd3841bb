"""Images of coloured squares on noise, with their labels and foregrounds; and parameters that take no time."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.refinement.rounds import Instance, LabelledImage
from empaste.refinement.settings import RefineSettings

COLOURS = {3: (220, 30, 30), 7: (30, 220, 30), 9: (30, 30, 220)}
"""The classes, by the colour of their squares."""
# At a width of 8 oneDNN's 1 × 1 convolutions of stride 2 write beyond their memory where a batch is odd (torch 2.15).
TINY: dict[str, Any] = {
    "rounds": 1, "folds": 2, "architecture": "resnet_slim", "width": 16, "weights": None, "image_size": 32,
    "iterations": 2, "batch_size": 2, "learning_rate": 0.005, "backbone_rate": 1.0, "weight_decay": 1e-4,
    "jitter": [0.8, 1.2], "told_apart": "all", "scale": 1.0, "flip": False, "to_peak": False, "contours": None,
    "walk": {"side": 32, "contour_weight": 6.0, "colour_weight": 1.0, "prior_weight": 0.005}, "threshold": 0.5,
    "unseen": "drop", "void_threshold": 1.0,
    "min_area": 0.003, "min_piece": 0.25, "max_instances": 1, "seed": 0, "num_threads": 1, "device": "cpu",
}  # fmt: skip


def tiny_settings(**changes: Any) -> RefineSettings:
    """The parameters with ``changes``."""
    return RefineSettings.model_validate(TINY | changes)


def square_of(class_id: int) -> np.ndarray:
    """Where every image of 32 × 32 pixels that shows a class has its square; no two of them overlap."""
    mask = np.zeros((32, 32), bool)
    row, column = divmod(list(COLOURS).index(class_id), 2)
    mask[16 * row + 2 : 16 * row + 14, 16 * column + 2 : 16 * column + 14] = True
    return mask


def draw_images(folder: Path, shown: Mapping[int, Sequence[int]]) -> dict[int, LabelledImage]:
    """``folder`` holds an image per id, which shows a square of each of its classes."""
    folder.mkdir(parents=True, exist_ok=True)
    for image_id, class_ids in shown.items():
        image = np.random.default_rng(image_id).integers(90, 140, (32, 32, 3), np.uint8)
        for class_id in class_ids:
            image[square_of(class_id)] = COLOURS[class_id]
        write_rgb(folder / f"{image_id}.png", image)
    return {image_id: LabelledImage(folder / f"{image_id}.png", list(ids)) for image_id, ids in shown.items()}


def foreground(image_id: int, class_id: int, score: float = 0.75) -> Instance:
    """The square of a class in an image."""
    return Instance(image_id=image_id, class_id=class_id, segmentation=encode_mask(square_of(class_id)), score=score)
