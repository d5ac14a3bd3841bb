"""Everything that SAM 2 segments.

N. Ravi et al.: SAM 2: Segment anything in images and videos, 2024. It learned from the *masks* of SA-1B and of videos
(SA-V): a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam2.1-hiera-tiny … -large) or from a local folder.
"""

import numpy as np
from jaxtyping import UInt8

from empaste.errors import install_command
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.point_grid import PromptedSegmenter, segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam2", "sam2_video")
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter, _: Context) -> Segments:
    """Masks and their estimated quality, by `point_grid.segment_everything`."""
    network, processor = load_pretrained("Sam2Model", "Sam2ImageProcessor", KINDS, "proposals.sam2.model", settings)
    return segment_everything(network, processor, image, settings)


METHOD = Method(
    "sam2",
    propose,
    PromptedSegmenter,
    learned_from="masks (SA-1B, SA-V)",
    runs="in one process",
    asks=("model",),
    needs=("transformers",),
    install=install_command("segmenters"),
)
