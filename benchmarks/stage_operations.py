"""The work of the stages beside networks, timed on drawn images: a part of `benchmarks.stage_rates`."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd

from benchmarks.measuring import cpu_seconds
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.backgrounds.patch_fill import fill_hole
from empaste.datasets.demo import draw_scene
from empaste.edges.walk import build_walk, chances_in
from empaste.features.views import crop_on_gray
from empaste.foregrounds.metric import Features, fit_class, fit_features, measure
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.images import encode_rgb, mixed, read_rgb, write_rgb
from empaste.jittering import Sample, augment
from empaste.layout import HERE
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.photograph_files import find_photographs
from empaste.photographs import decode_photograph
from empaste.proposals.settings import ProposalsSettings
from empaste.proposals.table import propose_image, segment_table
from empaste.refinement.settings import RefineSettings
from empaste.settings import load_settings
from empaste.squares import fit_square_mask

HEIGHT, WIDTH, SIDE = 375, 500, 224
MEGAPIXELS = HEIGHT * WIDTH / 1e6
COMPOSITES_PER_SECOND = 200.6
"""Of 500 × 375 pixels with four foregrounds, by `benchmarks.paste`: docs/lab/paste_speed.md."""
LENGTH, CANDIDATES, CHOSEN = 2048, 2000, 500
"""Features of segments: how long one is, how many are measured, and how many make a class's statistics."""


def measure_operations() -> dict[str, float]:
    """CPU seconds of each operation, as ``rates.yaml`` names them: per megapixel, segment or map."""
    cv2.setNumThreads(1)
    image, mask = drawing(), disc()
    timed = dict(_of_images(image)) | dict(_of_segments(image, mask)) | dict(_of_statistics())
    timed["compose"] = 1 / COMPOSITES_PER_SECOND / MEGAPIXELS
    return {name: float(f"{seconds:.3g}") for name, seconds in timed.items()}


def _of_images(image: np.ndarray) -> Iterator[tuple[str, float]]:
    jpeg = encode_rgb(image, ".jpg", 95)
    yield "read", cpu_seconds(partial(decode_photograph, jpeg, "drawing")) / MEGAPIXELS
    yield "draw", cpu_seconds(partial(draw_scene, 0, 1, 144))
    hole = disc()
    yield "inpaint", cpu_seconds(lambda: fill_hole(image, hole, np.random.default_rng(0))) / MEGAPIXELS
    views = Sample(image, np.stack([hole.astype(np.uint8)] * 6), np.arange(6))
    view = partial(augment, views, 1024, [0.1, 2.0])
    yield "view", cpu_seconds(lambda: view(np.random.default_rng(0))) / (1024**2 / 1e6)
    settings = load_settings(HERE.params, "refine", RefineSettings)
    yield "walk", cpu_seconds(lambda: chances_in(build_walk(image, None, settings.walk), hole.astype(np.float32)))


def _of_segments(image: np.ndarray, mask: np.ndarray) -> Iterator[tuple[str, float]]:
    rle, box = encode_mask(mask), mask_box_xywh(mask)
    show = crop_on_gray(image, 2, SIDE)
    yield "show", cpu_seconds(lambda: show(decode_mask(rle), box))
    yield "place", cpu_seconds(lambda: fit_square_mask(decode_mask(rle), SIDE))
    square, cover = np.zeros((SIDE, SIDE, 3), np.uint8), fit_square_mask(mask, SIDE)
    yield "mix", cpu_seconds(partial(mixed, square, square, cover)) / (SIDE**2 / 1e6)


def _of_statistics() -> Iterator[tuple[str, float]]:
    settings = load_settings(HERE.params, "foregrounds", ForegroundsSettings)
    phi = np.random.default_rng(0).normal(size=(CANDIDATES, LENGTH)).astype(np.float32)
    features: Features = fit_features(phi, settings)
    chosen, every = (features.read(np.arange(number)) for number in (CHOSEN, CANDIDATES))
    yield "em.fit", cpu_seconds(partial(fit_class, chosen, features.metric))
    model = fit_class(chosen, features.metric)
    yield "em.distance", cpu_seconds(partial(measure, every, model, features.metric)) / CANDIDATES


def file_sizes(folder: Path | None) -> dict[str, float]:
    """Bytes of what the stages write, as ``rates.yaml`` names it, by up to 20 photographs in ``folder`` or a drawing.

    Of images per megapixel, of segments, evidence and detections per row.
    """
    images = [read_rgb(path) for path in find_photographs(folder)[:20]] if folder else [drawing()]
    jpeg = [len(encode_rgb(image, ".jpg", 90)) / (image.shape[0] * image.shape[1] / 1e6) for image in images]
    detection = {"image_id": 1, "category_id": 1, "bbox": [1.25] * 4, "score": 0.12345}
    sizes = {
        "byte": 1.0,
        "jpeg": float(np.mean(jpeg)),
        "segment": _segment_bytes(images[:4]),
        "evidence": _evidence_bytes(),
        "detection": float(len(json.dumps(detection | {"segmentation": encode_mask(disc())}))),
    }
    return {name: float(f"{size:.3g}") for name, size in sizes.items()}


def _segment_bytes(images: list[np.ndarray]) -> float:
    """Of a row of the table of segments."""
    settings = load_settings(HERE.params, "proposals", ProposalsSettings)
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.png" for number in range(len(images))]
        for path, image in zip(files, images, strict=True):
            write_rgb(path, image)
        rows = [propose_image((number, path), settings).rows for number, path in enumerate(files)]
        table = segment_table(rows)
        write_table(table, Path(folder) / "segments.parquet", Segments)
        return (Path(folder) / "segments.parquet").stat().st_size / len(table)


def _evidence_bytes(num: int = 10_000) -> float:
    """Of a row of the table of evidence."""
    rng = np.random.default_rng(0)
    kinds = {name: str(column.dtype) for name, column in Evidence.to_schema().columns.items()}
    whole = np.arange(num)
    columns = {name: rng.random(num) if kind.startswith("float") else whole // 40 for name, kind in kinds.items()}
    table = pd.DataFrame(columns | {"segment_id": whole, "judged": rng.random(num) < 0.5})
    with TemporaryDirectory() as folder:
        write_table(table, Path(folder) / "evidence.parquet", Evidence)
        return (Path(folder) / "evidence.parquet").stat().st_size / num


def drawing() -> np.ndarray:
    """A scene of the demo, at VOC's size."""
    return cv2.resize(draw_scene(0, 1, 320)[0], (WIDTH, HEIGHT))


def disc() -> np.ndarray:
    """A mask of an eighth of the image."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(mask, (200, 180), 86, 1, -1)
    return mask > 0
