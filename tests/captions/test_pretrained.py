"""Models in miniature, really run: prompts, kinds, and what is said where a model cannot be had."""

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from empaste.captions import CAPTIONERS, pretrained
from empaste.captions.captioner import Context
from empaste.captions.image_text_to_text import QUESTION, ask
from empaste.captions.pretrained import load_captioner
from empaste.captions.scenes import Scene
from empaste.errors import InputError
from tests.captions.settings import settings_with
from tests.hostile import harmful_code

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

Models = dict[str, Path]


def captions(
    method: str, model: Path | str, scenes: list[Scene], prompt: str | None = None, dtype: str = "auto"
) -> list[list[str]]:
    settings = settings_with(
        method=method, model=str(model), prompt=prompt, dtype=dtype, per_image=2, seed=7, batch_size=2, device="cpu",
        max_tokens=6, top_p=0.9,
    )  # fmt: skip
    load = CAPTIONERS[method].load
    assert load
    return list(CAPTIONERS[method].caption(scenes, settings, Context(load=partial(load, settings))))


def load(method: str, model: Path, kinds: tuple[str, ...] = (), dtype: str = "auto") -> tuple[Any, Any]:
    return load_captioner(settings_with(method=method, model=str(model), device="cpu", dtype=dtype), kinds)


@pytest.mark.parametrize("method", ["blip", "git"])
def test_captions_begin_with_the_prompt(method: str, tiny_models: Models, scenes: list[Scene]) -> None:
    with_prompt = captions(method, tiny_models[method], scenes, "a dog")
    assert all(text.removeprefix("[DEC] ").startswith("a dog") for own in with_prompt for text in own)
    assert with_prompt != captions(method, tiny_models[method], scenes)
    assert max(len(text.split()) for own in with_prompt for text in own) > 2


@pytest.mark.parametrize("kind", ["blip2", "blip2_t5", "llava", "qwen2_vl"])
def test_what_was_asked_is_no_part_of_the_caption(kind: str, tiny_models: Models, scenes: list[Scene]) -> None:
    texts = captions("image_text_to_text", tiny_models[kind], scenes, "tree tree tree")
    assert all("tree tree tree" not in text and "user" not in text for own in texts for text in own)
    assert texts != captions("image_text_to_text", tiny_models[kind], scenes, "red red red")
    assert len({text for own in texts for text in own}) > 3


@pytest.mark.parametrize("kind", ["blip2", "blip2_t5", "llava", "qwen2_vl", "git"])
def test_no_prompt_is_needed_and_the_batch_does_not_matter(kind: str, tiny_models: Models, scenes: list[Scene]) -> None:
    texts = captions("image_text_to_text", tiny_models[kind], scenes)
    assert [captions("image_text_to_text", tiny_models[kind], [scene])[0] for scene in scenes] == texts
    assert [len(own) for own in texts] == [2, 2, 2]
    assert any(text for own in texts for text in own)


def test_a_chat_model_is_asked_as_a_user_would(tiny_models: Models) -> None:
    from PIL import Image

    _, processor = load("image_text_to_text", tiny_models["llava"])
    inputs = ask(processor, [Image.new("RGB", (40, 30)), Image.new("RGB", (30, 40))], None)
    assert inputs["input_ids"].shape[0] == 2
    assert inputs["pixel_values"].shape[0] == 2
    assert processor.tokenizer.padding_side == "left"
    content = json.loads(json.dumps(QUESTION))
    assert "where" in content


def test_numbers_of_half_the_length(tiny_models: Models, scenes: list[Scene]) -> None:
    network, _ = load("git", tiny_models["git"], ("git",), "bfloat16")
    assert network.dtype == torch.bfloat16
    assert len(captions("git", tiny_models["git"], scenes, dtype="bfloat16")) == 3


@pytest.mark.parametrize("method", ["blip", "git", "image_text_to_text"])
def test_a_hub_model_that_cannot_be_had(method: str, scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        InputError,
        match=r"captions\.model is 'some/captioner', which is no folder here .*hf download some/captioner --local-dir "
        r"FOLDER, copy FOLDER here and set captions\.model to it",
    ):
        captions(method, "some/captioner", scenes)


def test_a_folder_that_holds_no_model(scenes: list[Scene], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"is the folder '.*empty', which holds no whole model for .* hf download Sales.*"
    ):
        captions("blip", tmp_path / "empty", scenes)


