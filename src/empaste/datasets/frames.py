"""Which pixels annotations refer to where EXIF turns an image: upright ones, or those that the file stores.

Some tools draw on the photograph as a person sees it, others on the pixels as stored. Where the two differ in size the
annotation's own size tells, image by image. Where they do not (a half turn, a mirror image, a square) the other images
of the data set tell, and where none does, ``prepare.annotation_frame``.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Literal

from empaste.datasets.records import DataSet, Example, Frame
from empaste.errors import InputError
from empaste.photographs import SIDES_SWAPPED, read_header

Vote = Literal["upright", "stored", "unknown"]
REMEDY = "look at some of them, and set prepare.annotation_frame to upright or stored"


def frame_vote(example: Example) -> Vote | None:
    """What the sizes say of an example's annotations; None where nothing is to be turned, or the file is unreadable."""
    if example.path is None or not (example.outlines or example.mask_path):
        return None
    try:
        height, width, orientation = read_header(example.path)
        annotated = read_header(example.mask_path)[:2] if example.mask_path else example.size_hw
    except InputError:
        return None  # it is named when it is loaded
    if orientation == 1:
        return None
    if annotated is None or orientation not in SIDES_SWAPPED or height == width:
        return "unknown"
    return {(height, width): "stored", (width, height): "upright"}.get(annotated)  # type: ignore[return-value]


def with_frame(data: DataSet, votes: Iterable[Vote | None], wanted: Literal["auto", "upright", "stored"]) -> DataSet:
    """``data`` with its annotations read in the frame that the votes, or ``wanted``, say; a warning says which.

    Sizes that tell go before ``wanted``.
    """
    counts = Counter(votes)
    upright, stored, unknown = counts["upright"], counts["stored"], counts["unknown"]
    if not upright + stored + unknown:
        return data
    frame: Frame = wanted if wanted != "auto" else "stored" if stored > upright else "upright"
    turned = f"EXIF turns {upright + stored + unknown:,} images that have annotations"
    told = f"by their sizes {upright:,} are annotated upright and {stored:,} in stored pixels"
    warning = f"{turned}; {told}"
    if unknown:
        warning += f"; {unknown:,}, whose sizes cannot tell, are read as {frame}"
        if wanted == "auto" and (not upright + stored or (upright and stored)):
            warning += f": {REMEDY}"
    return replace(data, load=partial(data.load, frame=frame), warnings=(*data.warnings, warning))
