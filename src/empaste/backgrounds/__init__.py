"""Backgrounds without objects of interest (EM-Paste §2.3–2.5)."""

from collections.abc import Callable

from empaste.backgrounds import black, diffusion, inpaint, random_folder
from empaste.backgrounds.scenes import Made, Scene

Generator = Callable[[Scene], Made]

GENERATORS: dict[str, Callable[..., Generator]] = {
    "black": black.generator,
    "random": random_folder.generator,
    "inpaint": inpaint.generator,
    "diffusion": diffusion.generator,
}
"""Method → a function of ``(per_caption, seed, root, model, steps, guidance, image_size, batch_size, device)``, by
keyword, that gives the function from a scene to what was made of it. The latter is pure, so workers can map it."""

IN_PROCESS = frozenset({"diffusion"})
"""Methods that hold a model, which worker processes would each load again."""
