"""Captions by GIT (Wang et al. 2022)."""

from collections.abc import Iterator, Sequence
from typing import Any

from empaste.captions.captioner import CaptionerSettings, Context
from empaste.captions.pretrained import model_captioner
from empaste.captions.sampling import sample_captions
from empaste.captions.scenes import Scene
from empaste.captions.tidying import tidy


def caption_scenes(scenes: Sequence[Scene], settings: CaptionerSettings, context: Context) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene, which begin with ``prompt`` where one is given ("a photo of")."""
    if not scenes:
        return
    network, processor = context.network()
    begin = tidy(settings.prompt or "")

    def read(text: str) -> str:
        return tidy(f"{begin} {text}")

    def prepare(processor: Any, images: list[Any]) -> Any:
        import torch

        inputs = processor(images=images, return_tensors="pt")
        tokenizer = processor.tokenizer
        # No end token behind the prompt: the caption goes on from there.
        ids = [tokenizer.cls_token_id, *tokenizer(begin, add_special_tokens=False)["input_ids"]]
        inputs["input_ids"] = torch.tensor([ids] * len(images))
        return inputs

    yield from sample_captions(scenes, settings, network, processor, prepare, read)


CAPTIONER = model_captioner("git", caption_scenes, ("git",))
