"""A data set as ``prepare`` describes it: read, cut down, its annotations in the frame that is meant."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from empaste.datasets import DATASETS
from empaste.datasets.frames import frame_vote, with_frame
from empaste.datasets.long_tail import read_labels, resample
from empaste.datasets.margins import with_trimmed
from empaste.datasets.preparing import subsample
from empaste.datasets.records import DataSet
from empaste.datasets.settings import PrepareSettings

MapItems = Callable[..., Iterable[Any]]
"""``(function, items, what) -> results`` in the order of the items, perhaps by worker processes."""
Sizes = dict[str, dict[str, int]]
"""Class sizes by name: those ``available`` before a long tail was drawn, and those ``wanted``."""


class Opened(NamedTuple):
    """A data set, and the class sizes of its long tail; None where none was drawn."""

    data: DataSet
    tail: Sizes | None


def open_data_set(settings: PrepareSettings, map_items: MapItems) -> Opened:
    """The data set of ``settings``, none of its images decoded but those that a long tail or a frame asks for.

    `InputError` where its layout or its annotations are broken, or a split is empty.
    """
    data, tail = index_data_set(settings, map_items)
    if settings.dataset != "demo":
        data = with_frame(data, map_items(frame_vote, data.examples, "frames"), settings.annotation_frame)
    return Opened(with_trimmed(data) if settings.trim_margins else data, tail)


def index_data_set(settings: PrepareSettings, map_items: MapItems) -> Opened:
    """The same, the frame of its annotations left open: no more is read than its lists and annotations."""
    data = subsample(DATASETS[settings.dataset](settings), settings.max_train, settings.max_val, settings.seed)
    return _long_tailed(data, settings, map_items)


def _long_tailed(data: DataSet, settings: PrepareSettings, map_items: MapItems) -> Opened:
    """``data`` as ``prepare.long_tail`` wants it."""
    tail = settings.long_tail
    if not tail.max_size:
        return Opened(data, None)
    unread = [example for example in data.examples if example.split == "train" and not example.class_ids]
    labelled = {
        example.image_id: example for example in map_items(partial(read_labels, load=data.load), unread, "labels")
    }
    data = replace(data, examples=tuple(labelled.get(example.image_id, example) for example in data.examples))
    drawn = resample(data, tail.shape, tail.max_size, tail.min_size, settings.seed)
    return Opened(drawn.data, {"available": drawn.available, "wanted": drawn.wanted})
