"""Precomputed proposals of multiscale combinatorial grouping, read from the files that its authors publish.

P. Arbeláez, J. Pont-Tuset et al.: Multiscale combinatorial grouping, CVPR 2014. One of the proposal sources that
EM-Paste §3.1 names. Its contours learned from BSDS500's human segmentations, its ranking from the *masks* of VOC 2012's
training split: a run on it is not supervised by image-level labels alone.
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
    return read_proposals(Path(root), file_name, image.shape[:2], num_best, "proposals.mcg.root")
