"""Class-agnostic segments of an image: one file per method, one line in the registry.

A method is ``propose(image, **options) -> (masks, scores)``: masks (n, h, w) bool, scores (n,) in [0, 1], higher is
better; pure and deterministic; no segment at all is a legal answer.
"""

from collections.abc import Callable

import numpy as np

from empaste.proposals import entity_like, felzenszwalb, hierarchical, slic

METHODS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "hierarchical": hierarchical.propose,
    "entity_like": entity_like.propose,
    "felzenszwalb": felzenszwalb.propose,
    "slic": slic.propose,
}
