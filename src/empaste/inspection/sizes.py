"""Objects too small to be found: below the smallest segment that the proposals keep.

Areas are those of the masks or boxes that the data set brings. Without any there is nothing to measure, and nothing is
guessed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from empaste.inspection.looking import Look


class SmallObjects(NamedTuple):
    """Objects with masks or boxes, small ones among them, and the images (by place) in which all are small."""

    objects: int
    small: int
    images: list[int]


def find_small(looks: Sequence[Look], min_area: float) -> SmallObjects | None:
    """The objects that take up less than the share ``min_area`` of their image; None where none has mask or box."""
    areas = [area for one in looks for area in one.areas]
    if not areas:
        return None
    images = [place for place, one in enumerate(looks) if one.areas and max(one.areas) < min_area]
    return SmallObjects(len(areas), sum(area < min_area for area in areas), images)
