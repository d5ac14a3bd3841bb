"""What was taken for what: one pair per instance and per detection that found none."""

from typing import Literal

import pytest

from empaste.evaluation.mistakes import NOTHING, image_quality, match_instances
from tests.evaluation.scenes import block, found, truth

OBJECT, OTHER = block(10, 10, 20, 20), block(60, 10, 20, 20)


def test_right_wrong_missed_and_made_up() -> None:
    ground_truth = truth((1, 2, OBJECT), (1, 2, OTHER), (2, 5, OBJECT))
    detections = [found(1, 2, OBJECT, 0.9), found(1, 5, OTHER, 0.8), found(2, 2, OTHER, 0.7)]
    pairs = match_instances(ground_truth, detections)
    assert pairs == [(1, "cat", "cat"), (1, "cat", "dog"), (2, NOTHING, "cat"), (2, "dog", NOTHING)]
    assert image_quality(pairs, ground_truth) == {1: 0.5, 2: 0.0}


def test_no_class_is_called_what_stands_for_nothing() -> None:
    ground_truth = truth((1, 2, OBJECT))
    ground_truth["categories"] = [{"id": 2, "name": "nothing"}, {"id": 5, "name": "None"}]
    assert match_instances(ground_truth, [found(1, 5, OBJECT, 0.9)]) == [(1, "nothing", "None")]
    assert match_instances(ground_truth, []) == [(1, "nothing", "")]


def test_the_best_overlap_wins_whatever_the_score() -> None:
    detections = [found(1, 5, block(10, 10, 20, 16), 0.99), found(1, 2, OBJECT, 0.6)]
    assert match_instances(truth((1, 2, OBJECT)), detections) == [(1, NOTHING, "dog"), (1, "cat", "cat")]


def test_what_a_person_would_not_be_shown_is_left_out() -> None:
    assert match_instances(truth((1, 2, OBJECT)), [found(1, 2, OBJECT, 0.49)]) == [(1, "cat", NOTHING)]


def test_too_little_overlap_is_no_match() -> None:
    pairs = match_instances(truth((1, 2, OBJECT)), [found(1, 2, block(10, 10, 20, 9), 0.9)])
    assert pairs == [(1, NOTHING, "cat"), (1, "cat", NOTHING)]


@pytest.mark.parametrize("key", ["iscrowd", "box_only"])
def test_a_region_without_known_masks_takes_any_number_and_counts_for_nothing(
    key: Literal["iscrowd", "box_only"],
) -> None:
    ground_truth = truth((1, 2, OBJECT))
    ground_truth["annotations"][0][key] = 1
    pairs = match_instances(ground_truth, [found(1, 2, OBJECT, 0.9), found(1, 2, block(10, 10, 20, 18), 0.8)])
    assert pairs == []
    assert image_quality(pairs, ground_truth) == {1: 1.0, 2: 1.0}
