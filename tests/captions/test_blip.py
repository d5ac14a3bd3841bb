"""BLIP, tiny and real: captions depend on the seed, the image and their number, not on the batch."""

from pathlib import Path

import numpy as np
import pytest

from empaste.captions.blip import RowwiseSampling, caption_scenes, nucleus
from empaste.captions.scenes import Scene
from empaste.errors import InputError
from empaste.images import write_rgb

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture
def scenes(tmp_path: Path) -> list[Scene]:
    rng = np.random.default_rng(0)
    for number in range(3):
        write_rgb(tmp_path / f"{number}.png", rng.integers(0, 255, (20, 30, 3), np.uint8))
    return [Scene(number + 1, tmp_path / f"{number}.png", ()) for number in range(3)]


def test_captions_do_not_depend_on_the_batch(tiny_blip: Path, scenes: list[Scene]) -> None:
    whole = list(caption_scenes(scenes, 2, 7, str(tiny_blip), 8, "cpu"))
    assert [len(texts) for texts in whole] == [2, 2, 2]
    assert list(caption_scenes(scenes, 2, 7, str(tiny_blip), 1, "cpu")) == whole
    assert list(caption_scenes(scenes[1:], 2, 7, str(tiny_blip), 8, "cpu")) == whole[1:]
    assert whole[0][0] != whole[0][1]
    assert list(caption_scenes(scenes, 2, 8, str(tiny_blip), 8, "cpu")) != whole


def test_no_scene_needs_no_model() -> None:
    assert list(caption_scenes([], 2, 0, "nowhere", 1, "cpu")) == []


def test_a_model_that_is_not_there_is_named(scenes: list[Scene], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"captions.model is .*empty.*hf download .*set captions.model to FOLDER"):
        (tmp_path / "empty").mkdir()
        list(caption_scenes(scenes, 1, 0, str(tmp_path / "empty"), 1, "cpu"))


def test_a_missing_package_names_the_extra(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'empaste\[generative\]'"):
        list(caption_scenes(scenes, 1, 0, "x", 1, "cpu"))


def test_the_nucleus_is_the_smallest_set_that_holds_the_share() -> None:
    scores = torch.log(torch.tensor([[0.5, 0.1, 0.3, 0.1]]))
    assert torch.isfinite(nucleus(scores, 0.7)).tolist() == [[True, False, True, False]]
    assert torch.isfinite(nucleus(scores, 0.4)).tolist() == [[True, False, False, False]]


def test_noise_makes_the_largest_a_sample() -> None:
    scores = torch.log(torch.tensor([[0.6, 0.4]])).repeat(4000, 1)
    drawn = RowwiseSampling([(row,) for row in range(4000)])(torch.zeros(4000, 1), scores).argmax(1)
    assert drawn.float().mean().item() == pytest.approx(0.4, abs=0.03)
