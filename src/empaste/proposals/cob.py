"""Precomputed proposals of convolutional oriented boundaries, read from the files that its authors publish.

K.-K. Maninis, J. Pont-Tuset et al.: Convolutional oriented boundaries, ECCV 2016. With entity segmentation the proposal
source that EM-Paste §3.1 reports. Its contours learned from the segmentations of PASCAL-Context (or BSDS500), on an
ImageNet-trained network, its ranking from the *masks* of VOC 2012's training split: a run on it is not supervised by
image-level labels alone.
"""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.mat_files import read_proposals


def propose(
    image: UInt8[np.ndarray, "h w 3"], file_name: str, root: str, num_best: int, **_: Any
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the ``num_best`` best published proposals of the image; see `mat_files.read_proposals`."""
    return read_proposals(Path(root), file_name, image.shape[:2], num_best, "proposals.cob.root")
