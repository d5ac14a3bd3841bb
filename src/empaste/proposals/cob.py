"""Precomputed proposals of convolutional oriented boundaries, read from the files that its authors publish.

K.-K. Maninis, J. Pont-Tuset et al.: Convolutional oriented boundaries, ECCV 2016. With entity segmentation the proposal
source that EM-Paste §3.1 reports. Its contours learned from the segmentations of PASCAL-Context (or BSDS500), on an
ImageNet-trained network, its ranking from the *masks* of VOC 2012's training split: a run on it is not supervised by
image-level labels alone.
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
    return read_proposals(root, context.file_name, image.shape[:2], num_best, "proposals.cob.root")


METHOD = Method(
    "cob",
    propose,
    PublishedFiles,
    learned_from="masks (PASCAL-Context, VOC 2012 train)",
    precomputed=True,
    asks=("root",),
    needs=("h5py",),
    needed_for_all=False,  # files of MATLAB 7.3 alone
    install=install_command("matlab"),
    speed="1300",
)
