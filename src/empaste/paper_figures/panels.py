"""What a figure of pictures is made of: rows of panels, and what is drawn on them in vectors.

All coordinates are pixels of the panel's image; the centre of its upper left pixel is (0, 0).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from empaste.images import RGB

BLUE, ORANGE, GREEN, PINK, INK, SOFT = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#1a1a1a", "#767676"
"""Colours that readers with any colour vision tell apart (Okabe and Ito 2008), black and gray."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a mask of the image's size, its inside tinted at the opacity ``fill``."""

    mask: Bool[np.ndarray, "h w"]
    colour: str
    fill: float = 0.0
    thin: bool = False


@dataclass(frozen=True)
class Ring:
    """A circle with its centre."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Cross:
    """A point."""

    x: float
    y: float


Mark = Outline | Ring | Cross


@dataclass(frozen=True)
class Frame:
    """The border of a panel."""

    colour: str = SOFT
    dashed: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """A picture with marks and, below it, a caption; without an image, a framed text in its place."""

    image: RGB | None
    marks: Sequence[Mark] = ()
    caption: str = ""
    frame: Frame | None = None
    text: str = ""


@dataclass(frozen=True)
class Words:
    """A piece of a line."""

    text: str
    colour: str = INK
    bold: bool = False


Line = Sequence[Words]
"""Pieces one behind the other."""


@dataclass(frozen=True, eq=False)
class Row:
    """Panels from left to right, None where a place stays empty.

    ``label`` stands to their left, ``lines`` above them, ``titles`` over the columns.
    """

    panels: Sequence[Panel | None]
    label: str = ""
    lines: Sequence[Line] = ()
    titles: Sequence[str] = ()


@dataclass(frozen=True)
class Key:
    """What a frame says of its panel."""

    frame: Frame
    meaning: str
