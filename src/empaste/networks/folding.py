"""Batch normalisations of a trained network, made part of the convolutions before them.

In evaluation a normalisation multiplies and shifts every channel by constants, which a convolution can do itself: a
pass over the maps less for each, and on a CPU maps take longer to read and to write than to compute.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

TOLERANCE = 1e-4
"""How far answers may lie apart, as a share of the largest one: what rounding explains."""

Answer = Callable[[nn.Module, Float[Tensor, "1 3 side side"]], Sequence[Tensor]]
"""Runs all of a network on an input."""
Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def fold_norms(network: Network, side: int, answer: Answer) -> Network:
    """A copy of ``network``, which is in evaluation mode, with the normalisations folded that follow a convolution.

    ``answer`` is asked about noise of ``side`` pixels. ``network`` itself comes back where there is nothing to fold, or
    where the copy would answer otherwise: something else reads a convolution, too, that a normalisation follows.
    """
    if not any(_has_constants(module) for module in network.modules()):
        return network
    noise = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    inputs = noise.to(next(network.parameters()).device)
    folded = deepcopy(network)
    with _followed(folded) as pairs:
        before = answer(folded, inputs)
    if not pairs:
        return network
    names = {module: name for name, module in folded.named_modules()}
    for convolution, norm in pairs:
        _fold(convolution, norm)
        folded.set_submodule(names[norm], _rest_of(norm))
    return folded if _agree(before, answer(folded, inputs)) else network


@contextmanager
def _followed(network: nn.Module) -> Iterator[list[tuple[nn.Conv2d, nn.Module]]]:
    """Every convolution whose output a normalisation takes, with that one, filled in as the network runs."""
    pairs: list[tuple[nn.Conv2d, nn.Module]] = []
    outputs: list[tuple[nn.Conv2d, Tensor]] = []  # held, so that no other tensor takes the place of one

    def keep(module: nn.Conv2d, _inputs: Any, output: Tensor) -> None:
        outputs.append((module, output))

    def look(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        pairs.extend((convolution, norm) for convolution, output in outputs if output is inputs[0])

    hooks = [one.register_forward_hook(keep) for one in network.modules() if isinstance(one, nn.Conv2d)]
    hooks += [one.register_forward_pre_hook(look) for one in network.modules() if _has_constants(one)]
    try:
        yield pairs
    finally:
        for hook in hooks:
            hook.remove()


def _has_constants(module: nn.Module) -> bool:
    """Whether it normalises by constants: a batch normalisation, torch's, or a frozen one, torchvision's or timm's."""
    return isinstance(getattr(module, "running_mean", None), Tensor)


def _fold(convolution: nn.Conv2d, norm: Any) -> None:
    """The convolution gives what ``norm`` made of its output."""
    constants = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    convolution.weight, convolution.bias = fuse_conv_bn_weights(convolution.weight, convolution.bias, *constants)


def _rest_of(norm: nn.Module) -> nn.Module:
    """What is left of a normalisation that is folded: of timm's the activation, of others nothing."""
    act = getattr(norm, "act", None)
    return act if isinstance(act, nn.Module) else nn.Identity()


def _agree(before: Sequence[Tensor], after: Sequence[Tensor]) -> bool:
    """Whether two answers are the same but for rounding."""
    return all(
        bool((one - other).abs().max() <= TOLERANCE * one.abs().max()) for one, other in zip(before, after, strict=True)
    )
