"""How sure a choice is: the share of the image's probability that lies on segments of the same object.

The costs of an E-step are those of a posterior, ``p(s) ~ exp(-cost)`` over the image's eligible segments. A segment
that overlaps the chosen one by an IoU of at least 0.5 would pass for the same object, so its share counts too. What is
left is doubt: other segments that the class or the image speak for as much.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

Neighbours = Callable[[Int[np.ndarray, " m"]], Sequence[Int[np.ndarray, " n"]]]
"""For each of the given candidates those that show the same object, itself among them."""


def confidences(
    costs: Float[np.ndarray, " n"],
    image: Int[np.ndarray, " n"],
    chosen: Int[np.ndarray, " m"],
    neighbours: Neighbours,
) -> Float[np.ndarray, " m"]:
    """The confidence of each of the ``chosen`` candidates, from 0 to 1; 1 where it is the image's only one.

    Costs may be infinite, but not all of an image.
    """
    least = np.full(int(image.max(initial=-1)) + 1, np.inf)
    np.minimum.at(least, image, costs)
    mass = np.exp(least[image] - costs)
    totals = np.bincount(image, mass)
    alike = zip(chosen.tolist(), neighbours(chosen), strict=True)
    shares = [mass[same].sum() / totals[image[at]] for at, same in alike]
    return np.asarray(np.clip(np.array(shares, float), 0, 1))
