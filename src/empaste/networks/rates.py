"""Learning rates of the parts of a network: what was learned before moves less than what is new."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def rate_groups(
    network: nn.Module,
    in_backbone: Callable[[str], bool],
    backbone_rate: float,
    weight_decay: float,
    decays: Callable[[nn.Parameter], bool] = lambda parameter: True,
) -> list[dict[str, Any]]:
    """The trained parameters of ``network`` as groups for an optimiser, in the order in which they come.

    A group's ``factor`` on the rate is ``backbone_rate`` for what ``in_backbone`` says by name, 1 for the others. Its
    ``weight_decay`` is 0 for what does not decay.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((in_backbone(name), decays(parameter)), []).append(parameter)
    return [
        {
            "params": members,
            "factor": backbone_rate if learned_before else 1.0,
            "weight_decay": weight_decay if decaying else 0.0,
        }
        for (learned_before, decaying), members in groups.items()
    ]


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """The groups of ``optimiser``, made by `rate_groups`, take their next step at ``rate`` times their factors."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["factor"]
