"""Tiny captioners with random weights, saved as local folders, and a few images."""

from pathlib import Path

import numpy as np
import pytest

from empaste.captions.scenes import Scene
from empaste.images import write_rgb


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Kind of model → its folder."""
    pytest.importorskip("transformers")
    from tests.captions import tiny_captioners
    from tests.tiny_models import save_blip

    savers = {
        "blip": save_blip,
        "git": tiny_captioners.save_git,
        "blip2": tiny_captioners.save_blip2,
        "blip2_t5": tiny_captioners.save_blip2_t5,
        "llava": tiny_captioners.save_llava,
        "qwen2_vl": tiny_captioners.save_qwen2_vl,
    }
    return {kind: save(tmp_path_factory.mktemp(kind)) for kind, save in savers.items()}


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    """Three images of noise, of different sizes."""
    rng = np.random.default_rng(0)
    for number in range(3):
        write_rgb(tmp_path / f"{number}.png", rng.integers(0, 255, (60 + 28 * number, 90, 3), np.uint8))
    return [Scene(number + 1, tmp_path / f"{number}.png", ()) for number in range(3)]
