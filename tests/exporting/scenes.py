"""A small set to export: masks with a hole, of two pieces, one over another, a crowd; an image without any."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from empaste.artifacts.coco_records import Category
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.exporting.coco import as_coco
from empaste.masks import encode_mask

HEIGHT, WIDTH = 30, 40
NAMES = ("cat", "Käse & <Brot>", "車")


def block(top: int, left: int, height: int, width: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = True
    return mask


RING = block(2, 2, 9, 9) & ~block(5, 5, 3, 3)
TWO = block(15, 3, 5, 5) | block(15, 20, 6, 4)
OVER = block(4, 8, 4, 12)
"""Over 2 × 3 pixels of the ring, smaller than it."""
PIXEL = block(29, 39, 1, 1)


def made_set(
    folder: Path, names: tuple[str, ...] = ("a.jpg", "deep/b c.png", "none.jpg"), scored: bool = True
) -> AnnotatedSet:
    """Images below ``folder``, and what is in them; with scores, but for the crowd."""
    instances = (
        (Instance(3, encode_mask(RING), 0.9, False), Instance(7, encode_mask(OVER), 0.8, False)),
        (Instance(3, encode_mask(TWO), 0.25, False), Instance(9, encode_mask(PIXEL), 0.5, False)),
        (),
    )
    images = []
    for number, (name, shown) in enumerate(zip(names, instances, strict=True), 1):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8)).save(path)
        kept = shown if scored else tuple(one._replace(score=None) for one in shown)
        images.append(AnnotatedImage(number, name, (HEIGHT, WIDTH), path, kept))
    classes: list[Category] = [{"id": number, "name": name} for number, name in zip((3, 7, 9), NAMES, strict=True)]
    return AnnotatedSet(tuple(images), tuple(classes), "a small set")


def written_set(root: Path, scored: bool = True) -> tuple[Path, Path]:
    """`made_set` as a COCO file of this project's, and the folder of its images."""
    data = made_set(root / "photographs", scored=scored)
    (root / "made.json").write_text(json.dumps(as_coco(data)))
    return root / "made.json", root / "photographs"
