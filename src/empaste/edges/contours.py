"""The learned contours of an image, where a parameter asks for them."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from empaste.images import fit_within
from empaste.networks.contours import learned_contours


def find_contours(
    image: UInt8[np.ndarray, "h w 3"], side: int, source: str | None, path: Path, key: str
) -> Float[np.ndarray, "h2 w2"] | None:
    """The contours of ``image``, in [0, 1], with a longest side of at most ``side``; None where ``source`` is null.

    ``path`` is the image's, ``key`` the parameter that names the ``source``. `InputError` as for `learned_contours`.
    """
    return None if source is None else learned_contours(fit_within(image, side), source, path.name, key)
