"""Instance detectors behind one small interface: ``fit`` on composites, ``load`` to detect in images.

A new detector is one new file with these two functions and one line in `DETECTORS`. A model folder names its backend
in ``config.json``, so that `load_detector` needs to be told the folder alone.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from empaste.detectors import torchvision
from empaste.errors import InputError
from empaste.images import read_rgb

RGB = UInt8[np.ndarray, "h w 3"]


class OnStep(Protocol):
    """Takes one step's number and its figures."""

    def __call__(self, step: int, values: Mapping[str, float]) -> None: ...


class Fit(Protocol):
    """Train on the COCO data set ``composites`` and write the model into the existing, empty folder ``out``.

    Returns the loss curve, one row per iteration; ``on_step`` is told every row as it is made. Checkpoints go to
    ``work``; a call with the same arguments after an interruption goes on from the last one and ends with the same
    bytes on a CPU.
    """

    def __call__(
        self,
        composites: Path,
        out: Path,
        *,
        work: Path,
        architecture: str,
        width: int,
        weights: str | None,
        image_size: int,
        iterations: int,
        batch_size: int,
        learning_rate: float,
        weight_decay: float,
        jitter: Sequence[float],
        checkpoint_every: int,
        seed: int,
        num_threads: int,
        device: str,
        on_step: OnStep | None = None,
    ) -> list[dict[str, float]]: ...


Detect = Callable[[Sequence[RGB]], list[list[dict[str, Any]]]]
"""COCO results (category_id, bbox xywh, score, segmentation RLE) of every image of a batch, best score first."""


class Load(Protocol):
    """The trained detector in the folder ``model``; `InputError` where its files are missing or do not fit."""

    def __call__(
        self, model: Path, *, min_score: float, max_detections: int, num_threads: int, device: str
    ) -> Detect: ...


class Detector(NamedTuple):
    """What a backend offers."""

    fit: Fit
    load: Load


DETECTORS: dict[str, Detector] = {
    "torchvision": Detector(torchvision.fit, torchvision.load),
}


def load_detector(model: Path, *, min_score: float, max_detections: int, num_threads: int, device: str) -> Detect:
    """The detector that wrote the folder ``model``; `InputError` where its config names none, or it cannot be loaded.

    Detections under ``min_score`` and beyond the best ``max_detections`` of an image are left out.
    """
    backend = _read_config(model).get("backend")
    if backend not in DETECTORS:
        raise InputError(
            f"{model / 'config.json'}: backend is {backend!r}; choose from {', '.join(DETECTORS)}; run: dvc repro train"
        )
    load = DETECTORS[backend].load
    return load(model, min_score=min_score, max_detections=max_detections, num_threads=num_threads, device=device)


def detect_files(detect: Detect, images: Sequence[tuple[int, Path]], batch_size: int) -> list[dict[str, Any]]:
    """COCO results of the (image id, file) pairs in their order, best first within an image.

    Boxes and masks in pixels of the file. No image gives no result.
    """
    results: list[dict[str, Any]] = []
    with tqdm(total=len(images), desc="detecting", unit="image") as progress:
        for start in range(0, len(images), batch_size):
            part = images[start : start + batch_size]
            found = detect([read_rgb(path) for _, path in part])
            for (image_id, _), rows in zip(part, found, strict=True):
                results += [{"image_id": image_id, **row} for row in rows]
            progress.update(len(part))
    return results


def classes_of(model: Path) -> dict[int, str]:
    """The names of the classes that the detector in the folder ``model`` knows, by id, in its order."""
    try:
        return {int(row["id"]): str(row["name"]) for row in _read_config(model)["classes"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{model / 'config.json'} names no classes; run: dvc repro train") from error


def _read_config(model: Path) -> dict[str, Any]:
    path = model / "config.json"
    try:
        config = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro train (or dvc pull)") from error
    except ValueError as error:
        raise InputError(f"{path} is not a valid config: {error}; run: dvc repro train") from error
    if not isinstance(config, dict):
        raise InputError(f"{path} is not a valid config: {config!r}; run: dvc repro train")
    return config
