"""Felzenszwalb–Huttenlocher superpixels at several scales; each superpixel is a segment.

P. Felzenszwalb, D. Huttenlocher: Efficient graph-based image segmentation, IJCV 2004 (OpenCV's implementation). One of
the proposal sources that EM-Paste §3.1 names. It learned from no masks.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from empaste.proposals.objectness import partition_segments


def propose(
    image: UInt8[np.ndarray, "h w 3"], min_area: float, scales: Sequence[float], sigma: float, min_size: int
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the superpixels at every one of ``scales`` that cover at least ``min_area`` of the image.

    ``sigma`` and ``min_size`` in pixels.
    """
    label_maps = [graph_segmentation(image, scale, sigma, min_size) for scale in scales]
    return partition_segments(image, label_maps, min_area)


def graph_segmentation(
    image: UInt8[np.ndarray, "h w 3"], scale: float, sigma: float, min_size: int
) -> Int[np.ndarray, "h w"]:
    """The label map of the graph-based segmentation, labels 0 … n-1."""
    segmenter = cv2.ximgproc.segmentation.createGraphSegmentation(sigma, scale, min_size)
    return segmenter.processImage(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)).astype(np.int64)
