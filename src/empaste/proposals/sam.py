"""Everything that SAM segments.

A. Kirillov et al.: Segment anything, ICCV 2023. It learned from 1.1 billion *masks* (SA-1B, most of them its own):
a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam-vit-base, -large, -huge) or from a local folder.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.point_grid import segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam",)
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(
    image: UInt8[np.ndarray, "h w 3"], model: str, device: str, num_threads: int, **prompts: Any
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and their estimated quality; ``prompts`` as `point_grid.segment_everything` takes them."""
    network, processor = load_pretrained(
        "SamModel", "SamImageProcessor", KINDS, "proposals.sam.model", model, device, num_threads
    )
    return segment_everything(network, processor, image, **prompts)
