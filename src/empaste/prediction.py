"""A trained detector on anybody's images: COCO files of what it found, and the images with that drawn on them."""

import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool
from numpy import ndarray
from tqdm import tqdm

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.coco_records import Coco, DetectedInstance, Detection
from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.detectors.detecting import DETECTION_ERRORS, Detect, DetectSettings, load_detector
from empaste.detectors.models import classes_of
from empaste.errors import InputError, name_and_line
from empaste.images import RGB, SUFFIXES, fit_within, write_rgb
from empaste.masks import decode_mask
from empaste.photograph_files import UNREADABLE_SUFFIXES, walk_visible
from empaste.photographs import read_photograph
from empaste.report import drawing
from empaste.report.names import isolated
from empaste.rle import RLE

OVERLAY_SIDE = 640
"""Longest side of an overlay in pixels, at least: smaller images are enlarged, so that names can be read."""
LARGEST_OVERLAY = 1920
"""Longest side of an overlay in pixels, at most."""
DRAWN = (".jpg", ".jpeg", ".png")
"""Overlays of such files have the same name; those of others have .jpg after it."""
LONGEST_NAME = 255
"""Bytes of a file's name that file systems take."""
RESULTS, DATA_SET, OVERLAYS = "results.json", "instances.json", "overlays"
"""What a prediction's folder holds; a folder with all three is an earlier prediction."""


class Prediction(NamedTuple):
    """What a run found: images and instances, per file that failed what is wrong with it, and what was passed over."""

    num_images: int
    num_instances: int
    failed: list[str]
    passed_over: list[str]


class Files(NamedTuple):
    """Files to predict on, by path; per photograph that cannot be read why; and what is no photograph to be read."""

    photographs: list[Path]
    failed: list[str]
    passed_over: list[str]


class Answer(NamedTuple):
    """What was found in a file, in pixels of its photograph, and the photograph with that drawn on it."""

    path: Path
    size_hw: tuple[int, int]
    detections: list[DetectedInstance]
    overlay: RGB


def predict_files(source: Path, model: Path, out: Path, settings: DetectSettings) -> Prediction:
    """``out`` holds what the detector in ``model`` finds in the image, or the folder of images, ``source``.

    ``results.json``: COCO results; ``instances.json``: the same as a COCO data set with the images' names (relative to
    the folder), ids from 1 in the order of names, and the ``score`` of every annotation; ``overlays/``: every image
    with masks, boxes, names and scores, its longest side from `OVERLAY_SIDE` to `LARGEST_OVERLAY`. Images are read as
    training reads them, one at a time. One that cannot be read or detected on is left out and named; the others stay.
    `InputError` where there is no image, none that can be read, no model, or ``out`` holds files already.
    """
    files = find_files(source)
    detect = load_detector(model, settings)
    names = classes_of(model)
    check_out(out)
    called = {path: path.name if path == source else path.relative_to(source).as_posix() for path in files.photographs}
    overlays = overlay_names(list(called.values()))
    images: list[tuple[int, str, int, int]] = []
    found: list[Detection] = []
    failed = list(files.failed)
    with whole_directory(out) as folder, tqdm(total=len(called), desc="predicting", unit="image") as progress:
        for start in range(0, len(called), settings.batch_size):
            part = files.photographs[start : start + settings.batch_size]
            for answer in _answers(detect, part, names, failed):
                name = called[answer.path]
                images.append((len(images) + 1, name, *answer.size_hw))
                found += [{"image_id": len(images), **row} for row in answer.detections]
                _write_overlay(folder / OVERLAYS / overlays[name], answer.overlay)
            progress.update(len(part))
        if not images:
            raise InputError(f"none of the {len(failed)} images of {source} can be read: {failed[0]}")
        write_whole(folder / RESULTS, json.dumps(found, separators=(",", ":")).encode())
        write_coco(folder / DATA_SET, _data_set(images, found, names, f"predicted by {model}"))
    return Prediction(len(images), len(found), failed, files.passed_over)


def find_files(source: Path) -> Files:
    """The image ``source``, whatever its ending, or what lies in the folder ``source`` and below.

    Every photograph there is listed or named as one that cannot be read. Passed over are other files, by number, and
    the overlays of earlier predictions; without a word what an operating system keeps there for itself. Links to
    folders are followed, each folder once. `InputError` without any photograph.
    """
    try:
        is_file, is_folder = source.is_file(), source.is_dir()
    except OSError as error:
        raise InputError(f"{source} cannot be read ({error.strerror}); name an image or a folder of images") from error
    if is_file:
        return Files([source], [], [])
    if not is_folder:
        raise InputError(f"{source} is no file and no folder; name an image or a folder of images")
    files = _look_through(source)
    if not files.photographs and not files.failed:
        seen = f"; it holds {'; '.join(files.passed_over)}" if files.passed_over else ""
        raise InputError(f"{source} holds no image ({', '.join(SUFFIXES)}){seen}; name an image or a folder of images")
    return files


def _look_through(source: Path) -> Files:
    photographs: list[Path] = []
    failed: dict[Path, str] = {}
    others: Counter[str] = Counter()
    earlier: list[Path] = []

    def note(error: OSError) -> None:
        failed[Path(error.filename)] = f"{error.filename} cannot be read ({error.strerror}); restore it or remove it"

    for here, folders, names in walk_visible(source, note):
        if OVERLAYS in folders and {RESULTS, DATA_SET} <= set(names):
            folders.remove(OVERLAYS)
            earlier.append(here)
            names = [name for name in names if name not in (RESULTS, DATA_SET)]
        for path in (here / name for name in names):
            ending = path.suffix.lower()
            if ending not in SUFFIXES + UNREADABLE_SUFFIXES:
                others[ending or "no ending"] += 1
            elif not path.is_file():
                failed[path] = f"{path} is no file, or a link to none; restore it or remove it"
            elif ending in UNREADABLE_SUFFIXES:
                failed[path] = f"{path} is of a kind that is not read ({ending}); convert it, for example to .png"
            else:
                photographs.append(path)
    passed_over = [f"the overlays of an earlier prediction, {folder}" for folder in sorted(earlier)]
    if others:
        kinds = ", ".join(f"{ending} {number}" for ending, number in sorted(others.items()))
        passed_over.append(f"{others.total()} files that are no photographs by their ending ({kinds})")
    return Files(sorted(photographs), [failed[path] for path in sorted(failed)], passed_over)


