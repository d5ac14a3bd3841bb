"""What a generator is given, and what it gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

if TYPE_CHECKING:  # every worker process imports this module, and none touches a table
    import pandas as pd


@dataclass(frozen=True)
class Scene:
    """A training image: the segments to erase (counts of their RLEs, likeliest first), its captions (id, prompt), the
    names of the classes that it is labelled with.
    """

    image_id: int
    path: Path
    height: int
    width: int
    erase: tuple[str, ...] = ()
    captions: tuple[tuple[int, str], ...] = ()
    classes: tuple[str, ...] = ()


NO_CAPTION = -1
"""The ``caption_id`` of a background that was made without one."""


@dataclass(frozen=True)
class Candidate:
    """A background that was made, with the caption that it was made from.

    ``possible`` names the classes that may be in it, where it is known (None: any may).
    """

    image: UInt8[np.ndarray, "h w 3"]
    caption_id: int = NO_CAPTION
    prompt: str = ""
    possible: tuple[str, ...] | None = None


class Failure(NamedTuple):
    """An image that was asked for and did not come, however often it was tried, and why."""

    caption_id: int
    prompt: str
    attempts: int
    reason: str


@dataclass(frozen=True)
class Made:
    """What came of one scene: the candidates, what failed, how many images were tried again and how many came out
    blank, whether there was context enough to make any.
    """

    candidates: list[Candidate] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    num_retried: int = 0
    num_blank: int = 0
    has_context: bool = True


def _start_anything(_num_images: int, _kept: Path) -> None:
    """Most generators need not know how many images they will be asked for, and keep none of them."""


@dataclass(frozen=True)
class Source:
    """Where backgrounds come from.

    ``make`` gives what came of every scene, in order. ``begin`` is told once how many images are still to be made, and
    a folder for what shall outlast an error in the middle of a part, which is emptied as each part is finished; it may
    refuse. ``counts`` are for the metrics.
    """

    make: Callable[[Sequence[Scene]], Iterable[Made]]
    begin: Callable[[int, Path], None] = _start_anything
    counts: Mapping[str, int] = field(default_factory=dict)


def is_blank(image: UInt8[np.ndarray, "h w 3"]) -> bool:
    """Whether nothing is on ``image``: safety filters return black images, which a JPEG may have touched."""
    return int(np.ptp(image)) <= 8


def list_scenes(
    images: "pd.DataFrame",
    paths: Mapping[int, Path],
    captions: "pd.DataFrame",
    labels: "pd.DataFrame",
    class_names: Mapping[int, str],
    erase: Mapping[int, tuple[str, ...]],
) -> list[Scene]:
    """The training images (rows of `schemas.prepare.Images`), each with all that belongs to it."""
    prompts: dict[int, list[tuple[int, str]]] = {}
    for caption_id, image_id, prompt in captions[["caption_id", "image_id", "substituted"]].itertuples(index=False):
        prompts.setdefault(image_id, []).append((caption_id, prompt))
    present: dict[int, list[str]] = {}
    for image_id, class_id in labels[["image_id", "class_id"]].itertuples(index=False):
        present.setdefault(image_id, []).append(class_names[class_id])
    training = images[images["split"] == "train"][["image_id", "height", "width"]]
    return [
        Scene(
            image_id, paths[image_id], height, width, erase.get(image_id, ()),
            tuple(prompts.get(image_id, ())), tuple(present.get(image_id, ())),
        )
        for image_id, height, width in training.itertuples(index=False)
    ]  # fmt: skip
