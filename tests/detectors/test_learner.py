"""How the average follows, what decays, and which rates parameters have."""

import pytest
import torch
from torch import nn

from empaste.detectors import learner
from empaste.detectors.distributed import Group
from tests.detectors.tiny_settings import tiny_settings


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
    decays = of_each("weight_decay", module, weight_decay=0.3)
    assert decays == {name: 0.3 if name in {"0.weight", "2.weight"} else 0 for name in decays}
    assert len(decays) == 6


def test_the_backbone_alone_has_a_rate_of_its_own() -> None:
    """Its pyramid is new, and so learns as fast as the heads."""
    module = nn.ModuleDict(
        {"backbone": nn.ModuleDict({"body": nn.Linear(2, 2), "fpn": nn.Linear(2, 2)}), "rpn": nn.Linear(2, 2)}
    )
    factors = of_each("factor", module, backbone_rate=0.2)
    assert {name: factor for name, factor in factors.items() if name.endswith("weight")} == {
        "backbone.body.weight": 0.2,
        "backbone.fpn.weight": 1.0,
        "rpn.weight": 1.0,
    }


def of_each(key: str, module: nn.Module, **changes: float) -> dict[str, float]:
    """What the learner's optimiser has under ``key`` for each parameter."""
    made = learner.make_learner(module, tiny_settings(**changes), Group(0, 1, torch.device("cpu")))
    values = {id(one): group[key] for group in made.optimizer.param_groups for one in group["params"]}
    return {name: values[id(one)] for name, one in module.named_parameters()}
