"""Images for captions: what is asked for, and what comes of it, whoever paints them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from empaste.backgrounds.scenes import Candidate, Failure, Made, Scene

BLANK = "the image is blank: a safety filter, or an overflow in half precision"


class Item(NamedTuple):
    """One image that is asked for: the place of its scene, its caption, what its noise is seeded from, and the classes
    that it should not show, those of its scene first.
    """

    scene: int
    caption_id: int
    prompt: str
    key: tuple[int, ...]
    avoid: tuple[str, ...] = ()


class Outcome(NamedTuple):
    """What came of an item: an image or, after the last attempt, the reason why there is none."""

    image: UInt8[np.ndarray, "h w 3"] | None
    attempts: int
    num_blank: int = 0
    reason: str = ""


def list_items(scenes: Sequence[Scene], per_caption: int, seed: int, class_names: Sequence[str] = ()) -> list[Item]:
    """``per_caption`` items for every caption of every scene, in order."""
    return [
        Item(place, caption_id, prompt, (seed, scene.image_id, caption, number), _own_first(scene, class_names))
        for place, scene in enumerate(scenes)
        for caption, (caption_id, prompt) in enumerate(scene.captions)
        for number in range(per_caption)
    ]


def made_of(scenes: Sequence[Scene], items: Sequence[Item], outcomes: Sequence[Outcome]) -> Iterator[Made]:
    """What came of every scene, in order."""
    per_scene: list[list[tuple[Item, Outcome]]] = [[] for _ in scenes]
    for item, outcome in zip(items, outcomes, strict=True):
        per_scene[item.scene].append((item, outcome))
    for own in per_scene:
        tally = Counter(retried=sum(outcome.attempts > 1 for _, outcome in own))
        tally.update(blank=sum(outcome.num_blank for _, outcome in own))
        yield Made(
            [Candidate(o.image, item.caption_id, item.prompt) for item, o in own if o.image is not None],
            [Failure(item.caption_id, item.prompt, o.attempts, o.reason) for item, o in own if o.image is None],
            num_retried=tally["retried"],
            num_blank=tally["blank"],
        )


def _own_first(scene: Scene, class_names: Sequence[str]) -> tuple[str, ...]:
    """``class_names``, those of the scene first: text encoders cut off long prompts."""
    own = [name for name in class_names if name in scene.classes]
    return (*own, *(name for name in class_names if name not in scene.classes))
