"""How many inputs really go through networks, while a stage runs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from empaste.artifacts import classifier
from empaste.costs.cost import Passes
from empaste.refinement import inference

Seen = Counter[tuple[str, int]]
"""What is done, and the longest side of the input in pixels -> inputs."""
PARTS = {"UNet2DConditionModel": "denoise", "Decoder": "decode", "BlipTextLMPredictionHead": "word"}
"""Parts of generative models, by their class, that see every input once."""


@contextmanager
def counted_passes() -> Iterator[Seen]:
    """What goes through any network within the block.

    A network that looks at images has one convolution of three channels, its first. Blank inputs, by which a feature
    pyramid learns its strides, and shapes without numbers do not count. Norms are not folded in it, for which a network
    would see noise.
    """
    seen: Seen = Counter()

    def note(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if not inputs or not hasattr(inputs[0], "shape") or inputs[0].is_meta:
            return
        if isinstance(module, nn.Conv2d) and module.in_channels == 3 and inputs[0].any():
            seen["training" if module.training else "forward", max(inputs[0].shape[2:])] += len(inputs[0])
        elif type(module).__name__ in PARTS:
            seen[PARTS[type(module).__name__], 0] += len(inputs[0])

    def leave(network: nn.Module, *_: Any) -> nn.Module:
        return network

    handle = register_module_forward_pre_hook(note)
    try:
        with patch.object(classifier, "fold_norms", leave), patch.object(inference, "fold_norms", leave):
            yield seen
    finally:
        handle.remove()


def predicted(passes: Iterable[Passes]) -> Seen:
    """The passes as `counted_passes` counts them."""
    seen: Seen = Counter()
    for one in passes:
        what = one.kind.rpartition(".")[2]
        if what in PARTS.values():
            seen[what, 0] += one.count
        else:
            seen["training" if what == "training" else "forward", one.side] += one.count
    return seen
