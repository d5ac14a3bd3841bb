"""Corrected labels on images in memory."""

import pytest

from empaste.artifacts.label_decisions import Change, LabelDecision
from empaste.datasets.label_changes import relabel
from empaste.datasets.preparing import Prepared
from empaste.datasets.records import ClassName, DataSet, Example, Picture

CLASSES = (ClassName(1, "ball", "toy"), ClassName(2, "fish", "animal"), ClassName(3, "cup", "thing"))


def load(_example: Example, _max_side: int) -> Picture:
    raise AssertionError("nothing is decoded")


def prepared(name: str, *class_ids: int) -> Prepared:
    return Prepared(Example(1, "train", name, class_ids), 4, 4, class_ids)


IMAGES = [prepared("train/a.jpg", 1, 3), prepared("val/b.jpg", 2)]


def relabelled(*decisions: tuple[str, str, Change]) -> tuple[list[tuple[int, ...]], dict[str, int], list[str]]:
    found = relabel(DataSet(CLASSES, (), load), IMAGES, [LabelDecision(*one) for one in decisions])
    return [row.class_ids for row in found.prepared], found.counts, found.warnings


def test_labels_are_added_in_order_and_removed() -> None:
    labels, counts, warnings = relabelled(
        ("train/a.jpg", "fish", "added"), ("train/a.jpg", "ball", "removed"), ("val/b.jpg", "fish", "removed")
    )
    assert labels == [(2, 3), ()]
    assert counts == {"added": 1, "removed": 2, "without_effect": 0}
    assert warnings == []


def test_nothing_decided_leaves_every_image_as_it_is() -> None:
    assert relabel(DataSet(CLASSES, (), load), IMAGES, []).prepared == IMAGES


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (("train/z.jpg", "fish", "added"), "the data set has no such image: fish in train/z.jpg"),
        (("train/a.jpg", "dog", "added"), "the data set has no such class: dog in train/a.jpg"),
        (("train/a.jpg", "ball", "added"), "the label is as corrected already: ball in train/a.jpg"),
        (("train/a.jpg", "fish", "removed"), "the label is as corrected already: fish in train/a.jpg"),
    ],
)
def test_what_has_no_effect_is_counted_and_said(decision: tuple[str, str, Change], said: str) -> None:
    labels, counts, warnings = relabelled(decision)
    assert labels == [(1, 3), (2,)]
    assert counts == {"added": 0, "removed": 0, "without_effect": 1}
    assert warnings == [f"1 corrections of labels have no effect, since {said}"]
