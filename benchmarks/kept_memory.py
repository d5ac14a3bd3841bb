"""How long a network's forward pass takes where freed memory stays with the process, and where it does not.

    python -m benchmarks.kept_memory                          # EfficientNet-Lite0, as the preset photos has it
    python -m benchmarks.kept_memory --architecture resnet18

Both in processes of their own, in turn, by the same threads. CPU seconds include those that the kernel spends on pages.
The last line is one JSON object; `times_slower` is without over with.
"""

import json
import subprocess
import sys
import time
from statistics import median

import torch
import typer

from empaste.memory import keep_freed_memory
from empaste.networks.weights import build_network

KEPT = "--kept"


def main(
    architecture: str = "timm:tf_efficientnet_lite0",
    side: int = 192,
    batch_size: int = 16,
    passes: int = 20,
    rounds: int = 3,
    kept: bool = typer.Option(False, KEPT, hidden=True),
    alone: bool = typer.Option(False, hidden=True),
) -> None:
    """Time the passes with and without, in turn."""
    if alone:
        print(json.dumps(forward_seconds(architecture, side, batch_size, passes, kept)))
        return
    command = [
        *(sys.executable, "-m", "benchmarks.kept_memory", "--alone", "--architecture", architecture),
        *("--side", str(side), "--batch-size", str(batch_size), "--passes", str(passes)),
    ]
    seconds: dict[tuple[str, ...], list[float]] = {(): [], (KEPT,): []}
    for _ in range(rounds):
        for options, measured in seconds.items():
            output = subprocess.check_output([*command, *options], text=True, stderr=subprocess.DEVNULL)
            measured.append(float(output.splitlines()[-1]))
    given_back, kept_seconds = (median(measured) for measured in seconds.values())
    print(f"{architecture}, {passes} × {batch_size}: {given_back:.2f} CPU-s, {kept_seconds:.2f} with memory kept")
    figures = {"architecture": architecture, "batch_size": batch_size, "side": side}
    times = {"seconds": round(given_back, 3), "seconds_kept": round(kept_seconds, 3)}
    print(json.dumps(figures | times | {"times_slower": round(given_back / kept_seconds, 3)}))


def forward_seconds(architecture: str, side: int, batch_size: int, passes: int, kept: bool) -> float:
    """CPU time of ``passes`` forward passes of this process, after one that does not count."""
    if kept:
        keep_freed_memory()
    torch.set_num_threads(1)
    network = build_network(architecture, 32, None, image_size=side).eval()
    inputs = torch.zeros(batch_size, 3, side, side)
    with torch.inference_mode():
        network(inputs)
        started = time.process_time()
        for _ in range(passes):
            network(inputs)
        return time.process_time() - started


if __name__ == "__main__":
    typer.run(main)
