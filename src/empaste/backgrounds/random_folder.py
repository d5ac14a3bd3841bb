"""Images of a folder that show none of the classes: a row of the papers' ablation, and the way in for images of any
other program.

What the folder's own labels say is believed: ``labels.csv`` (columns file and label; several labels in several rows or
separated by ``;``), or COCO annotations (``*.json``), beside the images or in ``annotations/``. An image that they give
a target class is not used. For the others, and where there are no labels, the user vouches.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from empaste.backgrounds.scenes import Candidate, Failure, Made, Scene, Source
from empaste.errors import InputError
from empaste.images import read_rgb

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")

SAME_CLASS = {
    "airplane": "aeroplane", "motorcycle": "motorbike", "couch": "sofa", "television": "tvmonitor", "tv": "tvmonitor",
    "people": "person", "human": "person", "bike": "bicycle",
}  # fmt: skip
"""Names of VOC's and COCO's classes that differ (after `plain_name`)."""


class Usable(NamedTuple):
    """The images to draw from, and how many their labels ruled out."""

    files: tuple[Path, ...]
    num_refused: int


def generator(
    *, per_caption: int, retries: int, seed: int, root: str | None, class_names: Sequence[str], **_: Any
) -> Source:
    """Source of ``per_caption`` images of the folder ``root`` per scene, cropped to the scene's size.

    `InputError` where the folder is missing, its labels cannot be read, or no image is left.
    """
    usable = usable_files(Path(str(root)), class_names)
    each = partial(make, per_caption=per_caption, retries=retries, seed=seed, files=usable.files)
    return Source(partial(map, each), counts={"refused_by_labels": usable.num_refused})


def usable_files(folder: Path, class_names: Sequence[str]) -> Usable:
    """The images in ``folder`` and below, by path, without those that its labels give one of ``class_names``."""
    files = image_files(folder)
    targets = {plain_name(name) for name in class_names}
    shown = {name for name, labels in read_labels(folder) if plain_name(labels) in targets}
    kept = tuple(path for path in files if path.relative_to(folder).as_posix() not in shown and path.name not in shown)
    if not kept:
        raise InputError(
            f"all {len(files)} images of backgrounds.root, {folder}, show a target class by their labels; "
            "choose a folder with others"
        )
    return Usable(kept, len(files) - len(kept))


def image_files(folder: Path) -> tuple[Path, ...]:
    """The images in ``folder`` and below, by path."""
    if not folder.is_dir():
        raise InputError(f"backgrounds.root is {str(folder)!r}, which is no folder; set it to a folder of images")
    files = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES))
    if not files:
        raise InputError(f"backgrounds.root, {folder}, holds no image ({', '.join(SUFFIXES)}); add some")
    return files


def read_labels(folder: Path) -> Iterator[tuple[str, str]]:
    """File name and label, as the tables in ``folder`` pair them; nothing where there are none."""
    table = folder / "labels.csv"
    if table.exists():
        yield from _read_csv(table)
    for path in sorted([*folder.glob("*.json"), *(folder / "annotations").glob("*.json")]):
        yield from _read_coco(path)


def plain_name(name: str) -> str:
    """``name`` as classes are compared: letters and digits alone, in lower case, VOC's word where COCO has another."""
    plain = "".join(letter for letter in name.casefold() if letter.isalnum())
    return SAME_CLASS.get(plain, plain)


def _read_csv(table: Path) -> Iterator[tuple[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, skipinitialspace=True)
            if not {"file", "label"} <= set(reader.fieldnames or ()):
                raise InputError(f"{table} needs the columns file and label; it has {reader.fieldnames}")
            for row in reader:
                for label in (row["label"] or "").split(";"):
                    yield (row["file"] or "").strip().removeprefix("./").removeprefix("images/"), label
                    yield (row["file"] or "").strip().removeprefix("./"), label
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table} is not a readable CSV file in UTF-8: {error}; save it as such") from error


def _read_coco(path: Path) -> Iterator[tuple[str, str]]:
    try:
        content = json.loads(path.read_bytes())
        names = {image["id"]: image["file_name"] for image in content["images"]}
        categories = {category["id"]: category["name"] for category in content["categories"]}
        for one in content["annotations"]:
            yield names[one["image_id"]], categories[one["category_id"]]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} lies with the images of backgrounds.root and is no COCO annotation file ({error!r}); correct it, "
            "or put it elsewhere if it says nothing about the images"
        ) from error


def make(scene: Scene, per_caption: int, retries: int, seed: int, files: tuple[Path, ...]) -> Made:
    """``per_caption`` images drawn from ``files``, without repeats where there are enough.

    In place of one that cannot be read another is drawn, ``retries`` times.
    """
    rng = np.random.default_rng([seed, scene.image_id])
    drawn = iter(rng.choice(len(files), per_caption * (1 + retries), replace=len(files) < per_caption * (1 + retries)))
    candidates: list[Candidate] = []
    failures: list[Failure] = []
    num_retried = 0
    for _ in range(per_caption):
        reasons: list[str] = []
        while len(reasons) <= retries:
            try:
                image = read_rgb(files[next(drawn)])
            except InputError as error:
                reasons.append(str(error))
                continue
            candidates.append(Candidate(crop(image, scene.height, scene.width, rng)))
            break
        else:
            failures.append(Failure(-1, "", len(reasons), reasons[-1]))
        num_retried += bool(reasons)
    return Made(candidates, failures, num_retried)


def crop(
    image: UInt8[np.ndarray, "h2 w2 3"], height: int, width: int, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """``image``, scaled so that it just covers ``height`` × ``width``, cut to that at a random place."""
    scale = max(height / image.shape[0], width / image.shape[1])
    size_wh = max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale))
    scaled = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top = int(rng.integers(size_wh[1] - height + 1))
    left = int(rng.integers(size_wh[0] - width + 1))
    return scaled[top : top + height, left : left + width]
