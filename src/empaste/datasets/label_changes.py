"""Image-level labels as a person corrected them, in place of those that the data set came with."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from empaste.artifacts.label_decisions import LabelDecision
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.preparing import Prepared
from empaste.datasets.records import DataSet


class Relabelled(NamedTuple):
    """Images with the corrected labels; how many were ``added`` and ``removed``; what had no effect, and why."""

    prepared: list[Prepared]
    counts: dict[str, int]
    warnings: list[str]


def relabel(data: DataSet, prepared: Sequence[Prepared], decisions: Iterable[LabelDecision]) -> Relabelled:
    """The labels of ``prepared`` with ``decisions`` applied; images stay in their split.

    A decision has no effect where there is no such image or class, and where the label is as decided already.
    """
    class_ids = {one.name: one.class_id for one in data.classes}
    labels = {row.example.file_name: set(row.class_ids) for row in prepared}
    counts, remarks = {"added": 0, "removed": 0}, []
    for one in decisions:
        trouble = _trouble(one, labels, class_ids)
        if trouble:
            remarks.append(Remark(f"corrections of labels have no effect, since {trouble}", _called(one)))
            continue
        counts[one.change] += 1
        labels[one.image] ^= {class_ids[one.class_name]}
    changed = [_with_labels(row, labels[row.example.file_name]) for row in prepared]
    return Relabelled(changed, counts | {"without_effect": len(remarks)}, summarise(remarks))


def _trouble(one: LabelDecision, labels: dict[str, set[int]], class_ids: dict[str, int]) -> str | None:
    """Why a decision has no effect; None where it has one."""
    if one.image not in labels:
        return "the data set has no such image"
    if one.class_name not in class_ids:
        return "the data set has no such class"
    if (class_ids[one.class_name] in labels[one.image]) == (one.change == "added"):
        return "the label is as corrected already"
    return None


def _called(one: LabelDecision) -> str:
    return f"{one.class_name} in {one.image}"


def _with_labels(row: Prepared, class_ids: set[int]) -> Prepared:
    """``row`` with these labels, in order of their ids; as it is where they are its own."""
    return row if class_ids == set(row.class_ids) else replace(row, class_ids=tuple(sorted(class_ids)))
