"""Void: which boxes lie in it, by hand and by counting pixels, and that they teach nothing."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from empaste.detectors.void import pass_over_void, void_of, void_shares

HALF = torch.zeros(8, 10, dtype=torch.uint8)
HALF[:, 5:] = 1


def test_shares_by_hand() -> None:
    boxes = torch.tensor([[0.0, 0, 5, 8], [5, 0, 10, 8], [0, 0, 10, 8], [4, 2, 8, 4], [3, 3, 3, 6], [20, 20, 30, 30]])
    assert void_shares(boxes, HALF).tolist() == [0, 1, 0.5, 0.75, 0, 0]


def test_the_part_outside_the_image_does_not_count() -> None:
    assert void_shares(torch.tensor([[4.0, -90, 900, 90], [-90, -90, 900, 900]]), HALF).tolist() == pytest.approx(
        [5 / 6, 0.5]
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shares_are_those_of_the_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 30, 2).tolist()
    void = rng.integers(0, 2, (height, width)).astype(np.uint8)
    corners = np.sort(rng.integers(-5, 36, (6, 2, 2)), axis=1)
    boxes = corners.reshape(6, 4)
    found = void_shares(torch.from_numpy(boxes).float(), torch.from_numpy(void))
    for (left, top, right, bottom), share in zip(boxes.tolist(), found.tolist(), strict=True):
        seen = void[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
        assert share == pytest.approx(seen.mean() if seen.size else 0, abs=1e-6)


def test_background_in_void_is_passed_over_and_nothing_else() -> None:
    boxes = torch.tensor([[0.0, 0, 5, 8], [5, 0, 10, 8], [5, 0, 10, 8], [5, 0, 10, 8], [0, 0, 10, 8]])
    labels = torch.tensor([0, 0, 2, -1, 0])
    given = [labels, labels.float()]
    first, second = pass_over_void(given, [boxes, boxes], [HALF, None])
    assert first.tolist() == [0, -1, 2, -1, 0]
    assert second is given[1]
    assert labels.tolist() == [0, 0, 2, -1, 0]


def test_a_target_without_void_pixels_has_none() -> None:
    targets: list[dict[str, Tensor]] = [{"void": HALF}, {}]
    assert void_of(targets) == [HALF, None]
