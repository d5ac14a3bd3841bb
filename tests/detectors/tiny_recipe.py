"""The recipe of a training that takes seconds."""

from typing import Any

from empaste.detectors.recipe import Recipe

TINY: dict[str, Any] = {
    "architecture": "resnet_slim", "heads": "standard", "class_agnostic": False, "width": 8, "weights": None,
    "image_size": 64, "iterations": 40,
    "batch_size": 4, "accumulate": 1, "optimizer": "adamw", "learning_rate": 0.005, "reference_batch": 0,
    "weight_decay": 1e-4, "schedule": "cosine", "warm_up": 0.1, "jitter": [0.8, 1.2], "precision": "float32",
    "compile": False, "ema": 0.0, "checkpoint_every": 100, "seed": 0, "num_threads": 1, "num_workers": 0,
    "num_processes": 1, "device": "cpu",
}  # fmt: skip


def tiny_recipe(**changes: Any) -> Recipe:
    """The recipe with ``changes``."""
    return Recipe(**TINY | changes)
