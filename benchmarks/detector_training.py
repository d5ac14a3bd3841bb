r"""How many images a detector trains on in a second, by backend, precision and with or without compiling.

    python -m benchmarks.detector_training                       # here: the demo's detector, a few steps
    python -m benchmarks.detector_training --architecture resnet50 --heads v2 --image-size 1024 --batch-size 16 \
        --num-workers 8 --device cuda                            # on a GPU

Images are drawn, 500 × 375 with six instances, and kept in memory, so that reading is no part of it; views are made as
in training, by ``--num-workers`` processes ahead. Every row trains so many steps after a warm-up: images per second on
the clock, the share of the time in which the GPU works (by the profiler, over further steps), and the most memory
that it holds. A row that this machine or this backend cannot run says why. The last line is one JSON object.
"""

import json
import math
import time
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import typer
from torch.autograd import DeviceType  # type: ignore[attr-defined]  # torch re-exports it without saying so
from torch.profiler import ProfilerActivity, profile

from benchmarks.measuring import peak_bytes
from empaste.detectors import training
from empaste.detectors.backends import BACKENDS
from empaste.detectors.composites import Composites
from empaste.detectors.distributed import Group
from empaste.detectors.learner import Learner, make_learner
from empaste.detectors.settings import TrainSettings
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.jittering import Sample

SIZE_HW, NUM_IMAGES, NUM_INSTANCES = (375, 500), 64, 6
WARM_UP, PROFILED = 3, 3
"""Steps before the clock starts, and steps that the profiler watches."""


def main(
    backend: Annotated[list[str] | None, typer.Option(help="a backend to run; without it, all")] = None,
    precision: Annotated[
        list[str] | None, typer.Option(help="float32, bfloat16, float16; several may be given")
    ] = None,
    compiled: Annotated[bool, typer.Option(help="also with a compiled backbone")] = False,
    architecture: str = "resnet_slim",
    heads: str = "standard",
    width: int = 32,
    image_size: int = 144,
    batch_size: int = 8,
    steps: int = 10,
    num_threads: int = 1,
    num_workers: int = 0,
    device: str = "cpu",
) -> None:
    """Train by every combination, one after the other, and print what each took."""
    figures: dict[str, dict[str, float]] = {}
    variants = product(backend or sorted(BACKENDS), precision or ["float32"], (False, True) if compiled else (False,))
    for name, kind, compile_backbone in variants:
        settings = TrainSettings.model_validate(
            {"backend": name, "architecture": architecture, "heads": heads, "class_agnostic": False, "width": width,
             "weights": None, "image_size": image_size, "iterations": WARM_UP + steps + 2 * PROFILED,
             "batch_size": batch_size, "accumulate": 1, "optimizer": "sgd", "learning_rate": 1e-3,
             "backbone_rate": 1.0, "reference_batch": 0, "weight_decay": 4e-5, "schedule": "steps", "warm_up": 0.5,
             "affinity": 0.0, "jitter": [0.5, 1.5], "precision": kind, "compile": compile_backbone, "ema": 0.0,
             "checkpoint_every": 10**6, "seed": 0, "num_threads": num_threads,
             "num_workers": num_workers, "num_processes": 1, "device": device}
        )  # fmt: skip
        row = f"{name}, {kind}{', compiled' if compile_backbone else ''}"
        try:
            figures[row] = measure(settings, steps)
        except InputError as error:
            print(f"{row}: not run: {error}")
            continue
        print(row, *(f"{key} {value:.3g}" for key, value in figures[row].items()), sep=", ")
    print(
        json.dumps({"hardware": hardware(device), "batch_size": batch_size, "image_size": image_size, "rows": figures})
    )


def measure(settings: TrainSettings, steps: int) -> dict[str, float]:
    """What one way to train takes."""
    limit_threads(settings.num_threads)
    group = Group(0, 1, torch_device(settings.device))
    backend = BACKENDS[settings.backend]
    torch.manual_seed(settings.seed)
    learner = make_learner(backend.build(training.network_of(backend, settings), 1, None), settings, group)
    batches = enumerate(training.make_batches(drawings(), backend, settings, group, 0))
    on_gpu = group.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    run(learner, batches, settings, group, WARM_UP)
    seconds = run(learner, batches, settings, group, steps)
    figures = {"images_per_second": steps * settings.batch_size / seconds, "seconds_per_step": seconds / steps}
    if on_gpu:
        figures |= {"gpu_busy": busy_share(learner, batches, settings, group),
                    "gpu_gib": torch.cuda.max_memory_reserved() / 2**30}  # fmt: skip
    else:
        figures["process_gib"] = peak_bytes() / 2**30
    return figures


def run(
    learner: Learner, batches: Iterator[tuple[int, Any]], settings: TrainSettings, group: Group, steps: int
) -> float:
    """Seconds on the clock that so many further steps took; a step ends when its losses are on the CPU."""
    started = time.perf_counter()
    for _ in range(steps):
        iteration, inputs = next(batches)
        training.train_step(learner, inputs, settings, iteration, group)
    return time.perf_counter() - started


def busy_share(learner: Learner, batches: Iterator[tuple[int, Any]], settings: TrainSettings, group: Group) -> float:
    """The share of the time in which the GPU computed or copied."""
    for _ in range(2):  # watching slows the first steps down
        with profile(activities=[ProfilerActivity.CUDA]) as watched:
            seconds = run(learner, batches, settings, group, PROFILED)
    spans = [event.time_range for event in watched.events() if event.device_type == DeviceType.CUDA]
    return covered([(span.start, span.end) for span in spans]) / 1e6 / seconds


def covered(spans: list[tuple[float, float]]) -> float:
    """How much of the line the spans cover; they may overlap, as kernels of several streams do."""
    length, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        length += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return length


@cache
def drawings() -> Composites:
    """Ellipses of one class on noise."""
    samples = [draw(np.random.default_rng([0, number])) for number in range(NUM_IMAGES)]
    return Composites(list(range(NUM_IMAGES)), [(1, "ellipse")], samples.__getitem__, 0)


def draw(rng: np.random.Generator) -> Sample:
    """One image with its instances, the later ones above the earlier."""
    height, width = SIZE_HW
    image = rng.integers(90, 140, (height, width, 3), np.uint8)
    masks = np.zeros((NUM_INSTANCES, height, width), np.uint8)
    for number in range(NUM_INSTANCES):
        centre = int(rng.integers(width)), int(rng.integers(height))
        axes = int(rng.integers(15, 90)), int(rng.integers(15, 90))
        cv2.ellipse(masks[number], centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        masks[:number] &= 1 - masks[number]
        image[masks[number] > 0] = rng.integers(0, 256, 3)
    visible = masks.any(axis=(1, 2))
    return Sample(image, masks[visible], np.ones(int(visible.sum()), np.int64))


def hardware(device: str) -> str:
    """What it ran on."""
    kind = torch_device(device).type
    return torch.cuda.get_device_name() if kind == "cuda" else f"{kind}, {torch.get_num_threads()} thread(s)"


if __name__ == "__main__":
    typer.run(main)
