"""Everything that SAM 3 segments.

N. Carion et al.: SAM 3: Segment anything with concepts, 2025. Of its parts this takes the promptable one (the tracker),
not the one that is asked by words. It learned from *masks*: a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam3) or from a local folder.
"""

from empaste.proposals.point_grid import prompted_method

METHOD = prompted_method(
    "sam3",
    "Sam3TrackerModel",
    "Sam3ImageProcessor",
    kinds=("sam3_tracker", "sam3_video"),
    learned_from="masks and phrases (SA-Co, SA-V)",
)
