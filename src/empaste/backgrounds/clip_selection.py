"""Which of a caption's backgrounds fit it best (EM-Paste §2.4), by CLIP (Radford et al. 2021) through open_clip."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from empaste.errors import TORCH_LOAD_ERRORS, InputError, first_line
from empaste.images import RGB
from empaste.networks.clip import import_open_clip, name_and_weights

if TYPE_CHECKING:  # without a CLIP model nothing here needs torch
    import torch


@dataclass(frozen=True)
class Clip:
    """An open_clip model in evaluation mode, its image transform, its tokenizer, and the target classes' vectors."""

    network: Any
    transform: Any
    tokenizer: Any
    targets: "torch.Tensor"


class ClipScores(NamedTuple):
    """Cosine similarities of each image, in [-1, 1]: to its prompt, and to the likest of the target classes."""

    prompt: Float[np.ndarray, " n"]
    target: Float[np.ndarray, " n"]


def load_clip(model: str, class_names: Sequence[str], device: "torch.device") -> Clip:
    """The CLIP ``model``: ``NAME`` or ``NAME@WEIGHTS`` of open_clip, ``hf-hub:NAME``, or ``local-dir:FOLDER``.

    A bare name takes OpenAI's weights where there are some, else the first published. `InputError` where open_clip is
    not installed or the model is not to be had.
    """
    import torch

    open_clip = import_open_clip()
    name, weights = name_and_weights(model)
    if ":" not in model:
        published = open_clip.list_pretrained_tags_by_model(name)
        if not published or (weights and weights not in published):
            raise InputError(_unavailable(model, f"open_clip's weights of {name}: {', '.join(published) or 'none'}"))
        weights = weights or ("openai" if "openai" in published else published[0])
    try:
        network, transform = open_clip.create_model_from_pretrained(
            name, pretrained=weights, device=device, weights_only=True
        )
        tokenizer = open_clip.get_tokenizer(name)
    except TORCH_LOAD_ERRORS as error:
        raise InputError(_unavailable(model, first_line(error))) from error
    network.eval()
    with torch.inference_mode():
        words = tokenizer([f"a photo of a {name}" for name in class_names]).to(device)
        targets = network.encode_text(words, normalize=True)
    return Clip(network, transform, tokenizer, targets)


def _unavailable(model: str, reason: str) -> str:
    published = (
        model.removeprefix("hf-hub:") if model.startswith("hf-hub:") else "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"
    )
    return (
        f"backgrounds.clip_model is {model!r}, which is not to be had ({reason}); on a machine with a network run: "
        f"hf download {published} --local-dir FOLDER, then set backgrounds.clip_model to "
        "local-dir:FOLDER, or to null to choose without CLIP"
    )


def clip_scores(clip: Clip, images: Sequence[RGB], prompts: Sequence[str], batch_size: int) -> ClipScores:
    """How much each image is like its prompt, and like the target class that it is most like."""
    import torch
    from PIL import Image

    scores = [np.zeros((0, 2))]
    device = next(clip.network.parameters()).device
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            chosen = slice(start, start + batch_size)
            pixels = torch.stack([clip.transform(Image.fromarray(image)) for image in images[chosen]]).to(device)
            words = clip.tokenizer(list(prompts[chosen])).to(device)
            shown = clip.network.encode_image(pixels, normalize=True)
            said = clip.network.encode_text(words, normalize=True)
            both = torch.stack([(shown * said).sum(dim=1), (shown @ clip.targets.T).amax(dim=1)], dim=1)
            scores.append(both.float().cpu().numpy().astype(float))
    return ClipScores(*np.concatenate(scores).T)


def best_of(scores: ClipScores, eligible: Bool[np.ndarray, " n"], keep: int, two_step: bool) -> Bool[np.ndarray, " n"]:
    """The ``keep`` of the eligible whose prompt scores highest; ties, and those without a score, by order.

    With ``two_step`` those most like a target class are dropped first: half of the surplus, and all beyond twice
    ``keep``. Where nothing has a score for its prompt, those least like a target class are kept then.

    Notes: the released code keeps the 2 K least like any class, of many, and then the K most like their caption. Of the
    ten images of the paper, of which five are kept, that would drop none; half of the surplus leaves seven.
    """
    order = np.flatnonzero(eligible)
    if two_step:
        order = order[np.argsort(scores.target[order], kind="stable")]
        order = order[: min(2 * keep, keep + max(0, len(order) - keep) // 2)]
        if not np.isnan(scores.prompt[order]).all():
            order = np.sort(order)
    ranked = order[np.argsort(-np.nan_to_num(scores.prompt[order], nan=-np.inf), kind="stable")][:keep]
    return np.isin(np.arange(len(eligible)), ranked)
