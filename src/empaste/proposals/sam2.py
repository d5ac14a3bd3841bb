"""Everything that SAM 2 segments.

N. Ravi et al.: SAM 2: Segment anything in images and videos, 2024. It learned from the *masks* of SA-1B and of videos
(SA-V): a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam2.1-hiera-tiny … -large) or from a local folder.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.point_grid import segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam2", "sam2_video")
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(
    image: UInt8[np.ndarray, "h w 3"], model: str, device: str, num_threads: int, **prompts: Any
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and their estimated quality; ``prompts`` as `point_grid.segment_everything` takes them."""
    network, processor = load_pretrained(
        "Sam2Model", "Sam2ImageProcessor", KINDS, "proposals.sam2.model", model, device, num_threads
    )
    return segment_everything(network, processor, image, **prompts)
