"""Felzenszwalb–Huttenlocher superpixels at several scales; each superpixel is a segment.

P. Felzenszwalb, D. Huttenlocher: Efficient graph-based image segmentation, IJCV 2004 (OpenCV's implementation). One of
the proposal sources that EM-Paste §3.1 names. It learned from no masks.
"""

from typing import Annotated

import cv2
import numpy as np
from jaxtyping import Int, UInt8
from pydantic import Field

from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.objectness import partition_segments
from empaste.settings import NonNegative, Positive, PositiveFloat, Settings


class FelzenszwalbSettings(Settings):
    """One set of superpixels per scale; ``sigma`` and ``min_size`` in pixels."""

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: NonNegative
    min_size: Positive


def propose(image: UInt8[np.ndarray, "h w 3"], settings: FelzenszwalbSettings, context: Context) -> Segments:
    """Masks and scores of the superpixels at every one of ``scales`` that cover at least ``min_area`` of the image."""
    label_maps = [graph_segmentation(image, scale, settings.sigma, settings.min_size) for scale in settings.scales]
    return partition_segments(image, label_maps, context.settings.min_area)


def graph_segmentation(
    image: UInt8[np.ndarray, "h w 3"], scale: float, sigma: float, min_size: int
) -> Int[np.ndarray, "h w"]:
    """The label map of the graph-based segmentation, labels 0 … n-1."""
    segmenter = cv2.ximgproc.segmentation.createGraphSegmentation(sigma, scale, min_size)
    return segmenter.processImage(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)).astype(np.int64)


METHOD = Method("felzenszwalb", propose, FelzenszwalbSettings, learned_from="nothing", speed="290")
