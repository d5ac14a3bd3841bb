"""The contract of every captioner, and the one that needs no model."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from empaste.captions import CAPTIONERS
from empaste.captions.labels import PLACES, caption_from_labels
from empaste.captions.scenes import Scene
from empaste.captions.vocabulary import DISTRACTORS
from empaste.images import write_rgb
from empaste.params import CaptionsParams


@pytest.mark.parametrize("method", CAPTIONERS)
def test_contract(method: str, tiny_blip: Path, tmp_path: Path) -> None:
    write_rgb(tmp_path / "a.png", np.full((12, 16, 3), 90, np.uint8))
    scenes = [Scene(number, tmp_path / "a.png", (("dog", "animal"),)) for number in range(1, 4)]
    caption = CAPTIONERS[method]
    texts = list(caption(scenes, 3, 0, str(tiny_blip), 2, "cpu"))
    assert [len(of_scene) for of_scene in texts] == [3, 3, 3]
    assert list(caption(scenes, 3, 0, str(tiny_blip), 2, "cpu")) == texts
    assert list(caption(scenes[2:], 3, 0, str(tiny_blip), 2, "cpu")) == texts[2:]
    assert list(caption(scenes, 3, 1, str(tiny_blip), 2, "cpu")) != texts


def test_params_and_registry_name_the_same_methods() -> None:
    assert set(get_args(CaptionsParams.model_fields["method"].annotation)) == set(CAPTIONERS)


def test_labels_name_every_class_and_a_place_of_the_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        text = caption_from_labels((("apple_tree", "outdoor"), ("car", "vehicle")), rng)
        assert "apple tree" in text and "car" in text
        assert any(place in text for place in PLACES["outdoor"] + PLACES["vehicle"])


def test_an_image_without_labels_is_a_place() -> None:
    assert "a view" in caption_from_labels((), np.random.default_rng(0))


def test_places_cover_the_supercategories_of_the_distractors() -> None:
    assert set(PLACES) == set(DISTRACTORS)
