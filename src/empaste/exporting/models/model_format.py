"""What a format of the detector is."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Limits(NamedTuple):
    """What a running detector leaves out: what scores less, and what is beyond the best so many of an image."""

    min_score: float
    max_detections: int


class ModelFormat(NamedTuple):
    """``write(model, out, limits, images)`` writes the detector in a folder as the new file ``out``; says what it did.

    ``images`` is a folder of photographs to check the file with, where there is one.
    """

    write: Callable[[Path, Path, Limits, Path], str]
