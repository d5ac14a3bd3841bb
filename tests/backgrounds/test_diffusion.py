"""Text-to-image: loaded once, seeded per image, blank images tried again and counted."""

from pathlib import Path

import numpy as np
import pytest

from empaste.backgrounds import diffusion
from empaste.backgrounds.scenes import Scene
from empaste.errors import InputError


class Painter:
    """Stands in for a pipeline: records what it was asked for; blank where ``blank`` says so."""

    def __init__(self, blank: set[tuple[int, ...]]) -> None:
        self.blank, self.asked = blank, []

    def __call__(self, items: list[diffusion.Item]) -> list[np.ndarray]:
        self.asked.append([key for _, _, key in items])
        image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        return [np.zeros_like(image) if key in self.blank else image for _, _, key in items]


def test_blank_images_are_tried_once_more_then_counted(scenes: list[Scene]) -> None:
    paint = Painter({(7, 1, 0, 1), (7, 1, 1, 0), (7, 1, 1, 0, 1)})
    made = diffusion.make(scenes[0], 2, 7, 3, paint)
    assert paint.asked == [
        [(7, 1, 0, 0), (7, 1, 0, 1), (7, 1, 1, 0)],
        [(7, 1, 1, 1)],
        [(7, 1, 0, 1, 1), (7, 1, 1, 0, 1)],
    ]
    assert [candidate.caption_id for candidate in made.candidates] == [2, 2, 3]
    assert made.num_blank == 1


def test_a_scene_without_captions_makes_nothing(scenes: list[Scene]) -> None:
    made = diffusion.make(Scene(1, scenes[0].path, 4, 4), 2, 0, 4, Painter(set()))
    assert made.candidates == [] and made.num_blank == 0


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"backgrounds.model is '.*', which is no folder .*backgrounds.model to FOLDER"
    ):
        diffusion.generator(
            per_caption=1, seed=0, model=str(tmp_path), steps=1, guidance=1.0, image_size=64, batch_size=1, device="cpu"
        )


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(InputError, match=r"pip install 'empaste\[generative\]'"):
        diffusion.load_pipeline("x", torch.device("cpu"))
