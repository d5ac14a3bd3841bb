"""Captions by BLIP (Li et al. 2022)."""

from collections.abc import Iterator, Sequence
from typing import Any

from empaste.captions.pretrained import load_captioner
from empaste.captions.sampling import sample_captions
from empaste.captions.scenes import Scene
from empaste.captions.tidying import tidy


def caption_scenes(
    scenes: Sequence[Scene],
    per_image: int,
    seed: int,
    *,
    model: str | None,
    prompt: str | None = None,
    batch_size: int,
    device: str,
    dtype: str = "auto",
    max_tokens: int = 40,
    top_p: float = 0.9,
    **_: Any,
) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene, which begin with ``prompt`` where one is given ("a photo of")."""
    if not scenes:
        return
    network, processor = load_captioner("blip", model, ("blip",), device, dtype)

    def prepare(processor: Any, images: list[Any]) -> Any:
        text = {"text": [prompt] * len(images)} if prompt else {}
        return processor(images=images, return_tensors="pt", **text)

    yield from sample_captions(
        scenes, per_image, seed, network, processor, prepare, tidy, batch_size, max_tokens, top_p
    )
