"""The segments of several other methods, without what they have in common.

Scores of different methods mean different things, so each method's segments are scored by their rank in the image: the
best is 1, and the others follow in equal steps down to 1/n of n. A run on it is as weakly supervised as the strongest
supervision among the methods that are joined.
"""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import Field, field_validator

from empaste.errors import InputError
from empaste.images import fit_within
from empaste.proposals.filters import filtered
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.sizes import enlarged
from empaste.proposals.suppression import best_unlike
from empaste.settings import Fraction, Settings


class JoinedSettings(Settings):
    """Which methods are joined, and how much two segments may overlap."""

    methods: Annotated[list[str], Field(min_length=1)]
    max_iou: Fraction

    @field_validator("methods")
    @classmethod
    def check_once(cls, methods: list[str]) -> list[str]:
        """Each method is listed once."""
        twice = sorted({name for name in methods if methods.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is listed more than once; list each method once")
        return methods


def propose(image: UInt8[np.ndarray, "h w 3"], settings: JoinedSettings, context: Context) -> Segments:
    """The segments of all ``methods`` that pass `filters.filtered`, by rank, best first.

    Of two segments whose IoU is over ``max_iou`` the one of the better rank stays, of equal ranks that of the method
    listed first. What each method found is noted in ``context.found``. `InputError` of a method names it.
    """
    found = [_ranked_segments(name, image, context) for name in settings.methods]
    masks, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    kept = best_unlike(masks, scores, settings.max_iou)
    return masks[kept], scores[kept]


def _ranked_segments(name: str, image: UInt8[np.ndarray, "h w 3"], context: Context) -> Segments:
    """The segments of the method ``name`` as masks of ``image``, best first, scored by rank in (0, 1].

    The method sees the image no larger than it would alone.
    """
    from empaste.proposals import METHODS  # the registry imports this module

    method, settings = METHODS[name], context.settings
    seen = fit_within(image, method.seen_side(settings))
    try:
        masks, scores = filtered(*method.propose(seen, method.section(settings), context.of_method(name)), settings)
    except InputError as error:
        raise InputError(f"{name}, which proposals.joined.methods lists: {error}") from error
    if context.found is not None:
        context.found[name] = len(masks)
    whole = np.array([enlarged(mask, image.shape[:2]) for mask in masks], bool).reshape(-1, *image.shape[:2])
    return whole, 1 - np.arange(len(scores)) / max(len(scores), 1)


METHOD = Method(
    "joined",
    propose,
    JoinedSettings,
    learned_from="what its methods learned from",
    joins=lambda settings: settings.methods,
)
