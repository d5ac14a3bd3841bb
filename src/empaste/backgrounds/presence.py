"""Check that no object of interest is in a background; the papers assume it.

The classifier that F-EM uses looks at the whole background. It was trained on image-level labels alone, so the check
uses no more supervision than the method does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int


class Presence(NamedTuple):
    """Per background: the likeliest class, its probability, and whether any class shows above the threshold."""

    class_ids: Int[np.ndarray, " n"]
    probs: Float[np.ndarray, " n"]
    shows: Bool[np.ndarray, " n"]


def presence(probs: Float[np.ndarray, "n c"], class_ids: Sequence[int], threshold: float) -> Presence:
    """What the class probabilities of backgrounds say; of equal probabilities the first class."""
    top = probs.argmax(axis=1)
    highest = probs[np.arange(len(probs)), top].astype(float)
    return Presence(np.asarray(class_ids, int)[top], highest, highest > threshold)


def shown_per_class(probs: Float[np.ndarray, "n c"], class_ids: Sequence[int], threshold: float) -> dict[int, int]:
    """Class id → number of backgrounds in which it shows above ``threshold``; one background may count for several."""
    return dict(zip(class_ids, (probs > threshold).sum(axis=0).tolist(), strict=True))
