"""Text-to-image: loaded once, seeded per image, blank images tried again and counted."""

import json
import shutil
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from empaste.backgrounds import diffusion
from empaste.backgrounds.painting import Item
from empaste.backgrounds.scenes import Made, Scene
from empaste.errors import InputError
from tests.backgrounds.settings import settings_with
from tests.hostile import harmful_code

OPTIONS = {
    "dtype": "auto", "offload": "none", "steps": 1, "guidance": 1.0, "image_size": 64, "avoid_classes": True,
}  # fmt: skip


class Painter:
    """Stands in for a pipeline: records what it was asked for; blank or broken where told so."""

    def __init__(
        self, blank: AbstractSet[tuple[int, ...]] = frozenset(), broken: AbstractSet[tuple[int, ...]] = frozenset()
    ) -> None:
        self.blank, self.broken = blank, broken
        self.asked: list[list[tuple[int, ...]]] = []

    def __call__(self, items: list[Item]) -> list[np.ndarray]:
        self.asked.append([item.key for item in items])
        if self.broken & {item.key for item in items}:
            raise RuntimeError("the kernel failed\nat length")
        image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
        return [np.zeros_like(image) if item.key in self.blank else image for item in items]


def make(scenes: list[Scene], painter: Any, per_caption: int = 2, retries: int = 1, batch_size: int = 3) -> list[Made]:
    settings = settings_with(per_caption=per_caption, seed=7, batch_size=batch_size, retries=retries)
    return list(diffusion.make(scenes, settings, ("dog", "sofa"), painter))


def test_blank_images_are_tried_again_then_listed(scenes: list[Scene]) -> None:
    paint = Painter({(7, 1, 0, 1), (7, 1, 1, 0), (7, 1, 1, 0, 1)})
    (made,) = make(scenes[:1], paint)
    assert paint.asked == [
        [(7, 1, 0, 0), (7, 1, 0, 1), (7, 1, 1, 0)],
        [(7, 1, 1, 1)],
        [(7, 1, 0, 1, 1)],
        [(7, 1, 1, 0, 1)],
    ]
    assert [candidate.caption_id for candidate in made.candidates] == [2, 2, 3]
    assert (made.num_blank, made.num_retried) == (3, 2)
    (failure,) = made.failures
    assert (failure.caption_id, failure.prompt, failure.attempts) == (3, "a gate", 2)
    assert "safety filter" in failure.reason


def test_a_batch_that_fails_is_tried_again_one_by_one(scenes: list[Scene]) -> None:
    paint = Painter(broken={(7, 1, 0, 1), (7, 1, 0, 1, 1)})
    (made,) = make(scenes[:1], paint)
    assert len(made.candidates) == 3
    assert made.num_retried == 3
    assert made.num_blank == 0
    (failure,) = made.failures
    assert failure.reason == "the kernel failed"
    assert failure.attempts == 2


def test_batches_go_across_scenes_and_results_stay_apart(scenes: list[Scene]) -> None:
    paint = Painter({(7, 2, 0, 0)})
    made = make(scenes, paint, per_caption=1, retries=0, batch_size=4)
    assert [len(batch) for batch in paint.asked] == [4, 2]
    assert [len(one.candidates) for one in made] == [2, 1, 2]
    assert [len(one.failures) for one in made] == [0, 1, 0]


def test_a_scene_without_captions_makes_nothing(scenes: list[Scene]) -> None:
    (made,) = make([Scene(1, scenes[0].path, 4, 4)], Painter())
    assert made == Made()


def test_a_full_gpu_says_what_to_lower(scenes: list[Scene]) -> None:
    def paint(_: Any) -> list[np.ndarray]:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    with pytest.raises(InputError, match=r"3 image\(s\) at once; lower backgrounds.batch_size .*diffusion.offload"):
        make(scenes, paint)


class Images(NamedTuple):
    images: list[np.ndarray]


class WithNegatives:
    """What Stable Diffusion and CogView take, as far as it matters here."""

    asked: dict[str, Any]

    def __call__(
        self,
        prompt: list[str],
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int = 50,
        guidance_scale: float = 7.5,
        negative_prompt: list[str] | None = None,
        generator: Any = None,
        output_type: str = "pil",
    ) -> Images:
        del width, num_inference_steps, generator, output_type  # named, since the signature says what may be asked for
        self.asked = {"negative_prompt": negative_prompt, "guidance_scale": guidance_scale, "height": height}
        return Images([np.full((4, 4, 3), np.nan) for _ in prompt])


class WithoutNegatives:
    """A pipeline without guidance, as distilled ones are."""

    asked: dict[str, Any]

    def __call__(
        self, prompt: list[str], num_inference_steps: int = 4, generator: Any = None, output_type: str = "pil"
    ) -> Images:
        del generator, output_type
        self.asked = {"num_inference_steps": num_inference_steps}
        return Images([np.linspace(0, 1, 48).reshape(4, 4, 3) for _ in prompt])


