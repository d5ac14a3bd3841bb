"""How much memory large photographs take, in ``empaste predict`` and in the served model, and how long they take.

    python -m benchmarks.large_photographs                  # 12 and 108 megapixels, 100 large masks each
    python -m benchmarks.large_photographs --sizes 4000x3000

Every figure is the peak of a process of its own (all that it held, libraries and network included), on a
CPU. The detector is a small one of random weights that is made sure of everything, so that an image has as many
detections as are kept, 100, each of which fills its box. The last line is one JSON object.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import typer

from benchmarks.measuring import peak_bytes
from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Network
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.images import encode_rgb
from empaste.masks import rle_area_box_xywh

LIMITS_GIB = {12: 1.5, 108: 3.0}
"""Megapixels -> the most that a process may hold."""
NUM_CLASSES, NUM_WHOLE = 12, 4
NETWORK = Network("resnet_slim", "standard", False, 8, 1024, frozen_norm=False, msra=False)
MIN_SCORE = 0.05
GIB = 2**30


def main(sizes: str = "4000x3000,12000x9000", sure: int = 100) -> None:
    """Print peak memory and time of every way and size; exit code 1 beyond a limit or under ``sure`` detections."""
    figures: list[dict[str, Any]] = []
    # What is measured begins as a copy of this process, which therefore stays small: others make what it takes.
    beside = ProcessPoolExecutor(1, get_context("spawn"))
    with beside, tempfile.TemporaryDirectory() as folder:
        beside.submit(write_detector, Path(folder, "model")).result()
        beside.submit(save_served, Path(folder)).result()
        for size in sizes.split(","):
            width, height = (int(side) for side in size.split("x"))
            photograph = Path(folder, f"{size}.jpg")
            beside.submit(write_photograph, photograph, height, width).result()
            for way in WAYS:
                figures.append({"way": way, "megapixels": round(width * height / 1e6), **measured(way, photograph)})
                print(in_words(figures[-1]), flush=True)
    for one in figures:
        one["limit_gib"] = LIMITS_GIB.get(one["megapixels"])
    kept = all(one["limit_gib"] is None or one["peak_gib"] < one["limit_gib"] for one in figures)
    kept = kept and all(one["detections"] >= sure for one in figures)
    print(json.dumps({"kept": kept, "figures": figures}))
    raise typer.Exit(0 if kept else 1)


def in_words(one: dict[str, Any]) -> str:
    """A line of the table."""
    return (
        f"{one['way']}, {one['megapixels']} megapixels: {one['peak_gib']:.2f} GiB, {one['seconds']:.0f} s, "
        f"{one['detections']} masks of {one['mean_area']:.0%} of the image each, at most {one['largest_area']:.0%}"
    )


def write_detector(folder: Path) -> None:
    """``folder`` holds a detector that is equally sure of all its classes, everywhere, and fills every box.

    Boxes of the first `NUM_WHOLE` classes are stretched over the whole image.
    """
    torch.manual_seed(0)
    module = build_mask_rcnn(NETWORK, NUM_CLASSES, None)
    boxes, masks = module.roi_heads.box_predictor, module.roi_heads.mask_predictor
    with torch.no_grad():
        boxes.cls_score.weight.zero_()
        boxes.cls_score.bias.zero_()
        boxes.cls_score.bias[0] = -20.0  # the background's
        boxes.bbox_pred.bias.view(-1, 4)[1 : 1 + NUM_WHOLE, 2:] = 10.0
        masks.mask_fcn_logits.bias.fill_(20.0)
    classes = [{"id": number, "name": f"class {number}"} for number in range(1, NUM_CLASSES + 1)]
    save_network(module, folder, {"backend": "torchvision", **asdict(NETWORK), "classes": classes})


def save_served(folder: Path) -> None:
    """``folder/served`` holds the detector in ``folder/model`` as MLflow serves it."""
    import mlflow

    import empaste
    from empaste import serving

    package = Path(empaste.__file__).parent
    mlflow.pyfunc.save_model(
        folder / "served", python_model=str(package / "serving.py"), code_paths=[str(package)],
        artifacts={serving.ARTIFACT: str(folder / "model")}, signature=serving.SIGNATURE,
        pip_requirements=list(serving.REQUIREMENTS),
    )  # fmt: skip


def write_photograph(path: Path, height: int, width: int) -> None:
    """``path`` holds a JPEG of soft colours under coarse noise."""
    rng = np.random.default_rng(0)
    soft = cv2.resize(rng.integers(0, 256, (9, 12, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(-4, 5, (height // 8, width // 8, 1), np.int8).repeat(8, 0).repeat(8, 1)
    part = soft[: noise.shape[0], : noise.shape[1]]
    np.clip(part.astype(np.int16) + noise, 0, 255, out=part, casting="unsafe")
    path.write_bytes(encode_rgb(soft, ".jpg", 90))


def measured(way: str, photograph: Path) -> dict[str, Any]:
    """What `run_alone` says in a process of its own."""
    code = "import sys, pathlib, benchmarks.large_photographs as b; b.run_alone(sys.argv[1], pathlib.Path(sys.argv[2]))"
    done = subprocess.run(
        [sys.executable, "-c", code, way, str(photograph)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{way} ended with {done.returncode}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def run_alone(way: str, photograph: Path) -> None:
    """Detect on ``photograph`` in the way ``way`` and print time, detections and the peak of this process."""
    start = time.perf_counter()
    masks = WAYS[way](photograph)
    areas = [rle_area_box_xywh(rle)[0] / (rle["size"][0] * rle["size"][1]) for rle in masks]
    figures = {"peak_gib": peak_bytes() / GIB, "seconds": time.perf_counter() - start}
    figures |= {"mean_area": float(np.mean(areas)), "largest_area": max(areas)}
    print(json.dumps({"detections": len(masks), **{name: round(value, 3) for name, value in figures.items()}}))


def run_predict(photograph: Path) -> list[Any]:
    """The masks that ``empaste predict`` writes."""
    from empaste.detectors.detecting import DetectSettings
    from empaste.prediction import predict_files

    folder = photograph.parent
    out = folder / f"{photograph.stem} {os.getpid()}"
    settings = DetectSettings(MIN_SCORE, max_detections=100, batch_size=4, num_threads=0, device="cpu")
    predict_files(photograph, folder / "model", out, settings)
    return [row["segmentation"] for row in json.loads((out / "results.json").read_text())]


def run_served(photograph: Path) -> list[Any]:
    """The masks that the served model answers with."""
    import mlflow
    import pandas as pd

    served = mlflow.pyfunc.load_model(str(photograph.parent / "served"))
    request = pd.DataFrame({"image": [base64.b64encode(photograph.read_bytes()).decode()]})
    (answer,) = served.predict(request, params={"min_score": MIN_SCORE})
    return [row["segmentation"] for row in answer["instances"]]


WAYS: dict[str, Callable[[Path], list[Any]]] = {"predict": run_predict, "served": run_served}

if __name__ == "__main__":
    typer.run(main)
