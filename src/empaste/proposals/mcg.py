"""Precomputed proposals of multiscale combinatorial grouping, read from the files that its authors publish.

P. Arbeláez, J. Pont-Tuset et al.: Multiscale combinatorial grouping, CVPR 2014. One of the proposal sources that
EM-Paste §3.1 names. Its contours learned from BSDS500's human segmentations, its ranking from the *masks* of VOC 2012's
training split: a run on it is not supervised by image-level labels alone.
"""

from empaste.proposals.mat_files import published_files

METHOD = published_files("mcg", learned_from="masks (BSDS500, VOC 2012 train)")
