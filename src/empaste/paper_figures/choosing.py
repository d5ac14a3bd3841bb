"""Which images and classes a figure shows: those that are asked for, else a spread over the classes."""

import difflib
from collections.abc import Sequence
from typing import TypeVar

import pandas as pd

from empaste.artifacts.fields import listed
from empaste.errors import InputError
from empaste.paper_figures.figure import Wish
from empaste.report.inputs import Label, Run, evenly_spaced

One = TypeVar("One")


def classes_to_show(run: Run, wish: Wish) -> list[int]:
    """The ids of the classes that are asked for, in that order, else of all; `InputError` where there is none such."""
    ids = {name: class_id for class_id, name in run.class_names.items()}
    for name in wish.class_names:
        if name not in ids:
            near = difflib.get_close_matches(name, ids, 1)
            meant = f"did you mean {near[0]}?" if near else f"choose from {listed(list(ids), 40)}"
            raise InputError(f"--class is {name!r}, but the data set has no such class; {meant}")
    return [ids[name] for name in dict.fromkeys(wish.class_names)] or list(ids.values())


def labels_to_show(run: Run, wish: Wish) -> pd.DataFrame:
    """Rows of `schemas.prepare.Labels`: training images', of the classes and images that are asked for, where any are.

    `InputError` where an image is no training image, or where none is left.
    """
    training = run.ids_of("train")
    unknown = sorted(set(wish.image_ids) - set(training))
    if unknown:
        there = f"choose from {listed(training, 8)}" if training else "there is none"
        raise InputError(f"--image is {unknown[0]}, which is no training image of {run.files.images}; {there}")
    rows = run.labels[run.labels["class_id"].isin(classes_to_show(run, wish))]
    rows = rows[rows["image_id"].isin(wish.image_ids or training)]
    if rows.empty:
        what = " and ".join(
            [f"--image {image_id}" for image_id in wish.image_ids] + [f"--class {name!r}" for name in wish.class_names]
        )
        trouble = f"no training image with a label fits {what}" if what else "no training image has a label"
        raise InputError(f"{trouble}; {run.files.labels} says which image shows what")
    return rows


def spread(groups: Sequence[Sequence[One]], num: int) -> list[One]:
    """``num`` members of ``groups``, fewer where there are no more: from group to group in turn, within each evenly.

    A group of which one member is shown gives its middle one.
    """
    counts = [0] * len(groups)
    left = min(num, sum(map(len, groups)))
    while left:
        for number, group in enumerate(groups):
            if left and counts[number] < len(group):
                counts[number] += 1
                left -= 1
    return [one for group, count in zip(groups, counts, strict=True) for one in middles(group, count)]


def middles(group: Sequence[One], num: int) -> list[One]:
    """The middle members of ``num`` equal parts of ``group``; all where there are no more."""
    num = min(num, len(group))
    return [group[(2 * part + 1) * len(group) // (2 * num)] for part in range(num)]


def spread_labels(labels: Sequence[Label], interesting: set[Label], num: int) -> list[Label]:
    """``num`` of ``labels`` (image, class), spread over the classes; every other class with an interesting one first.

    So a reader sees both what is interesting and what is not.
    """
    class_ids = evenly_spaced(sorted({class_id for _, class_id in labels}), num)
    first: list[list[Label]] = []
    second: list[list[Label]] = []
    for place, class_id in enumerate(class_ids):
        own = [label for label in labels if label[1] == class_id]
        halves = [one for one in own if one in interesting], [one for one in own if one not in interesting]
        first.append(halves[place % 2] or halves[1 - place % 2])
        second.append([one for one in own if one not in first[-1]])
    return spread([*first, *second], num)
