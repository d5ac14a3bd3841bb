"""Text-to-image backgrounds (EM-Paste §2.3) by any text-to-image pipeline of diffusers.

Every image starts from noise of its own generator, seeded from (seed, image, caption, number), so it does not depend on
the batch that it is made in (but for the last bits of a matrix product). Pipelines differ in what they take: what one
does not know (a negative prompt, guidance) it is not given.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field

from empaste.backgrounds.generator import Generator, GeneratorSettings, MapScenes
from empaste.backgrounds.painting import BLANK, Item, Outcome, list_items, made_of
from empaste.backgrounds.scenes import Made, Scene, Source, is_blank
from empaste.errors import InputError, first_line, require_extra
from empaste.networks.hub import refuse_pickles
from empaste.settings import Dtype, FileName, NonNegative, Positive, Settings

if TYPE_CHECKING:  # the other generators need no torch
    import torch

Paint = Callable[[Sequence[Item]], list[np.ndarray]]


class DiffusionSettings(Settings):
    """A text-to-image model of diffusers."""

    model: FileName
    dtype: Dtype
    offload: Literal["none", "model", "sequential"]
    steps: Positive
    guidance: NonNegative
    image_size: Annotated[int, Field(ge=64)]
    avoid_classes: bool


def open_source(settings: GeneratorSettings, class_names: Sequence[str], _: MapScenes = map) -> Source:
    """The source of ``per_caption`` images per caption; the model is loaded once, here.

    Where ``avoid_classes`` is set, the negative prompt names ``class_names``. `InputError` where diffusers is not
    installed or the model is not to be had.
    """
    from empaste.devices import torch_device

    own = GENERATOR.section(settings)
    pipeline = load_pipeline(str(own.model), torch_device(settings.device), own.dtype, own.offload)
    wanted = {
        "num_inference_steps": own.steps,
        "guidance_scale": own.guidance,
        "height": own.image_size,
        "width": own.image_size,
    }
    paint = partial(_paint, pipeline, _taken(pipeline, wanted), own.avoid_classes)
    return Source(partial(make, settings=settings, class_names=tuple(class_names), paint=paint))


def load_pipeline(model: str, device: "torch.device", dtype: str = "auto", offload: str = "none") -> Any:
    """The text-to-image pipeline ``model`` (hub name or local folder) on ``device``, or offloaded from it.

    `InputError` where diffusers is not installed, or the model is not to be had, is no safetensors, or comes with code.
    """
    import torch

    try:
        from diffusers import AutoPipelineForText2Image
    except ImportError as error:
        raise require_extra("diffusers", "generative") from error
    if offload != "none" and device.type != "cuda":
        raise InputError(
            f"backgrounds.diffusion.offload is {offload!r}, which keeps a model out of a GPU's memory, but the device "
            f"is {device.type}; set it to none"
        )
    refuse_pickles(model, "backgrounds.diffusion.model")
    half = torch.float16 if device.type == "cuda" else torch.float32
    try:
        pipeline = AutoPipelineForText2Image.from_pretrained(
            model,
            dtype=half if dtype == "auto" else getattr(torch, dtype),
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise InputError(
            f"backgrounds.diffusion.model is {model!r}, which is no folder of a text-to-image pipeline and cannot be "
            f"had from the hub ({first_line(error)}); on a machine with a network run: "
            f"hf download {model} --local-dir FOLDER, then set backgrounds.diffusion.model to FOLDER, which holds "
            "model_index.json"
        ) from error
    pipeline.set_progress_bar_config(disable=True)
    if offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    return pipeline if offload != "none" else pipeline.to(device)


def make(
    scenes: Sequence[Scene], settings: GeneratorSettings, class_names: Sequence[str], paint: Paint
) -> Iterator[Made]:
    """``per_caption`` images for every caption of the scenes, in batches across scenes.

    What comes out blank (a safety filter) or fails is tried ``retries`` times more, one by one, from other noise.
    """
    items = list_items(scenes, settings.per_caption, settings.seed, class_names)
    outcomes = [
        outcome
        for start in range(0, len(items), settings.batch_size)
        for outcome in _attempt(items[start : start + settings.batch_size], paint, number=0)
    ]
    for number in range(1, settings.retries + 1):
        for index, outcome in enumerate(outcomes):
            if outcome.image is None:
                again = _attempt([items[index]], paint, number)[0]
                outcomes[index] = again._replace(num_blank=outcome.num_blank + again.num_blank)
    yield from made_of(scenes, items, outcomes)


def _attempt(items: Sequence[Item], paint: Paint, number: int) -> list[Outcome]:
    """One attempt at a batch; from other noise where it is not the first (``number`` 0)."""
    keyed = [item._replace(key=(*item.key, number)) for item in items] if number else items
    try:
        images = paint(keyed)
    except (RuntimeError, ValueError) as error:
        if "out of memory" in str(error).lower():
            raise InputError(
                f"the GPU's memory does not hold {len(items)} image(s) at once; lower backgrounds.batch_size or "
                "backgrounds.diffusion.image_size, or set backgrounds.diffusion.offload to model or sequential; what "
                "was made is kept: run again"
            ) from error
        return [Outcome(None, number + 1, reason=first_line(error)) for _ in items]
    return [Outcome(None, number + 1, 1, BLANK) if is_blank(image) else Outcome(image, number + 1) for image in images]


def _taken(pipeline: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``wanted`` the pipeline takes; the rest is said once."""
    known = inspect.signature(pipeline.__call__).parameters
    if refused := [name for name in wanted if name not in known]:
        print(f"{type(pipeline).__name__} takes no {', '.join(refused)}; left out", file=sys.stderr)
    return {name: value for name, value in wanted.items() if name in known}


def _paint(pipeline: Any, options: Mapping[str, Any], avoid_classes: bool, items: Sequence[Item]) -> list[np.ndarray]:
    """One image per item, RGB uint8."""
    import torch

    options = dict(options)
    if avoid_classes and "negative_prompt" in inspect.signature(pipeline.__call__).parameters:
        options["negative_prompt"] = [", ".join(item.avoid) for item in items]
    generators = [
        torch.Generator().manual_seed(int(np.random.SeedSequence(item.key).generate_state(1, np.uint64)[0] >> 1))
        for item in items
    ]
    result = pipeline(prompt=[item.prompt for item in items], generator=generators, output_type="np", **options)
    return [np.rint(image.clip(0, 1) * 255).astype(np.uint8) for image in np.nan_to_num(result.images)]


GENERATOR = Generator(
    "diffusion",
    open_source,
    DiffusionSettings,
    learned=True,
    by_caption=True,
    pixels=lambda own: own.image_size**2,
    asks={"diffusion.model": "needs one; give a hub name or a local folder"},
)
