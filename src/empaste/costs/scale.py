"""How much there is to work on: the size of the data set, and what the stages hand on to each other."""

from dataclasses import dataclass
from typing import NamedTuple

from empaste.backgrounds import GENERATORS
from empaste.params import Params
from empaste.proposals.method import SharedSettings
from empaste.proposals.settings import running_methods


class Counts(NamedTuple):
    """A data set: images per split, (image, class) pairs that the labels of the training images name, classes.

    ``height`` and ``width`` are those of an image in the mean, ``image_bytes`` the size of its file.
    """

    train: int
    val: int
    pairs: int
    classes: int
    height: int
    width: int
    image_bytes: float


@dataclass(frozen=True)
class Scale:
    """What the stages work on. All beyond ``data`` depends on the images, and is a bound until a stage has run."""

    data: Counts
    segments: int
    originals: int
    """Training images that hold a foreground."""
    captions: int
    candidates: int
    """Backgrounds that are made."""
    backgrounds: int
    """Those of them that are kept."""

    @property
    def megapixels(self) -> float:
        """Of an image as `prepare` writes it."""
        return self.data.height * self.data.width / 1e6


def scale_of(params: Params, data: Counts) -> Scale:
    """The largest numbers that ``params`` allow for the data set ``data``."""
    captions = num_captioned(params, data.train) * params.captions.per_image
    own = params.backgrounds
    asked = data.train
    if own.method == "none":
        asked = 0
    elif GENERATORS[own.method].by_caption:
        asked = captions
    return Scale(
        data=data,
        segments=data.train * most_segments(params.proposals),
        originals=min(data.train, data.pairs),
        captions=captions,
        candidates=asked * own.per_caption,
        backgrounds=asked * own.keep_per_caption,
    )


def num_captioned(params: Params, train: int) -> int:
    """The training images that get captions, as `captions.scenes.choose_scenes` chooses them."""
    return max(1, round(params.captions.fraction * train))


def most_segments(settings: SharedSettings) -> int:
    """The segments that an image has at most: all that are kept, or the best of them that its methods give."""
    own = [getattr(method.section(settings), "num_best", settings.max_segments) for method in running_methods(settings)]
    return min(settings.max_segments, sum(own))
