"""Text-to-image backgrounds (EM-Paste §2.3) by any text-to-image pipeline of diffusers.

Every image starts from noise of its own generator, seeded from (seed, image, caption, number), so it does not depend on
the batch that it is made in (but for the last bits of a matrix product).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import UInt8

from empaste.backgrounds.scenes import Candidate, Made, Scene
from empaste.errors import InputError, require_extra

if TYPE_CHECKING:  # the other generators need no torch
    import torch

Item = tuple[int, str, tuple[int, ...]]
"""A caption's id, the prompt, and what its noise is seeded from."""


def generator(
    *,
    per_caption: int,
    seed: int,
    model: str | None,
    steps: int,
    guidance: float,
    image_size: int,
    batch_size: int,
    device: str,
    **_: Any,
) -> Callable[[Scene], Made]:
    """A function that gives ``per_caption`` images per caption of a scene; the model is loaded once, here.

    `InputError` where diffusers is not installed or the model is not to be had.
    """
    from empaste.backbones import torch_device

    pipeline = load_pipeline(str(model), torch_device(device))
    paint = partial(
        _paint,
        partial(pipeline, num_inference_steps=steps, guidance_scale=guidance, height=image_size, width=image_size),
    )
    return partial(make, per_caption=per_caption, seed=seed, batch_size=batch_size, paint=paint)


def load_pipeline(model: str, device: "torch.device") -> Any:
    """The text-to-image pipeline ``model`` (hub name or local folder) on ``device``, half precision on a GPU."""
    import torch

    try:
        from diffusers import AutoPipelineForText2Image
    except ImportError as error:
        raise require_extra("diffusers", "generative") from error
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    try:
        pipeline = AutoPipelineForText2Image.from_pretrained(model, dtype=dtype)
    except (OSError, ValueError) as error:
        raise InputError(
            f"backgrounds.model is {model!r}, which is no folder of a text-to-image pipeline and cannot be had from "
            f"the hub ({str(error).splitlines()[0]}); on a machine with a network run: "
            "hf download NAME --local-dir FOLDER, then set backgrounds.model to FOLDER"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def make(scene: Scene, per_caption: int, seed: int, batch_size: int, paint: Callable[..., list[np.ndarray]]) -> Made:
    """The images of the scene's captions; one that comes out blank (a safety filter) is tried once more."""
    items: list[Item] = [
        (caption_id, prompt, (seed, scene.image_id, place, number))
        for place, (caption_id, prompt) in enumerate(scene.captions)
        for number in range(per_caption)
    ]
    images = _in_batches(items, batch_size, paint)
    again = [index for index, image in enumerate(images) if is_blank(image)]
    retried = [(items[index][0], items[index][1], (*items[index][2], 1)) for index in again]
    for index, image in zip(again, _in_batches(retried, batch_size, paint), strict=True):
        images[index] = image
    candidates = [
        Candidate(image, caption_id, prompt)
        for (caption_id, prompt, _), image in zip(items, images, strict=True)
        if not is_blank(image)
    ]
    return Made(candidates, num_blank=len(items) - len(candidates))


def is_blank(image: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Whether nothing is on ``image``: safety filters return black images."""
    return bool(np.ptp(image) == 0)


def _in_batches(items: Sequence[Item], batch_size: int, paint: Callable[..., list[np.ndarray]]) -> list[np.ndarray]:
    return [
        image for start in range(0, len(items), batch_size) for image in paint(list(items[start : start + batch_size]))
    ]


def _paint(pipeline: Callable[..., Any], items: Sequence[Item]) -> list[np.ndarray]:
    """One image per item, RGB uint8."""
    import torch

    generators = [
        torch.Generator().manual_seed(int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1))
        for _, _, key in items
    ]
    result = pipeline(prompt=[prompt for _, prompt, _ in items], generator=generators, output_type="np")
    return [np.rint(image.clip(0, 1) * 255).astype(np.uint8) for image in np.nan_to_num(result.images)]
