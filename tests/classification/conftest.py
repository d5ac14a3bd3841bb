"""A toy problem that a tiny network solves in seconds: red or blue squares on gray, or neither."""

import numpy as np
import pytest

from empaste.classification.train import LabelledImages


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
