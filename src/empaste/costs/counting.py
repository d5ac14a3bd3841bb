"""How large a data set is: counted in its lists and annotations where it is there, else as published."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from empaste.costs.archives import FETCH
from empaste.costs.scale import Counts
from empaste.datasets.opening import index_data_set
from empaste.datasets.records import DataSet, Example
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.scaleout import map_items

NUM_DECODED = 16
"""Images that are decoded, to know how large one is in the mean."""


class Counted(NamedTuple):
    """The counts, and in words where they are from."""

    counts: Counts
    origin: str


def is_there(settings: PrepareSettings) -> bool:
    """Whether there is a data set to look at; the demo always is."""
    return settings.dataset == "demo" or settings.folder.exists()


def count_data_set(settings: PrepareSettings) -> Counted:
    """The counts of the data set that ``settings`` name, as `prepare` would write it; the published ones without it.

    `InputError` where its folder is there and lacks something, or where it is not and nothing is published.
    """
    if is_there(settings):
        return _count(index_data_set(settings, map_items).data, settings)
    published, command = FETCH[settings.dataset].published, FETCH[settings.dataset].command
    if published is None:
        raise InputError(
            f"prepare.root is {settings.root!r}, which does not exist, so that its images cannot be counted; {command}"
        )
    limited = published._replace(
        train=_limited(published.train, settings.max_train), val=_limited(published.val, settings.max_val)
    )
    pairs = round(published.pairs * limited.train / published.train)
    shrunk = _shrunk(limited._replace(pairs=pairs), settings.max_side)
    tail = ", of which a long tail draws some" if settings.long_tail.max_size else ""
    return Counted(shrunk, f"as published (the data set is not here){tail}")


def _count(data: DataSet, settings: PrepareSettings) -> Counted:
    train = [one for one in data.examples if one.split == "train"]
    decoded = [data.load(one, settings.max_side) for one in _spread(train)]
    listed = sum(len(one.class_ids) for one in train)
    pairs = listed or round(len(train) * float(np.mean([len(one.class_ids) for one in decoded])))
    height, width, size = (
        float(np.mean(values))
        for values in zip(*((one.height, one.width, len(one.jpeg)) for one in decoded), strict=True)
    )
    counts = Counts(
        len(train), len(data.examples) - len(train), pairs, len(data.classes), round(height), round(width), size
    )
    where = "the demo" if settings.dataset == "demo" else str(settings.root)
    return Counted(counts, f"counted in {where} (sizes in {len(decoded)} of its images)")


def _spread(examples: Sequence[Example]) -> list[Example]:
    """`NUM_DECODED` of the examples, evenly spread; all where there are no more."""
    places = np.linspace(0, len(examples) - 1, min(len(examples), NUM_DECODED)).round().astype(int)
    return [examples[place] for place in places]


def _limited(number: int, limit: int) -> int:
    return min(number, limit) if limit else number


def _shrunk(counts: Counts, max_side: int) -> Counts:
    """The counts with images whose longest side is at most ``max_side`` pixels; 0: any."""
    scale = min(1.0, max_side / max(counts.height, counts.width)) if max_side else 1.0
    return counts._replace(
        height=round(counts.height * scale),
        width=round(counts.width * scale),
        image_bytes=counts.image_bytes * scale**2,
    )
