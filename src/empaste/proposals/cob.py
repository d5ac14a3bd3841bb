"""Precomputed proposals of convolutional oriented boundaries, read from the files that its authors publish.

K.-K. Maninis, J. Pont-Tuset et al.: Convolutional oriented boundaries, ECCV 2016. With entity segmentation the proposal
source that EM-Paste §3.1 reports. Its contours learned from the segmentations of PASCAL-Context (or BSDS500), on an
ImageNet-trained network, its ranking from the *masks* of VOC 2012's training split: a run on it is not supervised by
image-level labels alone.
"""

from empaste.proposals.mat_files import published_files

METHOD = published_files("cob", learned_from="masks (PASCAL-Context, VOC 2012 train)")
