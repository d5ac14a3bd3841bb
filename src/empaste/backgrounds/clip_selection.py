"""Keep the backgrounds that fit their caption best (EM-Paste §2.4), by CLIP (Radford et al. 2021) through open_clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.errors import InputError, require_extra

if TYPE_CHECKING:  # without a CLIP model nothing here needs torch
    import torch


@dataclass(frozen=True)
class Clip:
    """An open_clip model in evaluation mode, its image transform and its tokenizer."""

    network: Any
    transform: Any
    tokenizer: Any


def load_clip(model: str, device: "torch.device") -> Clip:
    """The CLIP ``model``: ``NAME`` or ``NAME@WEIGHTS`` of open_clip, ``hf-hub:NAME``, or ``local-dir:FOLDER``.

    A bare name takes OpenAI's weights where there are some, else the first published. `InputError` where open_clip is
    not installed or the model is not to be had.
    """
    try:
        import open_clip
    except ImportError as error:
        raise require_extra("open_clip_torch", "generative") from error
    name, _, weights = model.partition("@") if ":" not in model else (model, "", "")
    if ":" not in model:
        published = open_clip.list_pretrained_tags_by_model(name)
        if not published or (weights and weights not in published):
            raise InputError(_unavailable(model, f"open_clip's weights of {name}: {', '.join(published) or 'none'}"))
        weights = weights or ("openai" if "openai" in published else published[0])
    try:
        network, transform = open_clip.create_model_from_pretrained(name, pretrained=weights or None, device=device)
        tokenizer = open_clip.get_tokenizer(name)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(_unavailable(model, str(error).splitlines()[0])) from error
    return Clip(network.eval(), transform, tokenizer)


def _unavailable(model: str, reason: str) -> str:
    return (
        f"backgrounds.clip_model is {model!r}, which is not to be had ({reason}); on a machine with a network run: "
        "hf download laion/CLIP-ViT-B-32-laion2B-s34B-b79K --local-dir FOLDER, then set backgrounds.clip_model to "
        "local-dir:FOLDER, or to null to keep the first images"
    )


def clip_scores(
    clip: Clip, images: Sequence[UInt8[np.ndarray, "h w 3"]], prompts: Sequence[str], batch_size: int
) -> Float[np.ndarray, " n"]:
    """The cosine similarity of each image and its prompt, in [-1, 1]."""
    import torch
    from PIL import Image

    scores = [np.zeros(0)]
    device = next(clip.network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            chosen = slice(start, start + batch_size)
            pixels = torch.stack([clip.transform(Image.fromarray(image)) for image in images[chosen]]).to(device)
            words = clip.tokenizer(list(prompts[chosen])).to(device)
            shown = clip.network.encode_image(pixels, normalize=True)
            said = clip.network.encode_text(words, normalize=True)
            scores.append((shown * said).sum(dim=1).float().cpu().numpy().astype(float))
    return np.concatenate(scores)


def best_of(scores: Float[np.ndarray, " n"], eligible: Bool[np.ndarray, " n"], keep: int) -> Bool[np.ndarray, " n"]:
    """The ``keep`` highest-scoring of the eligible; unscored (NaN) ones count least; ties go to the first."""
    order = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")
    chosen = [index for index in order if eligible[index]][:keep]
    return np.isin(np.arange(len(scores)), chosen)
