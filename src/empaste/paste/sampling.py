"""Which foregrounds are pasted (EM-Paste §3: the distribution ``p``).

Every draw is independent and with replacement, so that more foregrounds than the pool holds may be asked for.
"""

import numpy as np
from jaxtyping import Int


def draw_uniform(class_ids: Int[np.ndarray, " n"], num: int, rng: np.random.Generator) -> Int[np.ndarray, " num"]:
    """``num`` positions of the pool, every foreground equally likely; the pool holds at least one."""
    return rng.integers(len(class_ids), size=num)


def draw_balanced(class_ids: Int[np.ndarray, " n"], num: int, rng: np.random.Generator) -> Int[np.ndarray, " num"]:
    """``num`` positions of the pool, every class that has a foreground equally likely, and each one within its class.

    ``class_ids`` names the class of every foreground of the pool, which holds at least one.
    """
    present, class_index, sizes = np.unique(class_ids, return_inverse=True, return_counts=True)
    by_class = np.argsort(class_index, kind="stable")
    drawn = rng.integers(len(present), size=num)
    return by_class[(np.cumsum(sizes) - sizes)[drawn] + rng.integers(sizes[drawn])]
