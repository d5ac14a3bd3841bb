"""F-EM at the size of data sets: seconds and memory on generated features, and Step 1's distances against a loop.

    python -m benchmarks.foregrounds distances
    python -m benchmarks.foregrounds voc
    python -m benchmarks.foregrounds coco

``voc`` and ``coco`` write features of the published size into a scratch file (3.5 and 4.8 GB) and remove it. The last
line is one JSON object.
"""

import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measuring import peak_bytes
from empaste.artifacts.segments import read_runs
from empaste.foregrounds.em import Candidates, alternate
from empaste.foregrounds.initial import mean_distances
from empaste.foregrounds.metric import fit_features
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.layout import HERE
from empaste.masks import decode_mask, encode_mask
from empaste.rle import RLE
from empaste.settings import load_settings

PER_IMAGE = 40
VOC_MASKS = (474, 229, 338, 384, 331, 274, 685, 790, 335, 130, 126, 787, 280, 335, 3142, 253, 198, 254, 327, 441)
"""Foregrounds per class that the papers extracted from VOC: how often the classes occur in the generated images."""


class Size(NamedTuple):
    """A data set's size, and the bars: seconds (none for COCO) and GiB."""

    images: int
    dimension: int
    shares: tuple[float, ...]
    seconds: float | None
    gib: float


SIZES = {
    "voc": Size(10_582, 2048, tuple(count / sum(VOC_MASKS) for count in VOC_MASKS), 120.0, 6.0),
    "coco": Size(118_287, 256, tuple(1 / rank / 4.965 for rank in range(1, 81)), None, 8.0),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "relative_mahalanobis": {"covariance": "identity_shrinkage", "normalise": True},
    "mahalanobis": {"covariance": "ledoit_wolf", "normalise": False},
    "centred_cosine": {"covariance": "ledoit_wolf", "normalise": True},
}
SAME = {"iterations": 3, "keep_percent": 60, "shrinkage": 0.2, "evidence_weight": 1.0, "max_components": 1}
CLASSES_PER_IMAGE = 1.5


def settings_of(distance: str) -> ForegroundsSettings:
    """The shipped parameters but for what the benchmark holds fixed."""
    shipped = load_settings(HERE.params, "foregrounds", ForegroundsSettings)
    return ForegroundsSettings.model_validate(shipped.model_dump() | SAME | SETTINGS[distance] | {"distance": distance})


def run_em(size: Size, distance: str) -> dict[str, Any]:
    """Three iterations over all classes from a file of features, as the stage runs them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "phi.npy"
        write_features(path, size)
        phi = np.load(path, mmap_mode="r")
        started, started_cpu, before = time.perf_counter(), time.process_time(), peak_gib()
        features = fit_features(phi, settings_of(distance))
        chosen = 0
        for candidates, first in classes_of(size):
            choices = alternate(candidates, first, features)
            chosen += len(choices[-1].index)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    figures = {
        "distance": distance,
        "foregrounds": chosen,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "peak_gib": peak_gib(),
    }
    limits = {"limit_seconds": size.seconds, "limit_gib": size.gib, "peak_gib_before": before}
    ratios = {"memory_ratio": round(peak_gib() / size.gib, 2)}
    if size.seconds:
        ratios["time_ratio"] = round(seconds / size.seconds, 2)
    return figures | limits | ratios


def write_features(path: Path, size: Size) -> None:
    """Segments' features: noise with a few strong common directions, non-negative as after a ReLU."""
    rng = np.random.default_rng(0)
    num = size.images * PER_IMAGE
    phi = np.lib.format.open_memmap(path, "w+", np.float32, (num, size.dimension))
    directions = rng.normal(size=(32, size.dimension)).astype(np.float32)
    for start in range(0, num, 8192):
        block = phi[start : start + 8192]
        block[:] = rng.standard_normal(block.shape, np.float32)
        block += rng.standard_normal((len(block), 32), np.float32) @ directions * 0.5
        np.maximum(block, 0, out=block)
    phi.flush()


def classes_of(size: Size) -> Iterator[tuple[Candidates, np.ndarray]]:
    """Every class's segments and a first choice at random, for about `CLASSES_PER_IMAGE` classes per image."""
    rng = np.random.default_rng(1)
    for share in size.shares:
        count = min(size.images, max(1, round(size.images * CLASSES_PER_IMAGE * share)))
        images = np.sort(rng.choice(size.images, count, replace=False))
        rows = (images[:, None] * PER_IMAGE + np.arange(PER_IMAGE)).ravel()
        candidates = Candidates(
            rows, np.repeat(np.arange(count), PER_IMAGE), rng.normal(size=len(rows)), np.ones(len(rows), bool)
        )
        yield candidates, np.arange(count) * PER_IMAGE + rng.integers(0, PER_IMAGE, count)


def peak_gib() -> float:
    """The most memory that the process has held, pages of mapped files among it."""
    return round(peak_bytes() / 2**30, 2)


def compare_distances(num_images: int = 3, repeats: int = 20) -> dict[str, Any]:
    """All segments' mean pixel distances to a point, in images of VOC's size: our way beside a loop over pixels."""
    images = [blobs(np.random.default_rng(seed)) for seed in range(num_images)]
    loop, started = [], time.perf_counter()
    for masks in images:
        loop += [loop_distance(decode_mask(rle), (240.5, 180.5)) for rle in masks]
    loop_seconds = (time.perf_counter() - started) / num_images
    started = time.perf_counter()
    for _ in range(repeats):
        ours = [
            mean_distances(read_runs([rle["counts"] for rle in masks]), len(masks), (375, 500), (240.5, 180.5))
            for masks in images
        ]
    seconds = (time.perf_counter() - started) / repeats / num_images
    assert np.allclose(np.concatenate(ours), np.array(loop), atol=1e-5)
    return {
        "ms_per_image": round(1000 * seconds, 2),
        "loop_ms_per_image": round(1000 * loop_seconds, 1),
        "ratio": round(loop_seconds / seconds, 1),
        "limit_ratio": 100,
    }


def loop_distance(mask: np.ndarray, centre_xy: tuple[float, float]) -> float:
    """One segment, pixel by pixel."""
    total, count = 0.0, 0
    for y, x in zip(*np.nonzero(mask), strict=True):
        total += math.hypot(x - centre_xy[0], y - centre_xy[1])
        count += 1
    return total / count


def blobs(rng: np.random.Generator) -> list[RLE]:
    """Forty ragged segments of an image, of 1 % of it and up."""
    y, x = np.mgrid[:375, :500]
    masks = []
    for _ in range(PER_IMAGE):
        radius, bend = rng.uniform(24, 120), rng.uniform(0, 0.3)
        angle = np.arctan2(y - (top := rng.uniform(0, 375)), x - (left := rng.uniform(0, 500)))
        edge = radius * (1 + bend * np.sin(rng.integers(2, 9) * angle) + 0.05 * np.sin(61 * angle))
        masks.append(encode_mask(np.hypot(y - top, x - left) < edge))
    return masks


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "distances"
    if what == "distances":
        print(json.dumps(compare_distances()))
    else:
        distance = sys.argv[2] if len(sys.argv) > 2 else "relative_mahalanobis"
        print(json.dumps(run_em(SIZES[what], distance)))
