"""Captions sampled from a model's own distribution over words, each by a generator of its own.

Each caption is seeded from (seed, image, number of the caption) and takes one random number per word, which picks a
word of the nucleus (Holtzman et al. 2020) by the inverse of its distribution function. So a caption depends on no other
caption of its batch. Matrix products of another batch size may differ in their last bits, which changes a word only
where the random number falls on the very edge between two words: hardly ever in float32, now and then in bfloat16.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from empaste.captions.captioner import CaptionerSettings
from empaste.captions.scenes import Scene
from empaste.errors import InputError
from empaste.images import read_rgb

if TYPE_CHECKING:  # other captioners need neither
    import torch
    from PIL.Image import Image

WORDS = 0xB0
"""Parts the words that a model draws from everything else that is drawn by the same seed."""

Prepare = Callable[[Any, "list[Image]"], Any]
"""Processor and images → what the network's ``generate`` takes."""


def sample_captions(
    scenes: Sequence[Scene],
    settings: CaptionerSettings,
    network: Any,
    processor: Any,
    prepare: Prepare,
    read: Callable[[str], str],
) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene; ``read`` makes a caption of what the model wrote.

    The captions of an image may be alike, or empty. `InputError` where the GPU's memory does not suffice.
    """
    import torch
    from PIL import Image

    per_image = settings.per_image
    for start in range(0, len(scenes), settings.batch_size):
        batch = scenes[start : start + settings.batch_size]
        inputs = prepare(processor, [Image.fromarray(read_rgb(scene.path)) for scene in batch])
        inputs = inputs.to(network.device, dtype=network.dtype)
        keys = [(settings.seed, scene.image_id, number, WORDS) for scene in batch for number in range(per_image)]
        try:
            texts = [read(text) for text in _sample(network, processor, inputs, keys, settings)]
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"the GPU's memory does not suffice for captions.batch_size {settings.batch_size}; lower it, or choose "
                "a smaller model"
            ) from error
        yield from (texts[row : row + per_image] for row in range(0, len(texts), per_image))


def _sample(
    network: Any, processor: Any, inputs: Any, keys: Sequence[tuple[int, ...]], settings: CaptionerSettings
) -> list[str]:
    """``per_image`` captions per row of ``inputs``, without the prompt where the network repeats it."""
    import torch

    with torch.inference_mode():
        # Sampling among one word alone: so transformers reads an image once for all its captions where it can.
        tokens = network.generate(
            **inputs,
            logits_processor=[RowwiseSampling(keys, settings.top_p)],
            num_return_sequences=settings.per_image,
            do_sample=True,
            temperature=1.0,
            top_p=1.0,
            num_beams=1,
            max_new_tokens=settings.max_tokens,
        )
    prompt = inputs["input_ids"].repeat_interleave(settings.per_image, 0) if "input_ids" in inputs else tokens[:, :0]
    if torch.equal(tokens[:, : prompt.shape[1]], prompt):
        tokens = tokens[:, prompt.shape[1] :]
    texts: list[str] = processor.batch_decode(tokens, skip_special_tokens=True)
    return texts


class RowwiseSampling:
    """A logits processor that leaves of each row the one word that its own generator picks.

    A class, because generators keep their state from word to word, and transformers calls it once per word.
    """

    def __init__(self, keys: Sequence[tuple[int, ...]], top_p: float) -> None:
        """One key per row; equal keys pick alike."""
        self.rngs = [np.random.default_rng(key) for key in keys]
        self.top_p = top_p

    def __call__(self, tokens: "Int[torch.Tensor, 'b t']", scores: "Float[torch.Tensor, 'b v']") -> "torch.Tensor":
        """Zero for the word picked, minus infinity elsewhere."""
        import torch

        if torch.isnan(scores).any():
            raise InputError(
                f"the model's numbers overflow in {str(scores.dtype).removeprefix('torch.')}; set captions.dtype to "
                "bfloat16, or float32"
            )
        share = torch.tensor([rng.random() for rng in self.rngs], device=scores.device)
        chosen = pick(nucleus(scores.float(), self.top_p).softmax(-1), share)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen[:, None], 0.0)


def pick(probs: "Float[torch.Tensor, 'b v']", share: "Float[torch.Tensor, ' b']") -> "Int[torch.Tensor, ' b']":
    """Per row the first word at which the probabilities, added up in the order of the vocabulary, exceed ``share``."""
    import torch

    summed = probs.cumsum(-1)
    aim = (share.to(summed) * summed[:, -1])[:, None]
    return torch.searchsorted(summed, aim, right=True)[:, 0].clamp(max=probs.shape[1] - 1)


def nucleus(scores: "Float[torch.Tensor, 'b v']", top_p: float) -> "Float[torch.Tensor, 'b v']":
    """``scores`` of the most probable words that together hold ``top_p``; the others minus infinity."""
    import torch

    ordered, order = scores.sort(dim=-1, descending=True)
    probs = ordered.softmax(dim=-1)
    drop = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, order, probs.cumsum(dim=-1) - probs >= top_p)
    return scores.masked_fill(drop, -torch.inf)
