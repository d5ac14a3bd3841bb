"""Tiny models with random weights, no hub, and scenes of stripes with a square object."""

import os
from pathlib import Path

import numpy as np
import pytest

from empaste.backgrounds.scenes import Scene
from empaste.images import write_rgb
from empaste.masks import encode_mask

# Read when the hub library is imported: names that are no folder are refused without a look-up.
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def tiny_diffusion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_models import save_stable_diffusion

    return save_stable_diffusion(tmp_path_factory.mktemp("diffusion"))


@pytest.fixture(scope="session")
def tiny_clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    from tests.tiny_models import save_clip

    return f"local-dir:{save_clip(tmp_path_factory.mktemp('clip'))}"


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    """Three scenes: blue above, green below, a red square that is to be erased."""
    made = []
    for number in range(1, 4):
        rng = np.random.default_rng(number)
        image = np.zeros((48, 64, 3), np.uint8)
        image[:24], image[24:] = (60, 90, 200), (50, 160, 60)
        image = (image + rng.integers(-8, 9, image.shape)).clip(0, 255).astype(np.uint8)
        mask = np.zeros((48, 64), bool)
        mask[18:32, 10 * number : 10 * number + 14] = True
        image[mask] = (220, 20, 20)
        write_rgb(tmp_path / f"{number}.png", image)
        captions = ((2 * number, "a tree on grass"), (2 * number + 1, "a gate"))
        made.append(Scene(number, tmp_path / f"{number}.png", 48, 64, (encode_mask(mask)["counts"],), captions))
    return made
