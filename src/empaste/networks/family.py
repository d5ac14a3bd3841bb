"""What a family of networks tells of its own: how a network is taken apart into maps, ``phi`` and logits."""

from collections.abc import Callable
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor


class Maps(NamedTuple):
    """What the last stage of a network leaves: maps over the grid, and what the head reads beside them.

    A ViT's grid holds its patches' tokens as the last block's attention reads them (after its first norm); ``beside``
    is its class token before and after that norm; of timm's ViTs all tokens before it, and those after it that stand
    for no patch. The other networks have nothing beside their maps.
    """

    grid: Float[Tensor, "n d gh gw"]
    beside: Float[Tensor, "n k d"] | None = None

    def rows(self, index: Tensor) -> "Maps":
        """The maps of the rows ``index``."""
        return Maps(self.grid[index], None if self.beside is None else self.beside[index])


class Family(NamedTuple):
    """How the networks of one kind are taken apart.

    ``reads_phi`` is the linear layer that takes ``phi``, ``head`` the one that gives the logits; ``layers`` names the
    modules, from input to output, whose output is a map or tokens. ``prefix`` stands before the names that published
    weights give the tensors.
    """

    maps: Callable[[Any, Tensor], Maps]
    classify: Callable[[Any, Maps], tuple[Tensor, Tensor]]
    reads_phi: str
    head: str
    layers: Callable[[Any], list[str]]
    prefix: str = ""
