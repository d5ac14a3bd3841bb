"""A network ready to be trained: on its device, with its optimiser, and with a moving average of its weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from empaste.detectors.distributed import Group
from empaste.detectors.settings import TrainSettings
from empaste.networks.rates import rate_groups

MOMENTUM = 0.9
"""Of SGD."""


class Learner(NamedTuple):
    """The network, what is called to train it (the same, or spread over processes), and what moves with it."""

    module: nn.Module
    call: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    average: AveragedModel | None


def make_learner(module: nn.Module, settings: TrainSettings, group: Group) -> Learner:
    """``module`` on this process's device, ready for its first step."""
    if group.size > 1 and group.device.type == "cuda":
        module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # frozen norms stay as they are
    module = module.to(group.device).to(memory_format=torch.channels_last)  # a tenth faster, on a CPU too
    average = None
    if settings.ema:
        average = AveragedModel(module, multi_avg_fn=_move_average(settings.ema), use_buffers=True)
    groups = rate_groups(module, _in_backbone, settings.backbone_rate, settings.weight_decay, _decays)
    optimizer = OPTIMIZERS[settings.optimizer](groups)
    if settings.compile:
        backbone = module.backbone
        assert isinstance(backbone, nn.Module)
        backbone.compile()  # views are all of one size; what follows is not
    call = DistributedDataParallel(module) if group.size > 1 else module
    scaler = torch.amp.GradScaler(group.device.type, enabled=settings.precision == "float16")
    return Learner(module, call, optimizer, scaler, average)


def _in_backbone(name: str) -> bool:
    """Whether a parameter is of the backbone; its pyramid is new, and so learns as fast as the heads."""
    return name.startswith("backbone.") and not name.startswith("backbone.fpn.")


def _decays(parameter: nn.Parameter) -> bool:
    """Whether weight decay pulls at ``parameter``: not at the weights of norms, and at no bias."""
    return parameter.ndim > 1


def _sgd(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=0.0, momentum=MOMENTUM)


def _adamw(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    return torch.optim.AdamW(groups, lr=0.0)


OPTIMIZERS: dict[str, Callable[[list[dict[str, Any]]], torch.optim.Optimizer]] = {"sgd": _sgd, "adamw": _adamw}


def _move_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """How an average follows its values: by 1 − ``decay``, and faster in the first steps, when it is worth little."""

    @torch.no_grad()
    def move(averages: list[Tensor], values: list[Tensor], num_averaged: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(num_averaged)) / (10 + int(num_averaged)))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, values, share)
        else:  # counts
            torch._foreach_copy_(averages, values)

    return move
