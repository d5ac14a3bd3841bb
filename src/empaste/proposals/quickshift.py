"""Quickshift superpixels in several sizes; each superpixel is a segment.

A. Vedaldi, S. Soatto: Quick shift and kernel methods for mode seeking, ECCV 2008 (scikit-image's implementation). It
learned from no masks.
"""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.objectness import partition_segments
from empaste.settings import Fraction, PositiveFloat, Settings


class QuickshiftSettings(Settings):
    """One set of superpixels per largest distance.

    A pixel follows the nearest denser one within the distance; ``kernel_size`` is the width of the density's kernel in
    pixels, ``ratio`` weighs colour against nearness.
    """

    max_distances: Annotated[list[PositiveFloat], Field(min_length=1)]
    kernel_size: PositiveFloat
    ratio: Fraction


def propose(image: UInt8[np.ndarray, "h w 3"], settings: QuickshiftSettings, context: Context) -> Segments:
    """Masks and scores of the superpixels for each of ``max_distances`` that cover at least ``min_area``."""
    from skimage.segmentation import quickshift

    ratio, kernel_size = settings.ratio, settings.kernel_size
    label_maps = [
        quickshift(image, ratio, kernel_size, distance, sigma=1.0, rng=0, channel_axis=2).astype(np.int64)
        for distance in settings.max_distances
    ]
    return partition_segments(image, label_maps, context.settings.min_area)


METHOD = Method("quickshift", propose, QuickshiftSettings, learned_from="nothing", speed="530")
