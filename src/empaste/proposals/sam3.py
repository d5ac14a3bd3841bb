"""Everything that SAM 3 segments.

N. Carion et al.: SAM 3: Segment anything with concepts, 2025. Of its parts this takes the promptable one (the tracker),
not the one that is asked by words. It learned from *masks*: a run on it is not supervised by image-level labels alone.

Weights by hub name (facebook/sam3) or from a local folder.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.point_grid import segment_everything
from empaste.proposals.pretrained import load_pretrained

KINDS = ("sam3_tracker", "sam3_video")
"""The ``model_type`` of the checkpoints that hold this network."""


def propose(
    image: UInt8[np.ndarray, "h w 3"], model: str, device: str, num_threads: int, **prompts: Any
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and their estimated quality; ``prompts`` as `point_grid.segment_everything` takes them."""
    network, processor = load_pretrained(
        "Sam3TrackerModel", "Sam3ImageProcessor", KINDS, "proposals.sam3.model", model, device, num_threads
    )
    return segment_everything(network, processor, image, **prompts)
