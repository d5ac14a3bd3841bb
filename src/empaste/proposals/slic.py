"""SLIC superpixels in several numbers; each superpixel is a segment.

R. Achanta et al.: SLIC superpixels compared to state-of-the-art superpixel methods, TPAMI 2012 (scikit-image's
implementation). One of the proposal sources that EM-Paste §3.1 names. It learned from no masks.
"""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.objectness import partition_segments
from empaste.settings import Positive, PositiveFloat, Settings


class SlicSettings(Settings):
    """One set of superpixels per number of segments; ``compactness`` weighs nearness against colour."""

    num_segments: Annotated[list[Positive], Field(min_length=1)]
    compactness: PositiveFloat


def propose(image: UInt8[np.ndarray, "h w 3"], settings: SlicSettings, context: Context) -> Segments:
    """Masks and scores of the superpixels for every one of ``num_segments`` that cover at least ``min_area``."""
    from skimage.segmentation import slic

    label_maps = [
        slic(image, num, settings.compactness, start_label=0, channel_axis=2).astype(np.int64)
        for num in settings.num_segments
    ]
    return partition_segments(image, label_maps, context.settings.min_area)


METHOD = Method("slic", propose, SlicSettings, learned_from="nothing", speed="180")
