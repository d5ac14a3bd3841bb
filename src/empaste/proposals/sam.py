"""Everything that SAM segments.

A. Kirillov et al.: Segment anything, ICCV 2023. It learned from 1.1 billion *masks* (SA-1B, most of them its own):
a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam-vit-base, -large, -huge) or from a local folder.
"""

from empaste.proposals.point_grid import prompted_method

METHOD = prompted_method(
    "sam",
    "SamModel",
    "SamImageProcessor",
    kinds=("sam",),
    learned_from="masks (SA-1B)",
)
