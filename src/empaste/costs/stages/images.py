"""``prepare`` and ``proposals``: work of the CPU, image by image."""

from empaste.costs.cost import BYTE, Cost, Passes, Task
from empaste.costs.scale import Scale
from empaste.params import Params
from empaste.proposals.settings import running_methods


def prepare(params: Params, scale: Scale) -> Cost:
    """Every image is read, or drawn, and written once."""
    images = scale.data.train + scale.data.val
    operation = "draw" if params.prepare.dataset == "demo" else "read"
    return Cost(
        images=images,
        tasks=(Task(operation, images * (1 if operation == "draw" else scale.megapixels)),),
        written=(Task(BYTE, images * scale.data.image_bytes),),
    )


def proposals(params: Params, scale: Scale) -> Cost:
    """Every training image is segmented once, by every method that runs.

    A method that shrinks images takes as long for larger ones; a network sees an image once per run of it.
    """
    images, methods = scale.data.train, running_methods(params.proposals)
    timed = [Task(f"propose.{method.name}", images) for method in methods if method.speed != "-"]
    networks = [
        Passes(f"proposals.{method.name}", str(getattr(method.section(params.proposals), "model", method.name)),
               max(1, method.seen_side(params.proposals)), images)
        for method in methods if method.speed == "-"
    ]  # fmt: skip
    return Cost(
        images=images,
        segments=scale.segments,
        passes=tuple(networks),
        tasks=tuple(timed),
        written=(Task("segment", scale.segments),),
        at_most=True,
    )
