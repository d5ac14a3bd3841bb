"""Black backgrounds, of the size of the image that they stand for: a row of the papers' ablation."""

from collections.abc import Callable
from functools import partial

import numpy as np

from empaste.backgrounds.generator import GeneratorSettings, pure_generator
from empaste.backgrounds.scenes import Candidate, Made, Scene


def maker(settings: GeneratorSettings) -> Callable[[Scene], Made]:
    """A function that gives ``per_caption`` black images per scene."""
    return partial(make, per_caption=settings.per_caption)


def make(scene: Scene, per_caption: int) -> Made:
    """``per_caption`` black images of the scene's size."""
    return Made([Candidate(np.zeros((scene.height, scene.width, 3), np.uint8)) for _ in range(per_caption)])


GENERATOR = pure_generator("black", maker, surely_empty=True)
