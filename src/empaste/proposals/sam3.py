"""Everything that SAM 3 segments.

N. Carion et al.: SAM 3: Segment anything with concepts, 2025. Of its parts this takes the promptable one (the tracker),
not the one that is asked by words. It learned from *masks*: a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam3) or from a local folder.
"""

import numpy as np
from jaxtyping import UInt8

from empaste.errors import install_command
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.point_grid import PromptedSegmenter, segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam3_tracker", "sam3_video")
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter, _: Context) -> Segments:
    """Masks and their estimated quality, by `point_grid.segment_everything`."""
    network, processor = load_pretrained(
        "Sam3TrackerModel", "Sam3ImageProcessor", KINDS, "proposals.sam3.model", settings
    )
    return segment_everything(network, processor, image, settings)


METHOD = Method(
    "sam3",
    propose,
    PromptedSegmenter,
    learned_from="masks and phrases (SA-Co, SA-V)",
    runs="in one process",
    asks=("model",),
    needs=("transformers",),
    install=install_command("segmenters"),
)
