"""A trained detector on anybody's images: COCO files of what it found, and the images with that drawn on them."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jaxtyping import UInt8
from numpy import ndarray
from tqdm import tqdm

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.detectors import classes_of, detect_files, load_detector
from empaste.errors import InputError
from empaste.images import read_rgb, write_rgb
from empaste.masks import decode_mask
from empaste.report import drawing

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
OVERLAY_SIDE = 640
"""Longest side of an overlay in pixels, at least: smaller images are enlarged, so that names can be read."""
DRAWN = (".jpg", ".jpeg", ".png")
"""Overlays of such files have the same name; those of others have .jpg after it."""


class Prediction(NamedTuple):
    """What a run found: images and instances, and per unreadable file what is wrong with it."""

    num_images: int
    num_instances: int
    unreadable: list[str]


def predict_files(
    source: Path,
    model: Path,
    out: Path,
    *,
    min_score: float,
    max_detections: int,
    batch_size: int,
    num_threads: int,
    device: str,
) -> Prediction:
    """``out`` holds what the detector in ``model`` finds in the image, or the folder of images, ``source``.

    ``results.json``: COCO results; ``instances.json``: the same as a COCO data set with the images' names (relative to
    the folder), ids from 1 in the order of names, and the ``score`` of every annotation; ``overlays/``: every image
    with masks, boxes, names and scores. Files that cannot be read are left out and named. `InputError` where there is
    no image, none that can be read, no model, or ``out`` holds files already.
    """
    files = find_images(source)
    detect = load_detector(
        model, min_score=min_score, max_detections=max_detections, num_threads=num_threads, device=device
    )
    classes = pd.DataFrame([{"class_id": number, "name": name} for number, name in classes_of(model).items()])
    _refuse_occupied(out)
    readable, unreadable = _readable(files)
    if not readable:
        raise InputError(f"none of the {len(files)} images of {source} can be read: {unreadable[0]}")
    numbered = list(enumerate(readable, 1))
    found = detect_files(detect, numbered, batch_size)
    names = {path: _name(path, source) for path in readable}
    with whole_directory(out) as folder:
        sizes = _draw_all(numbered, names, found, dict(classes.to_numpy()), folder / "overlays")
        rows = [(number, names[path], *sizes[number]) for number, path in numbered]
        images = pd.DataFrame(rows, columns=["image_id", "file_name", "height", "width"])
        write_whole(folder / "results.json", json.dumps(found, separators=(",", ":")).encode())
        annotations = [
            instance(number, row["image_id"], row["category_id"], row["segmentation"], score=row["score"])
            for number, row in enumerate(found, 1)
        ]
        write_coco(
            folder / "instances.json",
            coco_dataset(images, classes.assign(supercategory="object"), annotations, f"predicted by {model}"),
        )
    return Prediction(len(readable), len(found), unreadable)


def find_images(source: Path) -> list[Path]:
    """The image ``source``, or all images in the folder ``source`` and below, by name; `InputError` without any."""
    if source.is_file():
        return [source]
    if not source.is_dir():
        raise InputError(f"{source} is no file and no folder; name an image or a folder of images")
    files = sorted(path for path in source.rglob("*") if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(f"{source} holds no image ({', '.join(SUFFIXES)}); name an image or a folder of images")
    return files


def draw_instances(
    image: UInt8[ndarray, "h w 3"], detections: Sequence[dict[str, Any]], names: dict[int, str]
) -> UInt8[ndarray, "k l 3"]:
    """``image``, at least `OVERLAY_SIDE` long, with every detection's mask, and its name and score; best on top."""
    side = max(OVERLAY_SIDE, *image.shape[:2])
    shown, labels = drawing.enlarge(image, side), []
    for row in sorted(detections, key=lambda row: row["score"]):
        mask = drawing.enlarge_mask(decode_mask(row["segmentation"]), side)
        colour = drawing.colour_of(list(names).index(row["category_id"]))
        drawing.draw_mask(shown, mask, colour)
        x, y = (round(value * side / max(image.shape[:2])) for value in row["bbox"][:2])
        labels.append((f"{names[row['category_id']]} {row['score']:.2f}", x, y, colour))
    for text, x, y, colour in labels:
        drawing.draw_label(shown, text, x, y, colour, side / OVERLAY_SIDE)
    return shown


def _refuse_occupied(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not an empty folder; give --out another one, or remove it")


def _readable(files: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that are images, in order, and what is wrong with the others."""
    with ThreadPoolExecutor() as pool:
        troubles = list(tqdm(pool.map(_trouble, files), "reading", len(files), unit="image"))
    readable = [path for path, trouble in zip(files, troubles, strict=True) if trouble is None]
    return readable, [trouble for trouble in troubles if trouble is not None]


def _trouble(path: Path) -> str | None:
    try:
        read_rgb(path)
    except (InputError, OSError) as error:
        return str(error)
    return None


def _name(path: Path, source: Path) -> str:
    return path.name if path == source else path.relative_to(source).as_posix()


def _draw_all(
    numbered: Sequence[tuple[int, Path]],
    names: dict[Path, str],
    found: Sequence[dict[str, Any]],
    class_names: dict[int, str],
    folder: Path,
) -> dict[int, tuple[int, int]]:
    """``folder`` holds an overlay per image; returns the images' heights and widths."""
    own: dict[int, list[dict[str, Any]]] = {number: [] for number, _ in numbered}
    for row in found:
        own[row["image_id"]].append(row)
    sizes = {}
    for number, path in tqdm(numbered, "drawing", unit="image"):
        image = read_rgb(path)
        sizes[number] = image.shape[0], image.shape[1]
        place = folder / (names[path] if path.suffix.lower() in DRAWN else f"{names[path]}.jpg")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(place, draw_instances(image, own[number], class_names), 90)
    return sizes
