"""Everything that SAM 2 segments.

N. Ravi et al.: SAM 2: Segment anything in images and videos, 2024. It learned from the *masks* of SA-1B and of videos
(SA-V): a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam2.1-hiera-tiny … -large) or from a local folder.
"""

from empaste.proposals.point_grid import prompted_method

METHOD = prompted_method(
    "sam2",
    "Sam2Model",
    "Sam2ImageProcessor",
    kinds=("sam2", "sam2_video"),
    learned_from="masks (SA-1B, SA-V)",
)
