"""Compositional paste (EM-Paste §3): what is pasted, where, and how it meets the background.

A new selection, placement or blending is one function, one line here, and its name among the choices in `settings`.
"""

from empaste.paste.blending import (
    Blending,
    blend_box_blur,
    blend_gaussian,
    blend_none,
    blend_poisson,
    blend_ring,
    poisson_margin,
    ring_margin,
)
from empaste.paste.placement import Placement, place_at_random, place_in_largest_circle, place_nowhere
from empaste.paste.sampling import Weigh, weigh_balanced, weigh_confidence, weigh_repeat_factor, weigh_uniform

SELECTIONS: dict[str, Weigh] = {
    "uniform": weigh_uniform,
    "balanced": weigh_balanced,
    "repeat_factor": weigh_repeat_factor,
    "confidence": weigh_confidence,
}
PLACEMENTS = {
    "random": Placement(place_at_random, in_mixed=True),
    "space_maximize": Placement(place_in_largest_circle, in_mixed=True),
    "none": Placement(place_nowhere, in_mixed=False),
}
MIXED = "mixed"
"""The placement that draws, per image, one of those that are ``in_mixed``."""

BLENDINGS = {
    "gaussian": Blending(blend_gaussian),
    "box_blur": Blending(blend_box_blur),
    "ring": Blending(blend_ring, keeps_surroundings=True, margin=ring_margin),
    "poisson": Blending(blend_poisson, keeps_surroundings=True, margin=poisson_margin),
    "none": Blending(blend_none),
}
