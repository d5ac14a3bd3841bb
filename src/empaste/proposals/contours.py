"""The regions between learned contours (`networks.contours`).

Regions are the basins of a watershed (F. Meyer, 1994): a contour map is flooded from its minima.
"""

import cv2
import numpy as np
from jaxtyping import Float, Int

from empaste.proposals.region_graph import border_pairs, consecutive, contour_steps

SMOOTHING = 1.0
"""Standard deviation in pixels of the smoothing of a contour map before it is flooded."""


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
