"""The parameters of a training that takes seconds, and what else makes it take no longer."""

from pathlib import Path
from typing import Any

import pytest

from empaste.detectors import detectron2
from empaste.detectors.backend import Network
from empaste.detectors.settings import TrainSettings
from empaste.detectors.training import fit

TINY: dict[str, Any] = {
    "backend": "torchvision", "architecture": "resnet_slim", "heads": "standard", "class_agnostic": False, "width": 8,
    "weights": None, "image_size": 64, "iterations": 40, "batch_size": 4, "accumulate": 1, "optimizer": "adamw",
    "learning_rate": 0.005, "backbone_rate": 1.0, "reference_batch": 0, "weight_decay": 1e-4, "schedule": "cosine",
    "warm_up": 0.1,
    "affinity": 0.0, "jitter": [0.8, 1.2], "precision": "float32", "compile": False, "ema": 0.0,
    "checkpoint_every": 100, "seed": 0, "num_threads": 1, "num_workers": 0, "num_processes": 1, "device": "cpu",
}  # fmt: skip


def tiny_settings(**changes: Any) -> TrainSettings:
    """The parameters with ``changes``."""
    return TrainSettings.model_validate(TINY | changes)


def fit_tiny(backend: str, composites: Path, root: Path, **changes: Any) -> list[dict[str, float]]:
    """The loss curve of a training into ``root/model`` with its checkpoints in ``root/work``."""
    for folder in (root / "model", root / "work"):
        folder.mkdir(parents=True, exist_ok=True)
    settings = tiny_settings(backend=backend, **changes)
    return fit(composites, root / "model", work=root / "work", settings=settings)


def model_bytes(root: Path) -> bytes:
    """The tensors that `fit_tiny` wrote."""
    return (root / "model" / "model.safetensors").read_bytes()


def shrink_detectron2(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process detectron2's standard heads are narrow and see few regions, which is most of their time."""
    whole = detectron2._config

    def small(network: Network, num_classes: int) -> Any:
        config = whole(network, num_classes)
        heads = config.roi_heads
        heads.batch_size_per_image, heads.box_head.fc_dims, heads.mask_head.conv_dims = 48, [128], [64, 64]
        heads.box_predictor.input_shape.channels = 128
        return config

    monkeypatch.setattr(detectron2, "_config", small)
