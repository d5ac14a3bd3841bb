"""How sure a choice is."""

import numpy as np
import pytest

from empaste.foregrounds.confidence import confidences

IMAGE = np.array([0, 0, 0, 1])


def alone(chosen: np.ndarray) -> list[np.ndarray]:
    return [np.array([at]) for at in chosen]


def test_share_of_the_images_probability() -> None:
    costs = np.log([1, 2, 4, 5.0])
    assert confidences(costs, IMAGE, np.array([0, 3]), alone) == pytest.approx([4 / 7, 1])


def test_segments_of_the_same_object_count_too() -> None:
    assert confidences(np.zeros(4), IMAGE, np.array([1]), lambda _chosen: [np.array([0, 1])]) == pytest.approx([2 / 3])


def test_what_is_not_eligible_takes_no_share() -> None:
    costs = np.array([0, 0, np.inf, 7.0])
    assert confidences(costs, IMAGE, np.array([0, 2]), alone).tolist() == [0.5, 0]


def test_large_costs_do_not_overflow() -> None:
    assert confidences(np.array([-1e5, 0, 1e5, 3e5]), IMAGE, np.array([0, 3]), alone).tolist() == [1, 1]


def test_nothing_chosen() -> None:
    assert confidences(np.zeros(0), np.zeros(0, int), np.zeros(0, int), alone).tolist() == []
