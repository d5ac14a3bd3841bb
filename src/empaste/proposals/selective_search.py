"""Selective search that keeps masks: several segmentations, each merged under several likenesses, every merge kept.

J. Uijlings et al.: Selective search for object recognition, IJCV 2013. It learned from no masks; with ``contours``
its boundaries learned from people's outlines (BSDS500).

Notes
-----
Departs from the paper: masks instead of boxes; the segmentations are those of a mean-shift filtered image at several
scales instead of several colour spaces; beside the likeness of the paper they merge by size and fit alone, by the
strength of the common boundary, and by the growth of the colour variance; and what `hierarchies` adds to the merges.
Segments are ranked by objectness instead of at random.
"""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from empaste.networks.contours import learned_contours
from empaste.proposals.hierarchies import best_segments, merge_hierarchies
from empaste.proposals.merging import boundary_cost, fit_cost, likeness_cost, variance_cost
from empaste.proposals.method import NOTHING, Context, Method, Segments, SharedSettings
from empaste.settings import FileName, Fraction, NonNegative, PositiveFloat, Settings

CONTOURS = "proposals.selective_search.contours"
COSTS = (likeness_cost, fit_cost, boundary_cost, variance_cost)
"""The orders in which every segmentation is merged."""


class SelectiveSearchSettings(Settings):
    """Several segmentations, each merged under several likenesses, every merge kept.

    ``contours`` names the weights of a network of contours, which learned from people's outlines (BSDS500): a file, or
    ``package:NAME``. The boundaries are then those that it sees, and one segmentation more is that of its contours.
    """

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: NonNegative
    min_region: Fraction
    max_iou: Fraction
    contours: FileName


def propose(image: UInt8[np.ndarray, "h w 3"], settings: SelectiveSearchSettings, context: Context) -> Segments:
    """Masks and scores of the segments of all merges that pass `filters.is_eligible`, best score first.

    Of two segments whose IoU is over ``max_iou`` the better one stays; `hierarchies.merge_hierarchies` explains the
    others.
    """
    contours = None
    if settings.contours is not None:
        contours = learned_contours(image, settings.contours, context.file_name, CONTOURS)
    hierarchies = merge_hierarchies(image, settings.scales, settings.sigma, settings.min_region, COSTS, contours)
    return best_segments(hierarchies, context.settings.min_area, context.settings.max_extent, settings.max_iou)


def learned_outlines(settings: SharedSettings) -> str | None:
    """What the contours learned from, where ``settings`` give some."""
    return "outlines of anything (BSDS500)" if METHOD.section(settings).contours else None


METHOD = Method(
    "selective_search",
    propose,
    SelectiveSearchSettings,
    learned_from=NOTHING,
    may_learn_from=learned_outlines,
    speed="560",
)
