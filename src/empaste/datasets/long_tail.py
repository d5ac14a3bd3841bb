"""Any data set made long-tailed: class sizes that fall by a Pareto density (EM-Paste §5; Liu et al., OLTR, CVPR 2019).

Symbols: ``b`` the shape, ``f(x) = b / x^(b+1)`` the density, ``K`` classes.

Sizes count *images* by their image-level labels, so that data sets without masks can be resampled too, and no mask of
the training split is read.

Notes
-----
The paper gives b = 6 and "max 800 and min 1", but not at which x the density is taken. Here at K even steps from x = 1
to where it has fallen from the one to the other, so that the shape alone bends the curve. For VOC's 20 classes that
makes 800, 454, 269, 166, … 1: 2,018 images where each shows one class. Published are 2,415 images with 836 masks in the
largest class and 4 in the smallest: images drawn there for one class bring masks of others along, above their sizes;
here no class exceeds its size, because images by which one would are passed over.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from empaste.datasets.records import DataSet, Example, Picture
from empaste.errors import InputError

STREAM = 72
"""Of random numbers, beside that of sub-sampling."""


class Resampled(NamedTuple):
    """A long-tailed data set; training images per class as there were and as the density wants, largest class first."""

    data: DataSet
    available: dict[str, int]
    wanted: dict[str, int]


def pareto_sizes(num_classes: int, shape: float, max_size: int, min_size: int) -> list[int]:
    """``num_classes`` sizes from ``max_size`` down to ``min_size`` by a Pareto density; of one class, ``max_size``."""
    end = (max_size / min_size) ** (1 / (shape + 1))
    places = np.linspace(1, end, num_classes)
    sizes: list[int] = np.rint(max_size / places ** (shape + 1)).astype(int).tolist()
    return sizes


def read_labels(example: Example, load: Callable[[Example, int], Picture]) -> Example:
    """``example`` with its labels, for a reader that knows them only once it has loaded the image (the demo's)."""
    return replace(example, class_ids=load(example, 0).class_ids)


def resample(data: DataSet, shape: float, max_size: int, min_size: int, seed: int) -> Resampled:
    """``data`` with training images drawn so that class sizes fall by the density; the other split stays as it is.

    Classes keep their order by size (of equals, by id); one without any image stays empty and out of account. Images
    are drawn for the rarest class first, those of fewer classes before others, at random by ``seed``. A class may end
    short of its size where each further image would make another exceed its own; that is warned of. `InputError`
    where a class has too few images for its size.
    """
    training = [example for example in data.examples if example.split == "train"]
    counts = Counter(class_id for example in training for class_id in example.class_ids)
    ranked = sorted(counts, key=lambda class_id: (-counts[class_id], class_id))
    names = {one.class_id: one.name for one in data.classes}
    sizes = dict(zip(ranked, pareto_sizes(len(ranked), shape, max_size, min_size), strict=True))
    _check_fit(sizes, counts, names, shape, max_size, min_size)
    chosen = _choose(training, sizes, np.random.default_rng([seed, STREAM]))
    kept = tuple(example for example in data.examples if example.split != "train" or example.image_id in chosen)
    found = Counter(class_id for example in kept if example.split == "train" for class_id in example.class_ids)
    short = [f"{names[one]} {found[one]} of {size}" for one, size in sizes.items() if found[one] < size]
    warnings = (f"the long tail is short of images that show no class in excess: {', '.join(short)}",) if short else ()
    return Resampled(
        replace(data, examples=kept, warnings=(*data.warnings, *warnings)),
        {names[one]: counts[one] for one in ranked},
        {names[one]: size for one, size in sizes.items()},
    )


def _choose(examples: Sequence[Example], sizes: Mapping[int, int], rng: np.random.Generator) -> set[int]:
    """The ids of images by which no class exceeds its size."""
    shuffled = [examples[place] for place in rng.permutation(len(examples))]
    by_class: dict[int, list[Example]] = {class_id: [] for class_id in sizes}
    for example in sorted(shuffled, key=lambda example: len(example.class_ids)):
        for class_id in example.class_ids:
            by_class[class_id].append(example)
    chosen: set[int] = set()
    found: Counter[int] = Counter()
    for class_id in reversed(sizes):
        for example in by_class[class_id]:
            if example.image_id not in chosen and all(found[one] < sizes[one] for one in example.class_ids):
                chosen.add(example.image_id)
                found.update(example.class_ids)
    return chosen


def _check_fit(
    sizes: Mapping[int, int],
    counts: Mapping[int, int],
    names: Mapping[int, str],
    shape: float,
    max_size: int,
    min_size: int,
) -> None:
    """Raise `InputError` where a class has fewer images than its size; it says which sizes would fit."""
    scarce = next((one for one, size in sizes.items() if size > counts[one]), None)
    if scarce is None:
        return

    def fits(largest: int) -> bool:
        return _fits(pareto_sizes(len(sizes), shape, largest, min_size), counts.values())

    highest = min(max_size - 1, max(counts.values()))
    best = next((largest for largest in range(highest, min_size - 1, -1) if fits(largest)), None)
    remedy = f"max_size to {best} or less" if best else f"min_size to {min(counts.values())} or less, and max_size"
    raise InputError(
        f"prepare.long_tail.max_size is {max_size}, by which {names[scarce]} would show in {sizes[scarce]} training "
        f"images, but the data set has {counts[scarce]}; lower {remedy}"
    )


def _fits(sizes: Iterable[int], counts: Iterable[int]) -> bool:
    return all(size <= count for size, count in zip(sizes, sorted(counts, reverse=True), strict=True))
