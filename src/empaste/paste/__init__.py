"""Compositional paste (EM-Paste §3): what is pasted, where, and how it meets the background.

A new selection, placement or blending is one function and one line here.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from empaste.paste.blending import blend_box_blur, blend_gaussian, blend_none, blend_poisson
from empaste.paste.placement import place_at_random, place_in_largest_circle, place_nowhere
from empaste.paste.sampling import weigh_balanced, weigh_confidence, weigh_repeat_factor, weigh_uniform

SELECTIONS: dict[str, Callable[..., Float[np.ndarray, " n"]]] = {
    "uniform": weigh_uniform,
    "balanced": weigh_balanced,
    "repeat_factor": weigh_repeat_factor,
    "confidence": weigh_confidence,
}
PLACEMENTS = {"random": place_at_random, "space_maximize": place_in_largest_circle, "none": place_nowhere}
MIXED = ("random", "space_maximize")
"""Of these the placement "mixed" draws one per image."""

BLENDINGS = {
    "gaussian": blend_gaussian,
    "box_blur": blend_box_blur,
    "poisson": blend_poisson,
    "none": blend_none,
}

KEEP_SURROUNDINGS = frozenset({"poisson"})
"""Blendings that are given the object in its old surroundings; the others get its own colours, continued."""
