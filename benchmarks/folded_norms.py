"""How much faster a classifier answers whose normalisations are folded into its convolutions.

    python -m benchmarks.folded_norms                          # EfficientNet-Lite0, as the preset photos has it
    python -m benchmarks.folded_norms --architecture resnet_slim_pooled --side 112

Both in turn by one thread, with random weights. The last line is one JSON object; `times_slower` is without over with.
"""

import json
from functools import partial
from statistics import median

import numpy as np
import torch
import typer

from benchmarks.measuring import cpu_seconds
from empaste.artifacts.classifier import logits_and_phi
from empaste.memory import keep_freed_memory
from empaste.networks.folding import fold_norms
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_network


def main(
    architecture: str = "timm:tf_efficientnet_lite0",
    side: int = 192,
    batch_size: int = 16,
    rounds: int = 7,
    at_least: float = 1.0,
) -> None:
    """Time passes of ``at_least`` so many seconds with and without, in turn."""
    keep_freed_memory()  # as the stages do
    torch.set_num_threads(1)
    network = build_network(architecture, 32, None, 20, side).eval()
    ways = {"as_built": network, "folded": fold_norms(network, side, logits_and_phi)}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    images = np.random.default_rng(0).integers(0, 255, (batch_size, side, side, 3), np.uint8)
    inputs = to_input(images, "cpu")
    with torch.inference_mode():
        for _ in range(rounds):
            for name, way in ways.items():
                seconds[name].append(cpu_seconds(partial(logits_and_phi, way, inputs), at_least))
    medians = {name: median(measured) / batch_size * 1000 for name, measured in seconds.items()}
    as_built, folded = medians["as_built"], medians["folded"]
    print(f"{architecture}, {side} px: {as_built:.2f} CPU ms per image as built, {folded:.2f} folded")
    figures = {"architecture": architecture, "side": side, "batch_size": batch_size}
    times = {f"ms_{name}": round(value, 3) for name, value in medians.items()}
    print(json.dumps(figures | times | {"times_slower": round(as_built / folded, 3)}))


if __name__ == "__main__":
    typer.run(main)
