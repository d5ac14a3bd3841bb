"""Small images with known things in them."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

CENTRE, RADIUS = (22, 24), 11


@pytest.fixture
def disc_mask() -> np.ndarray:
    """A disc in a 56 × 64 image."""
    return np.asarray(cv2.circle(np.zeros((56, 64), np.uint8), CENTRE, RADIUS, 1, -1)) > 0


@pytest.fixture
def disc_image(disc_mask: np.ndarray) -> np.ndarray:
    """A reddish disc with a white square in its middle on a green ground with a little noise."""
    image = np.full((56, 64, 3), (60, 140, 70), np.uint8)
    image[disc_mask] = (200, 60, 50)
    image[21:27, 19:25] = (240, 240, 240)
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@pytest.fixture
def params_file(tmp_path: Path) -> Path:
    """A copy of the shipped params.yaml."""
    return Path(shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path))
