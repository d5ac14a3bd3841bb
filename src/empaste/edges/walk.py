"""A map of probabilities turned into one that follows the image's edges: a random walk with priors.

L. Grady: Multilabel random walker image segmentation using prior models, CVPR 2005. A walker starts at a pixel, steps
to neighbours, hardly ever across an edge, and is stopped anywhere by what the map says there; the value of the pixel is
the chance that it is stopped by the object. With ``p`` the map, ``w`` the ease of a step, it minimises

``sum_ij w_ij (x_i - x_j)² + sum_i l_i (x_i - p_i)²``,  ``w_ij = exp(-a max(b_i, b_j) - c |v_i - v_j| / 10)``,

where ``b`` are learned contours in [0, 1] (`networks.contours`), ``v`` colours in CIE Lab, ``a`` is `contour_weight`
and ``c`` `colour_weight`. ``l_i = prior_weight (2 p_i - 1)²``: where the map is undecided it says nothing, and the
pixels around decide.
"""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int, UInt8
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import spsolve

from empaste.edges.settings import WalkSettings

COLOUR_STEP = 10.0
"""A difference of colour (CIE Lab) that counts as 1."""
LEAST_PEAK = 1e-3
"""A map is scaled as if its peak were at least this, so that one of nothing but rounding errors stays empty."""
LEAST_PRIOR = 1e-6
"""The weight of the map where it says nothing, so that there is one solution."""


class Walk(NamedTuple):
    """The ease of the steps between an image's pixels: ``steps`` at the reduced size ``size_wh``, in their order."""

    steps: csc_array
    size_wh: tuple[int, int]
    image_wh: tuple[int, int]
    prior_weight: float


def build_walk(
    image: UInt8[np.ndarray, "h w 3"], contours: Float[np.ndarray, "h2 w2"] | None, settings: WalkSettings
) -> Walk:
    """The walk in ``image``, at a longest side of ``side`` pixels, whatever map says where it ends.

    ``contours`` may have another size than the image.
    """
    size_wh = _size_wh(image.shape[:2], settings.side)
    steps = _ease(_shrunk(image, size_wh), None if contours is None else _shrunk(contours, size_wh), settings)
    height, width = image.shape[:2]
    return Walk(steps, size_wh, (width, height), settings.prior_weight)


def chances_in(walk: Walk, prob: Float[np.ndarray, "h w"]) -> Float32[np.ndarray, "h w"]:
    """The chances, in [0, 1] up to rounding, that the pixels of the walk's image belong to what ``prob`` shows.

    Computed at the walk's own size, and enlarged.
    """
    prior = _shrunk(prob, walk.size_wh).ravel().astype(float)
    weight = walk.prior_weight * np.square(2 * prior - 1) + LEAST_PRIOR
    chances = solve_walk(walk.steps, prior, weight).reshape(walk.size_wh[::-1]).astype(np.float32)
    enlarged = cv2.resize(chances, walk.image_wh, interpolation=cv2.INTER_LINEAR)
    return np.asarray(enlarged, np.float32)


def to_peak(values: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """``values`` scaled to a peak of 1, if it is not near 0."""
    return np.asarray(values / max(float(values.max()), LEAST_PEAK))


def solve_walk(
    steps: csc_array, prior: Float[np.ndarray, " n"], weight: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The minimum of the energy above for the symmetric ease of ``steps`` and the weights of the prior, all over 0."""
    laplacian = diags_array(np.asarray(steps.sum(axis=1)).ravel() + weight) - steps
    chances: Float[np.ndarray, " n"] = spsolve(csc_array(laplacian), weight * prior)
    return chances


def _ease(
    image: UInt8[np.ndarray, "h w 3"], contours: Float[np.ndarray, "h w"] | None, settings: WalkSettings
) -> csc_array:
    """The ease of a step between neighbouring pixels, rows and columns in the order of the image's pixels."""
    numbers = np.arange(image.shape[0] * image.shape[1]).reshape(image.shape[:2])
    before = np.concatenate([numbers[:, :-1].ravel(), numbers[:-1].ravel()])
    behind = np.concatenate([numbers[:, 1:].ravel(), numbers[1:].ravel()])
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3).astype(float)
    barrier = settings.colour_weight * np.linalg.norm(lab[before] - lab[behind], axis=1) / COLOUR_STEP
    if contours is not None:
        strength = contours.ravel().astype(float)
        barrier = barrier + settings.contour_weight * np.maximum(strength[before], strength[behind])
    return _symmetric(before, behind, np.exp(-barrier), numbers.size)


def _symmetric(
    before: Int[np.ndarray, " m"], behind: Int[np.ndarray, " m"], values: Float[np.ndarray, " m"], size: int
) -> csc_array:
    one_way = coo_array((values, (before, behind)), shape=(size, size))
    return csc_array(one_way + one_way.T)


def _size_wh(size_hw: tuple[int, ...], side: int) -> tuple[int, int]:
    """Width and height with a longest side of ``side`` pixels, at least 2 each; of a smaller image its own."""
    scale = min(1.0, side / max(size_hw))
    height, width = (max(2, round(length * scale)) for length in size_hw)
    return width, height


def _shrunk(values: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """``values`` averaged over areas; floats as 32 bits, which OpenCV takes."""
    given = values if values.dtype == np.uint8 else values.astype(np.float32)
    return np.asarray(cv2.resize(given, size_wh, interpolation=cv2.INTER_AREA))