def overlay_names(names: Sequence[str]) -> dict[str, str]:
    """Where below ``overlays/`` the overlay of each image lies, no two at one place.

    JPEG and PNG files keep their names; others get .jpg after theirs, with a number where that is taken, cut short
    where it is longer than file systems take.
    """
    places = {name: name for name in names if Path(name).suffix.lower() in DRAWN}
    taken = set(places) | {parent.as_posix() for name in names for parent in Path(name).parents}
    for name in names:
        if name not in places:
            number = 1
            while (place := _as_jpeg(name, number)) in taken:
                number += 1
            taken.add(place)
            places[name] = place
    return places


def _as_jpeg(name: str, number: int) -> str:
    ending = ".jpg" if number == 1 else f"-{number}.jpg"
    own = Path(name).name
    if len(os.fsencode(own)) + len(ending) > LONGEST_NAME:
        own = os.fsencode(own)[: LONGEST_NAME - len(ending)].decode(errors="ignore")
    return Path(name).with_name(f"{own}{ending}").as_posix()


def draw_detections(image: RGB, detections: Sequence[DetectedInstance], names: Mapping[int, str]) -> RGB:
    """``image``, at least `OVERLAY_SIDE` long, with every detection's mask, and its name and score; best on top.

    ``image`` may be smaller than the masks, which are shrunk to it one at a time.
    """
    places = {class_id: place for place, class_id in enumerate(names)}
    drawn = (
        drawing.Drawn(_shown_mask(row["segmentation"], image.shape[:2]),
                      f"{isolated(names[row['category_id']])} {row['score']:.2f}",
                      drawing.colour_of(places[row["category_id"]]))
        for row in sorted(detections, key=lambda row: row["score"])
    )  # fmt: skip
    return drawing.draw_instances(image, drawn, max(OVERLAY_SIDE, *image.shape[:2]))


def _shown_mask(rle: RLE, size_hw: tuple[int, ...]) -> Bool[ndarray, "h w"]:
    """The mask at ``size_hw``; where that is smaller a pixel shows it that lies mostly inside."""
    mask = decode_mask(rle)
    if mask.shape == size_hw:
        return mask
    columns = np.ascontiguousarray(mask.T).view(np.uint8)  # as it lies in memory: no copy
    return cv2.resize(columns, size_hw, interpolation=cv2.INTER_AREA).T > 0


def check_out(out: Path) -> None:
    """`InputError` where ``out`` is taken or cannot be made."""
    try:
        if out.is_symlink() or (out.exists() and (not out.is_dir() or any(out.iterdir()))):
            raise InputError(f"{out} exists and is not an empty folder; give --out another one, or remove it")
        if out.resolve() == Path.cwd():
            raise InputError(f"{out} is the folder that you are in; give --out another one")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}~", dir=out.parent):
            pass  # as the scratch folder will be made
    except OSError as error:
        raise InputError(f"{out} cannot be made ({error.strerror}); give --out another folder") from error


def _answers(detect: Detect, files: Sequence[Path], names: Mapping[int, str], failed: list[str]) -> list[Answer]:
    """What is found in every one of ``files``; what is wrong with another is added to ``failed``.

    Where a batch fails each of its images is tried alone.
    """
    shown: list[tuple[Path, tuple[int, int], RGB]] = []
    unreadable: list[str] = []

    def photographs() -> Iterator[RGB]:
        for path in files:
            try:
                yield _note(path, read_photograph(path).image, shown)
            except InputError as error:
                unreadable.append(str(error))

    try:
        found = detect(photographs())
        answers = [
            Answer(path, size_hw, rows, draw_detections(canvas, rows, names))
            for (path, size_hw, canvas), rows in zip(shown, found, strict=True)
        ]
    except DETECTION_ERRORS as error:
        if len(files) > 1:
            return [answer for path in files for answer in _answers(detect, [path], names, failed)]
        failed.append(f"{files[0]} could not be detected on ({name_and_line(error)})")
        return []
    failed += unreadable
    return answers


def _note(path: Path, image: RGB, shown: list[tuple[Path, tuple[int, int], RGB]]) -> RGB:
    """``image``; ``shown`` now holds its size and what its overlay is drawn on."""
    shown.append((path, (image.shape[0], image.shape[1]), fit_within(image, LARGEST_OVERLAY)))
    return image


def _write_overlay(place: Path, overlay: RGB) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    write_rgb(place, overlay, 90)


def _data_set(
    images: Sequence[tuple[int, str, int, int]], found: Sequence[Detection], names: Mapping[int, str], origin: str
) -> Coco:
    classes = pd.DataFrame([{"class_id": number, "name": name} for number, name in names.items()], dtype=object)
    annotations = [
        instance(number, row["image_id"], row["category_id"], row["segmentation"], score=row["score"])
        for number, row in enumerate(found, 1)
    ]
    # Of Python's own values: file names may hold bytes that are no UTF-8, which pandas' text does not take.
    table = pd.DataFrame(images, columns=["image_id", "file_name", "height", "width"], dtype=object)
    return coco_dataset(table, classes.assign(supercategory="object"), annotations, origin)