def painted_by(pipeline: Any, scenes: list[Scene], monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[Made]:
    monkeypatch.setattr(diffusion, "load_pipeline", lambda *_: pipeline)
    source = diffusion.open_source(
        settings_with(
            per_caption=1, retries=1, seed=0, batch_size=2, device="cpu", diffusion=OPTIONS | {"model": "x"} | changes
        ),
        ("dog", "sofa"),
    )
    return list(source.make(scenes))


def test_the_negative_prompt_names_the_images_own_classes_first(
    scenes: list[Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = WithNegatives()
    made = painted_by(pipeline, scenes[:1], monkeypatch)
    assert pipeline.asked == {"negative_prompt": ["sofa, dog"], "guidance_scale": 1.0, "height": 64}
    assert made[0].num_blank == 4
    assert len(made[0].failures) == 2
    painted_by(pipeline, scenes[:1], monkeypatch, avoid_classes=False)
    assert pipeline.asked["negative_prompt"] is None


def test_a_pipeline_is_not_given_what_it_does_not_take(
    scenes: list[Scene], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = WithoutNegatives()
    made = painted_by(pipeline, scenes[:1], monkeypatch)
    assert len(made[0].candidates) == 2
    assert pipeline.asked == {"num_inference_steps": 1}
    assert "WithoutNegatives takes no guidance_scale, height, width; left out" in capsys.readouterr().err


def test_a_real_pipeline_takes_any_caption(tiny_diffusion: Path, scenes: list[Scene]) -> None:
    captions = tuple(enumerate(("", "x" * 2000, "🐶 犬 на траве", "(a:1.3) [b] {c}")))
    source = diffusion.open_source(
        settings_with(
            per_caption=1, retries=0, seed=0, batch_size=4, device="cpu",
            diffusion=OPTIONS | {"model": str(tiny_diffusion), "guidance": 5.0, "dtype": "bfloat16"},
        ),
        ("dog",) * 80,
    )  # fmt: skip
    (made,) = source.make([Scene(1, scenes[0].path, 48, 64, captions=captions)])
    assert len(made.candidates) == 4
    assert not made.failures


def test_a_missing_model_is_named_with_the_folder_to_provide(tmp_path: Path) -> None:
    for model in (str(tmp_path), "nobody/nothing"):
        with pytest.raises(InputError, match=rf"diffusion.model is '{model}', .*hf download {model} --local-dir"):
            diffusion.load_pipeline(model, torch.device("cpu"))


def test_offloading_needs_a_gpu(tiny_diffusion: Path) -> None:
    with pytest.raises(InputError, match=r"offload is 'model', .*but the device is cpu; set it to none"):
        diffusion.load_pipeline(str(tiny_diffusion), torch.device("cpu"), offload="model")


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "diffusers", None)
    with pytest.raises(InputError, match=r"uv pip install -e '\.\[generative\]'"):
        diffusion.load_pipeline("x", torch.device("cpu"))


@pytest.mark.parametrize(
    ("part", "pickled"), [("unet", "diffusion_pytorch_model.bin"), ("text_encoder", "pytorch_model.bin")]
)
def test_weights_that_are_a_pickle_are_refused(
    part: str, pickled: str, tiny_diffusion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(tiny_diffusion, tmp_path / "pipeline")
    (weights,) = (folder / part).glob("*.safetensors")
    torch.save(load_file(weights), folder / part / pickled)
    weights.unlink()
    with pytest.raises(InputError, match=rf"whose weights {part}/{pickled} are a pickle.*docs/networks\.md says"):
        diffusion.load_pipeline(str(folder), torch.device("cpu"))
    monkeypatch.setattr(diffusion, "refuse_pickles", lambda *_: None)  # as of a model on the hub
    with pytest.raises(InputError, match=rf"Error no file named {weights.name}"):
        diffusion.load_pipeline(str(folder), torch.device("cpu"))


def test_code_that_comes_with_a_pipeline_does_not_run(tiny_diffusion: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_diffusion, tmp_path / "pipeline")
    index = json.loads((folder / "model_index.json").read_text())
    for place in (folder, folder / "unet"):
        (place / "evil.py").write_text(harmful_code(tmp_path / "ran", "Evil"))
    for named in ({"unet": ["evil", "Evil"]}, {"_class_name": ["evil", "Evil"]}):
        (folder / "model_index.json").write_text(json.dumps(index | named))
        with pytest.raises(InputError, match=r"contains custom code in evil\.py|can't find a pipeline linked to"):
            diffusion.load_pipeline(str(folder), torch.device("cpu"))
    assert not (tmp_path / "ran").exists()
