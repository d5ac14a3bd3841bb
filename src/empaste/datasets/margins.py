"""Plain margins around a photograph: a page's white, a frame, the black bars of a film.

They are no part of what was photographed, but a network sees them as its surroundings: in a photograph on a white page
it takes the whole photograph for the object. `prepare` cuts them off training images where ``prepare.trim_margins``
asks for it; validation images stay as they are.

A margin is told from a sky or a wall by two signs. Its outer half is of one colour almost exactly, which no sensor's
noise is, and it ends in a straight step along most of the side, which no object's outline does.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from jaxtyping import UInt8

from empaste.artifacts.remarks import Remark
from empaste.datasets.decoding import within, without_empty
from empaste.datasets.records import NO_MARGINS, Box, DataSet, Example, Margins, Picture
from empaste.images import decode_rgb, encode_rgb

NEAR, MOST = 24, 0.95
"""A line belongs to a margin where this share of its pixels is so near (of 255) to the colour of the outermost line:
far enough for the most of what JPEG writes around edges."""
EXACT, NEARLY_ALL = 6, 0.97
"""The same for the outer half of a margin."""
STEP, HALF = 20, 0.5
"""A margin ends where this share of the pixels changes by more than so much (of 255) within three lines."""
JPEG_BLOCK = 8
"""So many lines outside an edge JPEG may write what is not plain; the step lies within them."""
MIN_WIDTH = 0.01
"""Of a side; what is narrower is not worth another JPEG."""
MIN_CONTENT = 1 / 3
"""Of the image's area; where less is left, the margins are the photograph's own background."""
CUT = "training images have plain margins, which are cut off (prepare.trim_margins)"
LOST = "instances lie in margins that are cut off and are left out"


def with_trimmed(data: DataSet) -> DataSet:
    """``data``, whose training images load without their margins."""
    return replace(data, load=partial(load_trimmed, load=data.load))


def load_trimmed(example: Example, max_side: int, load: Callable[[Example, int], Picture]) -> Picture:
    """What ``load`` gives, a training image without its margins."""
    picture = load(example, max_side)
    return trim(picture, example.file_name) if example.split == "train" else picture


def trim(picture: Picture, name: str) -> Picture:
    """The picture without its margins, its annotations in the frame of what is left; ``name`` is for its remarks.

    A remark says that something was cut off, and one each which instances lay there. ``digest`` stays that of the
    whole image, so that copies are still found.
    """
    image = decode_rgb(picture.jpeg, name)
    margins = find_margins(image)
    if not any(margins):
        return picture
    inside = cut(image, margins)
    height, width = inside.shape[:2]
    masks = [(class_id, cut(mask, margins), crowd) for class_id, mask, crowd in picture.masks]
    left, lost = without_empty(masks, [_moved(box, margins, height, width) for box in picture.boxes])
    return replace(
        picture,
        jpeg=encode_rgb(inside, ".jpg", 95),
        height=height,
        width=width,
        masks=left.masks,
        void=None if picture.void is None else cut(picture.void, margins),
        boxes=left.boxes,
        margins=margins,
        remarks=(*picture.remarks, Remark(CUT, name), *[Remark(LOST, name)] * lost),
    )


def find_margins(image: UInt8[np.ndarray, "h w 3"]) -> Margins:
    """The margins of an image; all 0 where too little would be left between them."""
    plain = _plain_margins(image)
    if not _leaves_enough(image, plain):
        return NO_MARGINS
    rows, columns = cut(image, Margins(0, 0, *plain[2:])), cut(image, Margins(*plain[:2], 0, 0)).swapaxes(0, 1)
    sides = (rows, rows[::-1], columns, columns[::-1])
    margins = Margins(*(_end_of_margin(lines, width) for lines, width in zip(sides, plain, strict=True)))
    return margins if _leaves_enough(image, margins) else NO_MARGINS


def cut(pixels: np.ndarray, margins: Margins) -> np.ndarray:
    """The pixels (h, w, …) between the margins, a view."""
    height, width = pixels.shape[:2]
    return pixels[margins.top : height - margins.bottom, margins.left : width - margins.right]


def _leaves_enough(image: UInt8[np.ndarray, "h w 3"], margins: Margins) -> bool:
    return cut(image, margins).size >= MIN_CONTENT * image.size


def _plain_margins(image: UInt8[np.ndarray, "h w 3"]) -> Margins:
    """How many lines from each side on are of one colour, side by side until nothing is added: corners are of two."""
    margins, before = NO_MARGINS, None
    while margins != before:
        before = margins
        for number, side in enumerate(Margins._fields):
            inside = cut(image, margins)
            lines = inside if number < 2 else inside.swapaxes(0, 1)
            more = _plain_lines(lines[::-1] if number % 2 else lines)
            margins = margins._replace(**{side: margins[number] + more})
    return margins


def _plain_lines(lines: UInt8[np.ndarray, "n m 3"]) -> int:
    """How many lines are of the first one's colour; 0 where all are, since nothing would be left."""
    colour = np.median(lines[0], axis=0)
    for number, line in enumerate(lines):
        if _share_near(line, colour, NEAR) < MOST:
            return number
    return 0


def _end_of_margin(lines: UInt8[np.ndarray, "n m 3"], width: int) -> int:
    """How many of the ``lines``, the first ``width`` of which are plain, are a margin by both signs; else 0."""
    if width < max(1, MIN_WIDTH * len(lines)):
        return 0
    outer = lines[: (width + 1) // 2].reshape(-1, 3)
    if _share_near(outer, np.median(outer, axis=0), EXACT) < NEARLY_ALL:
        return 0
    ends = range(width, min(width + JPEG_BLOCK, len(lines) - 1))
    steps = (end for end in ends if _share_near(lines[end + 1], lines[max(end - 2, 0)], STEP) <= 1 - HALF)
    return next(steps, 0)


def _share_near(pixels: UInt8[np.ndarray, "n 3"], colour: np.ndarray, distance: int) -> float:
    """The share of pixels of which no channel is farther than ``distance`` from ``colour``: one, or one per pixel."""
    return float((np.abs(pixels - colour.astype(np.float32)).max(axis=-1) <= distance).mean())


def _moved(box: Box, margins: Margins, height: int, width: int) -> Box:
    """The box in the frame of the ``height`` × ``width`` pixels between the margins; sides of 0 or less outside."""
    class_id, (x, y, *size_wh), crowd = box
    return class_id, within((x - margins.left, y - margins.top, *size_wh), height, width), crowd
