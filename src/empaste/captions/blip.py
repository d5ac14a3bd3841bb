"""Captions by BLIP (Li et al. 2022), sampled from the model's own distribution over words.

Each caption is drawn with a generator of its own, seeded from (seed, image, number of the caption), by the Gumbel-max
trick: noise is added to the logits of a row and the largest wins, which is an exact sample. So a caption depends on no
other caption of its batch. (Matrix products of another batch size may differ in their last bit, which changes a word
only where two are as good as tied.)
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from empaste.captions.scenes import Scene
from empaste.errors import InputError, require_extra
from empaste.images import read_rgb

if TYPE_CHECKING:  # other captioners need no torch
    import torch

TOP_P = 0.9
"""Words beyond this share of the probability are never drawn (nucleus sampling, Holtzman et al. 2020)."""

MAX_TOKENS = 40


def caption_scenes(
    scenes: Sequence[Scene], per_image: int, seed: int, model: str | None, batch_size: int, device: str
) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene; ``model`` is a hub name or a local folder.

    `InputError` where transformers is not installed, or the model is neither there nor to be had.
    """
    if not scenes:
        return
    from empaste.backbones import torch_device

    network, processor = load_blip(model, torch_device(device))
    num_images = max(1, batch_size // per_image)
    for start in range(0, len(scenes), num_images):
        batch = scenes[start : start + num_images]
        texts = _sample(network, processor, batch, per_image, seed)
        for index in range(len(batch)):
            yield texts[index * per_image : (index + 1) * per_image]


def load_blip(model: str | None, device: "torch.device") -> tuple[Any, Any]:
    """The captioning network, in evaluation mode on ``device``, and its processor."""
    try:
        from transformers import BlipForConditionalGeneration, BlipProcessor
    except ImportError as error:
        raise require_extra("transformers", "generative") from error
    try:
        processor = BlipProcessor.from_pretrained(str(model))
        network: Any = BlipForConditionalGeneration.from_pretrained(str(model))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"captions.model is {model!r}, which is no folder of a BLIP model and cannot be had from the hub "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); on a machine with a network run: "
            "hf download Salesforce/blip-image-captioning-base --local-dir FOLDER, then set captions.model to FOLDER"
        ) from error
    return network.to(device).eval(), processor


def _sample(network: Any, processor: Any, scenes: Sequence[Scene], per_image: int, seed: int) -> list[str]:
    """The captions of ``scenes``, ``per_image`` in a row."""
    images = [read_rgb(scene.path) for scene in scenes]
    pixels = processor(images=images, return_tensors="pt").pixel_values.to(network.device)
    keys = [(seed, scene.image_id, number) for scene in scenes for number in range(per_image)]
    tokens = network.generate(
        pixel_values=pixels.repeat_interleave(per_image, dim=0),
        logits_processor=[RowwiseSampling(keys)],
        do_sample=False,
        num_beams=1,
        max_new_tokens=MAX_TOKENS,
    )
    return [text.strip() for text in processor.batch_decode(tokens, skip_special_tokens=True)]


class RowwiseSampling:
    """A logits processor that makes greedy search draw each row with a generator of its own.

    A class, because generators keep their state from word to word, and transformers calls it once per word.
    """

    def __init__(self, keys: Sequence[tuple[int, ...]]) -> None:
        """One key per row; equal keys draw equal noise."""
        self.rngs = [np.random.default_rng(key) for key in keys]

    def __call__(self, tokens: "Int[torch.Tensor, 'b t']", scores: "Float[torch.Tensor, 'b v']") -> "torch.Tensor":
        """``scores`` of the nucleus with Gumbel noise added, minus infinity elsewhere."""
        import torch

        noise = np.stack([rng.gumbel(size=scores.shape[1]) for rng in self.rngs])
        return nucleus(scores, TOP_P) + torch.as_tensor(noise, dtype=scores.dtype, device=scores.device)


def nucleus(scores: "Float[torch.Tensor, 'b v']", top_p: float) -> "Float[torch.Tensor, 'b v']":
    """``scores`` of the most probable words that together hold ``top_p``; the others minus infinity."""
    import torch

    ordered, order = scores.float().sort(dim=-1, descending=True)
    before = ordered.softmax(dim=-1).cumsum(dim=-1) - ordered.softmax(dim=-1)
    drop = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, order, before >= top_p)
    return scores.masked_fill(drop, -torch.inf)
