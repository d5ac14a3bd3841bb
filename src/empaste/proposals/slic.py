"""SLIC superpixels in several numbers; each superpixel is a segment.

R. Achanta et al.: SLIC superpixels compared to state-of-the-art superpixel methods, TPAMI 2012 (scikit-image's
implementation). One of the proposal sources that EM-Paste §3.1 names. It learned from no masks.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from skimage.segmentation import slic

from empaste.proposals.objectness import partition_segments


def propose(
    image: UInt8[np.ndarray, "h w 3"], min_area: float, num_segments: Sequence[int], compactness: float
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the superpixels for every one of ``num_segments`` that cover at least ``min_area``.

    ``compactness`` weighs nearness against colour.
    """
    label_maps = [slic(image, num, compactness, start_label=0, channel_axis=2).astype(np.int64) for num in num_segments]
    return partition_segments(image, label_maps, min_area)
