"""Precomputed proposals of multiscale combinatorial grouping, read from the files that its authors publish.

P. Arbeláez, J. Pont-Tuset et al.: Multiscale combinatorial grouping, CVPR 2014. One of the proposal sources that
EM-Paste §3.1 names. Its contours learned from BSDS500's human segmentations, its ranking from the *masks* of VOC 2012's
training split: a run on it is not supervised by image-level labels alone.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from empaste.errors import install_command
from empaste.proposals.mat_files import PublishedFiles, read_proposals
from empaste.proposals.method import Context, Method, Segments


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PublishedFiles, context: Context) -> Segments:
    """Masks and scores of the ``num_best`` best published proposals of the image; see `mat_files.read_proposals`."""
    root, num_best = Path(str(settings.root)), settings.num_best
    return read_proposals(root, context.file_name, image.shape[:2], num_best, "proposals.mcg.root")


METHOD = Method(
    "mcg",
    propose,
    PublishedFiles,
    learned_from="masks (BSDS500, VOC 2012 train)",
    precomputed=True,
    asks=("root",),
    needs=("h5py",),
    needed_for_all=False,  # files of MATLAB 7.3 alone
    install=install_command("matlab"),
    speed="1300",
)