@pytest.mark.parametrize(
    ("method", "kind", "remedy"),
    [
        ("blip", "git", "set captions.method to git"),
        ("git", "blip", "set captions.method to blip"),
        ("git", "llava", "set captions.method to image_text_to_text"),
    ],
)
def test_a_model_of_another_kind(method: str, kind: str, remedy: str, tiny_models: Models, scenes: list[Scene]) -> None:
    with pytest.raises(InputError, match=rf"a {kind} model, but captions\.method is {method}; {remedy}"):
        captions(method, tiny_models[kind], scenes)


def test_a_model_that_writes_nothing_about_images(scenes: list[Scene], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InputError, match="a bert model, which writes no text about images; try HuggingFaceTB"):
        captions("image_text_to_text", tmp_path, scenes)
    with pytest.raises(InputError, match="it is no captioner; try Salesforce"):
        captions("blip", tmp_path, scenes)


def test_weights_that_are_not_whole_are_refused(tiny_models: Models, scenes: list[Scene], tmp_path: Path) -> None:
    """transformers itself would fill the gap with random numbers."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_models["git"], tmp_path / "git")
    weights = load_file(tmp_path / "git" / "model.safetensors")
    lacking = next(name for name in weights if "attention" in name)
    save_file({name: one for name, one in weights.items() if name != lacking}, tmp_path / "git" / "model.safetensors",
              {"format": "pt"})  # fmt: skip
    with pytest.raises(InputError, match=r"whose weights lack .* download it again, whole"):
        captions("git", tmp_path / "git", scenes)


def test_weights_that_were_cut_off(tiny_models: Models, scenes: list[Scene], tmp_path: Path) -> None:
    shutil.copytree(tiny_models["git"], tmp_path / "git")
    weights = tmp_path / "git" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"holds no whole model for captions\.method git"):
        captions("git", tmp_path / "git", scenes)


def test_a_prompt_that_the_processor_does_not_take(tiny_models: Models, scenes: list[Scene], tmp_path: Path) -> None:
    shutil.copytree(tiny_models["llava"], tmp_path / "llava")
    (tmp_path / "llava" / "chat_template.jinja").write_text("{{ messages[5]['role'].nothing.at.all }}")
    with pytest.raises(InputError, match=r"does not take captions\.prompt 'what\?' .*its model card says"):
        captions("image_text_to_text", tmp_path / "llava", scenes, "what?")


def test_a_missing_package_names_the_extra(scenes: list[Scene], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"uv pip install -e '\.\[generative\]'"):
        captions("blip", "x", scenes)


def test_too_little_memory_names_the_batch(
    tiny_models: Models, scenes: list[Scene], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transformers.GitForCausalLM.generate", full)
    with pytest.raises(InputError, match=r"does not suffice for captions\.batch_size 2; lower it"):
        captions("git", tiny_models["git"], scenes)


def test_weights_that_are_a_pickle_are_refused(
    tiny_models: Models, scenes: list[Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harmless one, too: what is in it cannot be known."""
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_models["git"], tmp_path / "git")
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    assert captions("git", folder, scenes)  # of both forms the safetensors are read
    weights.unlink()
    with pytest.raises(InputError, match=r"whose weights pytorch_model\.bin are a pickle.*docs/networks\.md says"):
        captions("git", folder, scenes)
    monkeypatch.setattr(pretrained, "refuse_pickles", lambda *_: None)  # as of a model on the hub
    with pytest.raises(InputError, match=r"no file named model\.safetensors"):
        captions("git", folder, scenes)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ("config.json", {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil"}}),
        ("processor_config.json", {"processor_class": "Evil", "auto_map": {"AutoProcessor": "evil.Evil"}}),
    ],
)
def test_code_that_comes_with_a_model_does_not_run(
    file: str, named: dict[str, Any], tiny_models: Models, scenes: list[Scene], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_models["blip"], tmp_path / "blip")
    (folder / "evil.py").write_text(harmful_code(tmp_path / "ran", "Evil"))
    (folder / file).write_text(json.dumps(json.loads((folder / file).read_text()) | named))
    with pytest.raises(InputError, match="contains custom code which must be executed"):
        captions("blip", folder, scenes)
    assert not (tmp_path / "ran").exists()
