"""Ultralytics' YOLO segmentation: a text file per image, a line per instance, ``data.yaml`` with the classes.

https://docs.ultralytics.com/datasets/segment/: ``class x1 y1 x2 y2 …`` in shares of the image. Points stand for the
outermost pixels of the mask, which readers fill with OpenCV, these included.
"""

from pathlib import Path

import numpy as np
import yaml
from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet
from empaste.exporting.format import Format
from empaste.exporting.outlines import filled_polygon

IMAGES = "images/train"
INSIDE = 0.25
"""Where in its pixel a point lies: Ultralytics cuts coordinates to whole pixels, supervision rounds them."""
NOTE = "# Validated on what it is trained on, until val names other images.\n"


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``labels/train/*.txt`` and ``data.yaml``; classes are counted from 0."""
    places = data.places
    for image in tqdm(data.images, desc="YOLO", unit="image"):
        write_whole(folder / "labels/train" / Path(image.name).with_suffix(".txt"), _lines(image, places).encode())
    content = {"train": IMAGES, "val": IMAGES, "names": dict(enumerate(data.class_names.values()))}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    write_whole(folder / "data.yaml", (NOTE + text).encode())


def _lines(image: AnnotatedImage, places: dict[int, int]) -> str:
    height, width = image.size_hw
    lines = []
    for one in image.instances:
        shares = (filled_polygon(one.mask) + INSIDE) / np.array([width, height])
        lines.append(" ".join([str(places[one.class_id]), *(f"{share:.7f}" for share in shares.ravel())]))
    return "".join(f"{line}\n" for line in lines)


FORMAT = Format(
    "YOLO-segment", write, IMAGES, frozenset({"holes", "pieces", "scores", "crowds", "folders"}), names_by_stem=True
)
