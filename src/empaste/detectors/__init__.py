"""Instance detectors behind one small interface: ``fit`` on composites, ``predict`` on images.

A new detector is one new file with these two functions and one line in `DETECTORS`. A model folder names its backend
in ``config.json``, so that `predict` needs to be told the folder alone.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from empaste.detectors import torchvision
from empaste.errors import InputError


class Fit(Protocol):
    """Train on the COCO data set ``composites`` and write the model into the existing, empty folder ``out``.

    Checkpoints go to ``work``; a call with the same arguments after an interruption goes on from the last one and
    ends with the same bytes on a CPU. Returns the loss curve, one row per iteration.
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
    ) -> list[dict[str, float]]: ...


class Predict(Protocol):
    """COCO results (image_id, category_id, bbox xywh, score, segmentation RLE) of (image id, file) pairs, in order."""

    def __call__(
        self,
        model: Path,
        images: Sequence[tuple[int, Path]],
        *,
        min_score: float,
        max_detections: int,
        batch_size: int,
        num_threads: int,
        device: str,
    ) -> list[dict[str, Any]]: ...


class Detector(NamedTuple):
    """What a backend offers."""

    fit: Fit
    predict: Predict


DETECTORS: dict[str, Detector] = {
    "torchvision": Detector(torchvision.fit, torchvision.predict),
}


def detector_of(model: Path) -> Detector:
    """The detector that wrote the folder ``model``; `InputError` where its config names none."""
    backend = _read_config(model).get("backend")
    if backend not in DETECTORS:
        raise InputError(
            f"{model / 'config.json'}: backend is {backend!r}; choose from {', '.join(DETECTORS)}; run: dvc repro train"
        )
    return DETECTORS[backend]


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
