"""A network taken apart: its maps, ``phi``, its logits, and vectors of the layers in between."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from jaxtyping import Float
from torch import Tensor, nn

from empaste.errors import InputError
from empaste.networks.architectures import family_of
from empaste.networks.family import Maps
from empaste.networks.timm_networks import TimmNetwork, patch_side

LAST = "last"
"""The layer that gives ``phi``."""


def num_features(network: nn.Module) -> int:
    """The length of ``phi``."""
    reader = network.get_submodule(family_of(network).reads_phi)
    assert isinstance(reader, nn.Linear)
    return reader.in_features


def feature_maps(network: nn.Module, inputs: Float[Tensor, "n 3 h w"]) -> Maps:
    """The output of the last convolutional stage of ``network``; of a ViT, which takes any multiple of its patch
    size, the tokens that its last block reads.
    """
    return family_of(network).maps(network, inputs)


def classify_maps(network: nn.Module, maps: Maps) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d"]]:
    """Logits and ``phi`` of the maps that `feature_maps` gave: these maps pooled to a vector, or a ViT's class token,
    after the norm that the network applies to it.
    """
    return family_of(network).classify(network, maps)


def layer_vectors(
    network: nn.Module, inputs: Float[Tensor, "n 3 h w"], layers: Sequence[str]
) -> tuple[Float[Tensor, "n c"], list[Float[Tensor, "n _"]]]:
    """The logits, and one vector per input of every one of ``layers``, in one pass.

    `LAST` gives ``phi``; of any other layer maps are averaged over the grid, of tokens the class token is taken.
    `InputError` for a layer that the network does not have; it lists those there are.
    """
    known = family_of(network).layers(network)
    for layer in layers:
        if layer not in (LAST, *known):
            raise InputError(f"layer {layer!r} is none of the network's; choose from {', '.join((LAST, *known))}")
    with _outputs_of(network, [layer for layer in layers if layer != LAST]) as outputs:
        logits, phi = classify_maps(network, feature_maps(network, inputs))
    pooled = {layer: out.mean((2, 3)) if out.ndim == 4 else out[:, 0] for layer, out in outputs.items()}
    return logits, [pooled.get(layer, phi) for layer in layers]


@contextmanager
def _outputs_of(network: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """What the modules ``layers`` last put out, filled in as the network runs."""
    outputs: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: object, output: Tensor, layer: str) -> None:
        outputs[layer] = output

    hooks = [network.get_submodule(layer).register_forward_hook(partial(keep, layer=layer)) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def input_step(network: nn.Module) -> int:
    """The side of an input is a multiple of so many pixels: a ViT's patch, else one."""
    return patch_side(network) if isinstance(network, TimmNetwork) else getattr(network, "patch_size", 1)
