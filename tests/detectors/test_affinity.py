"""The affinity of colours: its loss by hand, and that it changes nothing else."""

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from empaste.detectors.affinity import AffinityHeads, add_affinity, affinity_loss, lab_colours
from empaste.detectors.backend import Network
from empaste.detectors.detectron2 import refuse_affinity
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.errors import InputError
from tests.detectors.tiny_settings import fit_tiny

SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
SURE = 20.0
"""A logit of which the probability is one."""


def halves(left: float, right: float, side: int = 4) -> Tensor:
    """``left`` and ``right`` in the halves of one map."""
    values = torch.full((1, side, side), float(left))
    values[..., side // 2 :] = right
    return values


def colours(left: float, right: float) -> Tensor:
    return torch.stack([halves(left, right), torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)], 1)


class TestLoss:
    def test_one_label_in_one_colour_costs_nothing(self) -> None:
        for logit in (SURE, -SURE):
            assert affinity_loss(torch.full((2, 4, 4), logit), torch.zeros(2, 3, 4, 4)).item() == pytest.approx(
                0, abs=1e-6
            )

    def test_no_decision_costs_the_logarithm_of_two(self) -> None:
        assert affinity_loss(torch.zeros(1, 4, 4), torch.zeros(1, 3, 4, 4)).item() == pytest.approx(math.log(2))

    def test_an_edge_of_the_mask_is_free_where_the_colour_has_one(self) -> None:
        mask = halves(SURE, -SURE)
        assert affinity_loss(mask, colours(20, 60)).item() == pytest.approx(0, abs=1e-6)
        # 4 + 3 + 3 of the 12 + 12 + 9 + 9 pairs cross the middle, and each costs a logit less log 2.
        assert affinity_loss(mask, colours(20, 20)).item() == pytest.approx((SURE - math.log(2)) * 10 / 42)

    def test_colours_are_alike_up_to_the_threshold(self) -> None:
        limit = -2 * math.log(0.3)
        mask = halves(SURE, -SURE)
        assert affinity_loss(mask, colours(0, limit - 0.01)).item() > 1
        assert affinity_loss(mask, colours(0, limit + 0.01)).item() == pytest.approx(0, abs=1e-6)

    def test_without_alike_neighbours_or_regions_it_is_zero_and_has_a_gradient(self) -> None:
        checks = torch.arange(16.0).reshape(1, 1, 4, 4).expand(1, 3, 4, 4) * 50
        for logits, of in ((torch.ones(1, 4, 4), checks), (torch.ones(0, 4, 4), torch.zeros(0, 3, 4, 4))):
            logits.requires_grad_()
            loss = affinity_loss(logits, of)
            torch.autograd.backward(loss)
            assert loss.item() == 0
            assert logits.grad is not None
            assert not logits.grad.any()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=8))
def test_colours_are_those_of_opencv(pixels: list[tuple[int, int, int]]) -> None:
    image = np.array([pixels], np.uint8)
    expected = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    found = lab_colours(torch.from_numpy(image).permute(2, 0, 1)[None])
    assert found[0].permute(1, 2, 0).numpy() == pytest.approx(expected, abs=0.6)


def batch() -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Two images with a bright square each; the second one's is not annotated."""
    images = torch.full((2, 3, 64, 64), 30, dtype=torch.uint8)
    images[:, :, 16:48, 16:48] = 200
    masks = torch.zeros(1, 64, 64, dtype=torch.uint8)
    masks[:, 16:48, 16:48] = 1
    one = {"boxes": torch.tensor([[16.0, 16, 48, 48]]), "labels": torch.tensor([1]), "masks": masks}
    none = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.long), "masks": masks[:0]}
    return list(images), [one, none]


def losses_of(weight: float | None, parts: slice = slice(None)) -> dict[str, float]:
    torch.manual_seed(0)
    model = build_mask_rcnn(SLIM, 2, None)
    if weight is not None:
        add_affinity(model, weight)
    torch.manual_seed(1)
    images, targets = batch()
    return {name: loss.item() for name, loss in model(images[parts], targets[parts]).items()}


def test_it_is_one_loss_more_and_the_others_stay_as_they_are() -> None:
    without, with_it, twice = losses_of(None), losses_of(1.0), losses_of(2.0)
    assert with_it.keys() - without.keys() == {"loss_affinity"}
    assert {name: with_it[name] for name in without} == without
    assert twice["loss_affinity"] == pytest.approx(2 * with_it["loss_affinity"])
    assert with_it["loss_affinity"] > 0


def test_a_batch_without_an_instance_has_none_of_it() -> None:
    assert losses_of(1.0, slice(1, 2))["loss_affinity"] == 0


def test_names_and_detections_stay_as_they_are() -> None:
    torch.manual_seed(0)
    model = build_mask_rcnn(SLIM, 2, None)
    names = list(model.state_dict())
    found: list[Any] = []
    for _ in range(2):
        with torch.inference_mode():
            found.append(model.eval()(batch()[0]))
        if not isinstance(model.roi_heads, AffinityHeads):
            add_affinity(model, 1.0)
    assert list(model.state_dict()) == names
    assert all(torch.equal(one[key], other[key]) for one, other in zip(*found, strict=True) for key in one)


def test_a_training_says_what_it_costs(composites: Path, tmp_path: Path) -> None:
    curve = fit_tiny("torchvision", composites, tmp_path, affinity=0.5, iterations=2, batch_size=2)
    assert all(step["loss_affinity"] > 0 for step in curve)


def test_detectron2_refuses_it() -> None:
    with pytest.raises(InputError, match=r"train\.affinity is 0\.5, which train\.backend torchvision alone has; set"):
        refuse_affinity(torch.nn.Identity(), 0.5)
