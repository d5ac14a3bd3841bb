"""Quickshift superpixels in several sizes; each superpixel is a segment.

A. Vedaldi, S. Soatto: Quick shift and kernel methods for mode seeking, ECCV 2008 (scikit-image's implementation). It
learned from no masks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from skimage.segmentation import quickshift

from empaste.proposals.objectness import partition_segments


def propose(
    image: UInt8[np.ndarray, "h w 3"], min_area: float, max_distances: Sequence[float], kernel_size: float, ratio: float
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the superpixels for each of ``max_distances`` that cover at least ``min_area`` of the image.

    A pixel follows the nearest denser one within the distance; ``kernel_size`` is the width of the density's kernel in
    pixels, ``ratio`` weighs colour against nearness.
    """
    label_maps = [
        quickshift(image, ratio, kernel_size, distance, sigma=1.0, rng=0, channel_axis=2).astype(np.int64)
        for distance in max_distances
    ]
    return partition_segments(image, label_maps, min_area)
