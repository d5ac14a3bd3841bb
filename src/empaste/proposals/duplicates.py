"""Masks that say nothing new: empty ones, and those that an earlier mask repeats."""

import numpy as np
from jaxtyping import Bool, Int


def first_of_each(masks: Bool[np.ndarray, "n h w"]) -> Int[np.ndarray, " k"]:
    """The indices, in order, of the masks that are neither empty nor the same as an earlier one."""
    first: dict[bytes, int] = {}
    for index, mask in enumerate(masks):
        if mask.any():
            first.setdefault(np.packbits(mask).tobytes(), index)
    return np.array(list(first.values()), int)
