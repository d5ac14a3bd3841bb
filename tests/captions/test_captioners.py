"""The contract of every captioner, and the one that needs no model."""

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from empaste.captions import CAPTIONERS
from empaste.captions.captioner import Context
from empaste.captions.labels import PLACES, caption_from_labels
from empaste.captions.pretrained import EXAMPLES
from empaste.captions.scenes import Scene, choose_scenes
from empaste.captions.settings import CaptionsSettings
from empaste.captions.vocabulary import packaged_vocabulary
from empaste.images import write_rgb
from tests.captions.settings import settings_with

MODELS = {"blip": "blip", "git": "git", "image_text_to_text": "llava"}


@pytest.fixture
def options(tiny_models: dict[str, Path], tmp_path: Path) -> dict[str, dict[str, Any]]:
    """Method → what it is given; the file holds five captions of the one image."""
    rows = [{"image_id": number, "caption": f"{number} {word}"} for number in range(1, 4) for word in "abcde"]
    (tmp_path / "captions.json").write_text(json.dumps(rows))
    shared = {"prompt": None, "batch_size": 2, "device": "cpu", "dtype": "auto", "max_tokens": 8, "top_p": 0.9}
    return {
        method: shared
        | {"method": method, "model": str(tiny_models[MODELS[method]]) if method in MODELS else None}
        | {"file": str(tmp_path / "captions.json")}
        for method in CAPTIONERS
    }


@pytest.mark.parametrize("method", CAPTIONERS)
def test_contract(method: str, options: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    write_rgb(tmp_path / "a.png", np.full((12, 16, 3), 90, np.uint8))
    scenes = [Scene(number, tmp_path / "a.png", (("dog", "animal"),)) for number in range(1, 4)]
    one, own = CAPTIONERS[method], options[method]
    network = one.load(settings_with(**own)) if one.load else None

    def captions(wanted: list[Scene], seed: int = 0, **changes: Any) -> list[list[str]]:
        settings = settings_with(per_image=3, seed=seed, **own | changes)
        return list(one.caption(wanted, settings, Context(load=lambda: network)))

    texts = captions(scenes)
    assert [len(of_scene) for of_scene in texts] == [3, 3, 3]
    assert all(isinstance(text, str) for of_scene in texts for text in of_scene)
    assert captions(scenes) == texts
    assert captions(scenes[2:]) == texts[2:]
    assert captions(scenes, batch_size=1) == texts
    assert captions(scenes, seed=1) != texts
    assert captions([]) == []


def test_params_and_registry_name_the_same_methods() -> None:
    assert set(get_args(CaptionsSettings.model_fields["method"].annotation)) == set(CAPTIONERS)
    assert set(EXAMPLES) == {name for name, one in CAPTIONERS.items() if one.learned} < set(CAPTIONERS)
    assert all(name == one.name for name, one in CAPTIONERS.items())


def test_labels_name_every_class_and_a_place_of_the_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        text = caption_from_labels((("apple_tree", "outdoor"), ("car", "vehicle")), rng)
        assert "apple tree" in text
        assert "car" in text
        assert any(place in text for place in PLACES["outdoor"] + PLACES["vehicle"])


def test_an_image_without_labels_is_a_place() -> None:
    assert "a view" in caption_from_labels((), np.random.default_rng(0))


def test_places_cover_the_supercategories_of_the_distractors() -> None:
    assert set(PLACES) == set(packaged_vocabulary().distractors)


def test_a_fraction_of_the_images_is_chosen_by_seed() -> None:
    scenes = [Scene(number, Path(f"{number}.jpg"), ()) for number in range(200)]
    tenth = choose_scenes(scenes, 0.1, 0)
    assert len(tenth) == 20
    assert tenth == sorted(tenth, key=lambda scene: scene.image_id)
    assert choose_scenes(scenes, 0.1, 0) == tenth != choose_scenes(scenes, 0.1, 1)
    assert {scene.image_id for scene in tenth} < {scene.image_id for scene in choose_scenes(scenes, 0.3, 0)}
    assert choose_scenes(scenes, 1.0, 0) == scenes
    assert len(choose_scenes(scenes, 0.001, 0)) == 1
    assert choose_scenes([], 1.0, 0) == []
