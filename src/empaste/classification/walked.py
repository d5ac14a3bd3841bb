"""A heat map after a random walk that stops at the image's edges: it covers an object, not cells of a coarse grid.

J. Ahn and S. Kwak (CVPR 2018) let CAMs walk, too, by affinities between pixels that a network learned. Here the walk is
the one that draws foregrounds anew (`edges.walk`): colours and contours say how easy a step is, and nothing is learned.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8

from empaste.classification.cam import ClassMap, centre_of_gravity, in_image_frame, kept_pixels
from empaste.classification.cam_settings import CONTOURS, CamSettings
from empaste.edges.contours import find_contours
from empaste.edges.walk import Walk, build_walk, chances_in, to_peak
from empaste.squares import fit_square_mask

CONTRAST = 4.0
"""How much steeper a map falls at an edge than the chances of the walk do, since its overlap with segments is soft."""
CONTOUR_SIDE = 4
"""Side of the image in which contours are looked for, in sides of the one in which the walk goes."""


def contours_for(
    image: UInt8[np.ndarray, "h w 3"], path: Path, settings: CamSettings
) -> Float[np.ndarray, "h2 w2"] | None:
    """The learned contours that stop the walks in an image; None where ``settings`` ask for none."""
    return find_contours(image, CONTOUR_SIDE * settings.walk.side, settings.contours, path, CONTOURS)


def walk_maps(
    found: Sequence[ClassMap],
    image: UInt8[np.ndarray, "h w 3"],
    contours: Float[np.ndarray, "h2 w2"] | None,
    settings: CamSettings,
) -> list[ClassMap]:
    """Each of ``found`` with a heat map that follows the edges of ``image``, and its centre.

    The map has ``walk.side`` × ``walk.side`` pixels. A walker at a pixel whose heat is ``settings.level`` of the
    image's highest is stopped by nothing but what lies around. Chances to be stopped by the class are scaled to a peak
    of 1, steepened about a half, and cut off at 0 and 1. The map is 0 outside the image, and an empty one stays empty.
    """
    walk = build_walk(image, contours, settings.walk)
    return [_walk_map(one, walk, settings) for one in found]


def _walk_map(found: ClassMap, walk: Walk, settings: CamSettings) -> ClassMap:
    width, height = walk.image_wh
    heat = to_peak(in_image_frame(found.heatmap, height, width, max(height, width)))
    prior = np.interp(heat, [0, settings.level, 1], [0, 0.5, 1])
    chances = to_peak(chances_in(walk, prior))
    steep = np.clip(0.5 + CONTRAST * (chances - 0.5), 0, 1)
    centre_xy = centre_of_gravity(kept_pixels(steep, settings))
    return found._replace(heatmap=to_peak(fit_square_mask(steep, settings.walk.side)), centre_xy=centre_xy)
