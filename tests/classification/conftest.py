"""A toy problem that a tiny network solves in seconds: red or blue squares on gray, or neither."""

from typing import Any

import numpy as np
import pytest

from empaste.classification.cam_settings import CamSettings
from empaste.classification.labelled_images import LabelledImages
from empaste.classification.settings import ClassifierSettings

SETTINGS = ClassifierSettings.model_validate(
    {
        "architecture": "resnet_slim",
        "width": 8,
        "weights": None,
        "image_size": 32,
        "head": "random",
        "frozen_norm": False,
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 0.01,
        "backbone_rate": 1.0,
        "weight_decay": 0.01,
        "seed": 0,
        "num_threads": 1,
        "device": "cpu",
    }
)


def settings_of(**changes: Any) -> ClassifierSettings:
    """The settings of these tests, changed; names of architectures are not checked."""
    return SETTINGS.model_copy(update=changes)


def cam_settings(**changes: Any) -> CamSettings:
    """Grad-CAM by one scale and no mirror image, and what is over half the maximum counts, but for ``changes``."""
    walk = {"side": 64, "contour_weight": 6.0, "colour_weight": 1.0, "prior_weight": 0.005}
    lse = {"sharpness": 3.0, "iterations": 60, "seed": 0}
    plain: dict[str, Any] = {"method": "grad_cam", "lse": lse, "follow_edges": False, "level": 0.3}
    plain |= {"contours": None, "walk": walk}
    plain |= {"keep": "threshold", "threshold": 0.5, "top_percent": 20.0, "scales": [1.0], "flip": False}
    return CamSettings.model_validate(plain | {"batch_size": 4, "num_threads": 1, "device": "cpu"} | changes)


def coloured_squares(num: int, seed: int, first_id: int = 1) -> LabelledImages:
    rng = np.random.default_rng(seed)
    squares = rng.integers(90, 140, (num, 32, 32, 3), np.uint8)
    labels = rng.random((num, 2)) < 0.5
    for square, (red, blue) in zip(squares, labels, strict=True):
        if red:
            y, x = rng.integers(0, 20, 2)
            square[y : y + 12, x : x + 12] = (220, 30, 30)
        if blue:
            y, x = rng.integers(0, 20, 2)
            square[y : y + 6, x : x + 6] = (30, 30, 220)
    return LabelledImages(squares, labels, np.arange(first_id, first_id + num))


@pytest.fixture(scope="session")
def train_images() -> LabelledImages:
    return coloured_squares(48, 0)


@pytest.fixture(scope="session")
def val_images() -> LabelledImages:
    return coloured_squares(40, 1, 100)
