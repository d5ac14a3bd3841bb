"""Everything that SAM segments.

A. Kirillov et al.: Segment anything, ICCV 2023. It learned from 1.1 billion *masks* (SA-1B, most of them its own):
a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam-vit-base, -large, -huge) or from a local folder.
"""

import numpy as np
from jaxtyping import UInt8

from empaste.errors import install_command
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.point_grid import PromptedSegmenter, segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam",)
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter, _: Context) -> Segments:
    """Masks and their estimated quality, by `point_grid.segment_everything`."""
    network, processor = load_pretrained("SamModel", "SamImageProcessor", KINDS, "proposals.sam.model", settings)
    return segment_everything(network, processor, image, settings)


METHOD = Method(
    "sam",
    propose,
    PromptedSegmenter,
    learned_from="masks (SA-1B)",
    runs="in one process",
    asks=("model",),
    needs=("transformers",),
    install=install_command("segmenters"),
)
