"""Masks at the size of a larger image."""

import cv2
import numpy as np
from jaxtyping import Bool


def enlarged(mask: Bool[np.ndarray, "h w"], size_hw: tuple[int, ...]) -> Bool[np.ndarray, "h2 w2"]:
    """``mask`` at ``size_hw``, by nearest pixel."""
    if mask.shape == tuple(size_hw):
        return mask
    # By columns, as they are encoded: no copy is made to turn them.
    columns = np.ascontiguousarray(mask.T).view(np.uint8)
    return cv2.resize(columns, tuple(size_hw), interpolation=cv2.INTER_NEAREST).view(bool).T
