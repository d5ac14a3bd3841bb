"""A trained detector on anybody's images: COCO files of what it found, and the images with that drawn on them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from jaxtyping import UInt8
from numpy import ndarray
from tqdm import tqdm

from empaste.artifacts.coco import Coco, coco_dataset, instance, write_coco
from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.detectors import classes_of, load_detector
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
    names = classes_of(model)
    _refuse_occupied(out)
    images: list[tuple[int, str, int, int]] = []
    found: list[dict[str, Any]] = []
    unreadable: list[str] = []
    with whole_directory(out) as folder, tqdm(total=len(files), desc="predicting", unit="image") as progress:
        for start in range(0, len(files), batch_size):
            part = files[start : start + batch_size]
            shown = list(_read(part, unreadable))
            for (path, image), rows in zip(shown, detect([image for _, image in shown]) if shown else (), strict=True):
                name = path.name if path == source else path.relative_to(source).as_posix()
                images.append((len(images) + 1, name, image.shape[0], image.shape[1]))
                found += [{"image_id": len(images), **row} for row in rows]
                _write_overlay(folder / "overlays", name, draw_detections(image, rows, names))
            progress.update(len(part))
        if not images:
            raise InputError(f"none of the {len(files)} images of {source} can be read: {unreadable[0]}")
        write_whole(folder / "results.json", json.dumps(found, separators=(",", ":")).encode())
        write_coco(folder / "instances.json", _data_set(images, found, names, f"predicted by {model}"))
    return Prediction(len(images), len(found), unreadable)


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


def draw_detections(
    image: UInt8[ndarray, "h w 3"], detections: Sequence[dict[str, Any]], names: Mapping[int, str]
) -> UInt8[ndarray, "k l 3"]:
    """``image``, at least `OVERLAY_SIDE` long, with every detection's mask, and its name and score; best on top."""
    places = {class_id: place for place, class_id in enumerate(names)}
    drawn = [
        drawing.Drawn(decode_mask(row["segmentation"]), f"{names[row['category_id']]} {row['score']:.2f}",
                      drawing.colour_of(places[row["category_id"]]))
        for row in sorted(detections, key=lambda row: row["score"])
    ]  # fmt: skip
    return drawing.draw_instances(image, drawn, max(OVERLAY_SIDE, *image.shape[:2]))


def _refuse_occupied(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists and is not an empty folder; give --out another one, or remove it")


def _read(files: Sequence[Path], unreadable: list[str]) -> Iterator[tuple[Path, UInt8[ndarray, "h w 3"]]]:
    """The files that are images, in order; what is wrong with another is added to ``unreadable``."""
    for path in files:
        try:
            yield path, read_rgb(path)
        except (InputError, OSError) as error:
            unreadable.append(str(error))


def _write_overlay(folder: Path, name: str, overlay: UInt8[ndarray, "k l 3"]) -> None:
    place = folder / (name if Path(name).suffix.lower() in DRAWN else f"{name}.jpg")
    place.parent.mkdir(parents=True, exist_ok=True)
    write_rgb(place, overlay, 90)


def _data_set(
    images: Sequence[tuple[int, str, int, int]], found: Sequence[dict[str, Any]], names: Mapping[int, str], origin: str
) -> Coco:
    classes = pd.DataFrame([{"class_id": number, "name": name} for number, name in names.items()])
    annotations = [
        instance(number, row["image_id"], row["category_id"], row["segmentation"], score=row["score"])
        for number, row in enumerate(found, 1)
    ]
    table = pd.DataFrame(images, columns=["image_id", "file_name", "height", "width"])
    return coco_dataset(table, classes.assign(supercategory="object"), annotations, origin)
