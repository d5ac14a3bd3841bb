"""Captions by BLIP (Li et al. 2022)."""

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

    def prepare(processor: Any, images: list[Any]) -> Any:
        text = {"text": [settings.prompt] * len(images)} if settings.prompt else {}
        return processor(images=images, return_tensors="pt", **text)

    yield from sample_captions(scenes, settings, network, processor, prepare, tidy)


CAPTIONER = model_captioner("blip", caption_scenes, ("blip",))
