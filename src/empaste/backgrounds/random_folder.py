"""Images of a folder that show none of the classes: a row of the papers' ablation, and the way in for images of any
other program.

What the folder's own labels say is believed (`image_labels`): ``labels.csv`` (columns file and label; several labels
in several rows or separated by ``;``) and COCO annotations (``*.json``), there or in any folder below. An image that
they give a target class is not used. For the others, and where there are no labels, the user vouches.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from empaste.artifacts.fields import listed
from empaste.backgrounds.generator import Generator, GeneratorSettings, MapScenes
from empaste.backgrounds.image_labels import images_that_show
from empaste.backgrounds.scenes import NO_CAPTION, Candidate, Failure, Made, Scene, Source
from empaste.errors import InputError
from empaste.images import SUFFIXES
from empaste.photograph_files import UNREADABLE_SUFFIXES, find_photographs, visible_files
from empaste.photographs import read_photograph


class Usable(NamedTuple):
    """The images to draw from, how many their labels ruled out, the tables of labels, and what a person should know of
    them.
    """

    files: tuple[Path, ...]
    num_refused: int
    tables: tuple[Path, ...]
    warnings: tuple[str, ...]


def open_source(settings: GeneratorSettings, class_names: Sequence[str], _: MapScenes = map) -> Source:
    """The source of ``per_caption`` images of the folder ``root`` per scene, cropped to the scene's size.

    `InputError` where the folder is missing, its labels cannot be read, or no image is left.
    """
    usable = usable_files(Path(str(settings.root)), class_names)
    if usable.tables:
        print(f"backgrounds: labels are read from {listed([str(path) for path in usable.tables])}", file=sys.stderr)
    for line in usable.warnings:
        print(f"WARNING: backgrounds.root: {line}", file=sys.stderr)
    each = partial(
        make, per_caption=settings.per_caption, retries=settings.retries, seed=settings.seed, files=usable.files
    )
    return Source(partial(map, each), counts={"refused_by_labels": usable.num_refused})


def usable_files(folder: Path, class_names: Sequence[str]) -> Usable:
    """The images in ``folder`` and below, by path, without those that its labels give one of ``class_names``."""
    files = image_files(folder)
    shown = images_that_show(folder, files, class_names)
    kept = tuple(path for path in files if path not in shown.files)
    if not kept:
        raise InputError(
            f"all {len(files)} images of backgrounds.root, {folder}, show a target class by their labels; "
            "choose a folder with others"
        )
    return Usable(kept, len(files) - len(kept), shown.tables, (*shown.warnings, *_unreadable(folder)))


def image_files(folder: Path) -> tuple[Path, ...]:
    """The images in ``folder`` and below, by path."""
    if not folder.is_dir():
        raise InputError(f"backgrounds.root is {str(folder)!r}, which is no folder; set it to a folder of images")
    files = tuple(find_photographs(folder))
    if not files:
        raise InputError(f"backgrounds.root, {folder}, holds no image ({', '.join(SUFFIXES)}); add some")
    return files


def _unreadable(folder: Path) -> list[str]:
    """A line on the photographs in ``folder`` of kinds that are not read, where there are any."""
    files = [path for path in visible_files(folder) if path.suffix.lower() in UNREADABLE_SUFFIXES]
    if not files:
        return []
    return [f"{len(files)} photographs of kinds that are not read are left out ({listed(files)})"]


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
                image = read_photograph(files[next(drawn)]).image
            except InputError as error:
                reasons.append(str(error))
                continue
            candidates.append(Candidate(crop(image, scene.height, scene.width, rng)))
            break
        else:
            failures.append(Failure(NO_CAPTION, "", len(reasons), reasons[-1]))
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


GENERATOR: Generator[Any] = Generator(
    "random", open_source, asks={"root": "takes images from a folder; set backgrounds.root to it"}
)
