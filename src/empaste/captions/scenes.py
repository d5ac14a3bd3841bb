"""What a captioner is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHOICE = 0xCA
"""Parts the choice of the images from everything else that is drawn by the same seed."""


@dataclass(frozen=True)
class Scene:
    """A training image: its id, its file, and the (name, supercategory) of the classes that its labels say it shows."""

    image_id: int
    path: Path
    classes: tuple[tuple[str, str], ...]


def choose_scenes(scenes: Sequence[Scene], fraction: float, seed: int) -> list[Scene]:
    """That share of ``scenes``, at least one where there is any, in their order; a smaller share is part of a larger.

    The papers caption a random 10 % of COCO's images (EM-Paste §4.1).
    """
    order = np.random.default_rng([seed, CHOICE]).permutation(len(scenes))
    num_chosen = max(1, round(fraction * len(scenes)))
    return [scenes[place] for place in sorted(order[:num_chosen])]
