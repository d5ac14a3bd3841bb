"""Which parameters share a rate, and which decay."""

from collections.abc import Iterable

import torch
from torch import nn

from empaste.networks.rates import rate_groups, set_rate


def test_the_backbone_has_a_rate_of_its_own_and_what_is_frozen_has_none() -> None:
    network = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2), "frozen": nn.Linear(2, 2)})
    network["frozen"].requires_grad_(requires_grad=False)
    groups = rate_groups(network, lambda name: name.startswith("backbone."), 0.2, 0.3)
    assert [(group["factor"], group["weight_decay"]) for group in groups] == [(0.2, 0.3), (1.0, 0.3)]
    assert [ids(group["params"]) for group in groups] == [
        ids(network[name].parameters()) for name in ("backbone", "head")
    ]


def test_what_does_not_decay_is_apart() -> None:
    convolution, last = nn.Conv2d(3, 4, 1), nn.Linear(4, 2)
    network = nn.Sequential(convolution, nn.BatchNorm2d(4), last)
    decaying, kept = rate_groups(network, lambda _: False, 0.2, 0.3, lambda parameter: parameter.ndim > 1)
    assert (decaying["weight_decay"], kept["weight_decay"]) == (0.3, 0.0)
    assert ids(decaying["params"]) == ids([convolution.weight, last.weight])
    assert len(kept["params"]) == 4


def test_rates_are_set_by_the_factors() -> None:
    network = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 2)})
    optimiser = torch.optim.SGD(rate_groups(network, lambda name: name.startswith("backbone."), 0.25, 0.0), lr=0.0)
    set_rate(optimiser, 0.5)
    assert [group["lr"] for group in optimiser.param_groups] == [0.125, 0.5]


def ids(parameters: Iterable[torch.Tensor]) -> list[int]:
    return [id(one) for one in parameters]
