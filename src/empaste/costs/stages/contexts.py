"""``captions`` and ``backgrounds``: generative models, or what stands in for them."""

from empaste.backgrounds import GENERATORS
from empaste.backgrounds.diffusion import GENERATOR as DIFFUSION
from empaste.captions import CAPTIONERS
from empaste.costs.cost import Cost, Passes, Task
from empaste.costs.scale import Scale, num_captioned
from empaste.params import Params
from empaste.settings import Dtype

CLIP_SIDE = 224


def captions(params: Params, scale: Scale) -> Cost:
    """A model reads every chosen image once, and writes at most ``max_tokens`` words of every caption."""
    own = params.captions
    images = num_captioned(params, scale.data.train)
    if not CAPTIONERS[own.method].learned:
        return Cost(images=images)
    model, half = str(own.model), _is_half(own.dtype)
    looks = Passes(f"captions.{own.method}.look", model, CAPTION_SIDE, images, half=half)
    words = scale.captions * own.max_tokens
    writes = Passes(f"captions.{own.method}.word", model, CAPTION_SIDE, words, half=half, at_most=True)
    return Cost(
        images=images,
        passes=(looks, writes),
        tasks=(Task("read", images * scale.megapixels),),
    )


CAPTION_SIDE = 384
"""Of BLIP's images; other captioners have sides of their own."""


def backgrounds(params: Params, scale: Scale) -> Cost:
    """All candidates are made, and judged by the classifier and, where there is one, by CLIP; some are kept.

    A denoiser runs once per step, twice with guidance. Some samplers take a step more, and what comes out blank is made
    again: both come on top. Text encoders are left out, which are quick beside it.
    """
    own, net = params.backgrounds, params.classifier
    if own.method == "none":
        return Cost()
    made = scale.candidates
    judged = Passes("classifier.forward", net.architecture, net.image_size, made, net.width, at_most=True)
    clip = Passes("clip.forward", str(own.clip_model), CLIP_SIDE, made, at_most=True)
    passes = [*_painted(params, made), judged, *([clip] if own.clip_model else [])]
    generator = GENERATORS[own.method]
    megapixels = generator.pixels(generator.section(own)) / 1e6 if generator.pixels else scale.megapixels
    inpainted = (Task("inpaint", made * scale.megapixels),) if own.method == "inpaint" else ()
    return Cost(
        images=made,
        passes=tuple(one for one in passes if one.count),
        tasks=inpainted,
        written=(Task("jpeg", scale.backgrounds * megapixels),),
        at_most=True,
    )


def _painted(params: Params, made: int) -> list[Passes]:
    """The passes of a text-to-image model."""
    if params.backgrounds.method != DIFFUSION.name:
        return []
    own = DIFFUSION.section(params.backgrounds)
    guided = 2 if own.guidance > 1 else 1
    half, model = _is_half(own.dtype), str(own.model)
    return [
        Passes("diffusion.denoise", model, own.image_size, made * own.steps * guided, half=half, at_most=True),
        Passes("diffusion.decode", model, own.image_size, made, half=half, at_most=True),
    ]


def _is_half(dtype: Dtype) -> bool:
    """Whether a GPU computes in half precision, as ``auto`` does."""
    return dtype != "float32"
