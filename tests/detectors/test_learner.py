"""How the average follows, what decays, and which rates parameters have."""

import pytest
import torch
from torch import nn

from empaste.detectors import learner


def test_the_average_by_hand() -> None:
    move = learner._move_average(0.5)
    averages, counts = [torch.tensor([0.0])], [torch.tensor([0])]
    for num, (value, expected) in enumerate([(1.0, 0.9), (3.0, 0.9 + (3 - 0.9) * 9 / 11)]):
        move(averages, [torch.tensor([value])], num)
        assert averages[0].item() == pytest.approx(expected)
    move(averages, [torch.tensor([0.0])], 1000)
    assert averages[0].item() == pytest.approx(expected / 2)
    move(counts, [torch.tensor([7])], 1000)
    assert counts[0].item() == 7


def test_norms_and_biases_do_not_decay() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Linear(4, 2))
    assert {name for name, one in module.named_parameters() if learner._decays(one)} == {"0.weight", "2.weight"}


def test_the_backbone_alone_has_a_rate_of_its_own() -> None:
    """Its pyramid is new, and so learns as fast as the heads."""
    module = nn.ModuleDict(
        {"backbone": nn.ModuleDict({"body": nn.Linear(2, 2), "fpn": nn.Linear(2, 2)}), "rpn": nn.Linear(2, 2)}
    )
    assert {name for name, _ in module.named_parameters() if learner._in_backbone(name)} == {
        "backbone.body.weight",
        "backbone.body.bias",
    }
