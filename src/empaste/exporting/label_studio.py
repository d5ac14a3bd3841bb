"""Label Studio: ``tasks.json`` with brush masks, and ``config.xml``, the labelling interface for the classes.

https://labelstud.io/tags/brushlabels. What has scores is a prediction, to be accepted or corrected; what has none is an
annotation. A brush mask is the image in RGBA, every channel 0 or 255, in the run-length code of ``@thi.ng/rle-pack``.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Bool
from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.exporting.format import Format
from empaste.exporting.outlines import row_runs
from empaste.masks import decode_mask

CHANNELS = 4
WORD_BITS = 8
COUNT_BITS = (3, 4, 8, 16)
"""The four widths that a run's length less 1 may be written in."""
SERVED = "/data/local-files/?d="
"""Where Label Studio serves files below its LOCAL_FILES_DOCUMENT_ROOT."""


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``tasks.json`` and ``config.xml``."""
    tasks = [_task(image, data.class_names) for image in tqdm(data.images, desc="Label Studio", unit="image")]
    write_whole(folder / "tasks.json", json.dumps(tasks, separators=(",", ":")).encode())
    write_whole(folder / "config.xml", ElementTree.tostring(_config(data), encoding="utf-8"))


def brush_code(mask: Bool[np.ndarray, "h w"]) -> list[int]:
    """The bytes of the code of ``mask`` as an image in RGBA.

    A head: how many bytes there are (32 bits), the bits of one less 1 (5), the four widths less 1 (4 each). Then runs:
    a 1, which width (2), the length less 1, the byte.
    """
    head = [f"{mask.size * CHANNELS:032b}", f"{WORD_BITS - 1:05b}", *(f"{width - 1:04b}" for width in COUNT_BITS)]
    runs = [_run(255 * (place % 2), CHANNELS * length) for place, length in enumerate(row_runs(mask))]
    bits = "".join(head + runs)
    bits += "0" * (-len(bits) % 8)
    return list(int(bits, 2).to_bytes(len(bits) // 8, "big"))


def _run(value: int, length: int) -> str:
    """The bits of ``length`` bytes of ``value``, which takes several runs where it is longer than one may be."""
    longest = 2 ** COUNT_BITS[-1]
    parts = [longest] * (length // longest) + [length % longest] * (length % longest > 0)
    return "".join(_part(value, part) for part in parts)


def _part(value: int, length: int) -> str:
    kind = next(place for place, width in enumerate(COUNT_BITS) if length <= 2**width)
    return f"1{kind:02b}{length - 1:0{COUNT_BITS[kind]}b}{value:0{WORD_BITS}b}"


def _task(image: AnnotatedImage, names: dict[int, str]) -> dict[str, Any]:
    result = [_region(image, number, one, names[one.class_id]) for number, one in enumerate(image.instances, 1)]
    scores = [one.score for one in image.instances if one.score is not None]
    task: dict[str, Any] = {"id": image.image_id, "data": {"image": f"{SERVED}images/{quote(image.name)}"}}
    if scores:
        found = {"model_version": "empaste", "score": sum(scores) / len(scores), "result": result}
        return {**task, "predictions": [found]}
    return {**task, "annotations": [{"result": result}]} if result else task


def _region(image: AnnotatedImage, number: int, one: Instance, label: str) -> dict[str, Any]:
    height, width = image.size_hw
    region: dict[str, Any] = {
        "id": f"{image.image_id}-{number}", "type": "brushlabels", "from_name": "mask", "to_name": "image",
        "original_width": width, "original_height": height, "image_rotation": 0,
        "value": {"format": "rle", "rle": brush_code(decode_mask(one.mask)), "brushlabels": [label]},
    }  # fmt: skip
    return region if one.score is None else {**region, "score": one.score}


def _config(data: AnnotatedSet) -> ElementTree.Element:
    view = ElementTree.Element("View")
    ElementTree.SubElement(view, "Image", name="image", value="$image")
    labels = ElementTree.SubElement(view, "BrushLabels", name="mask", toName="image")
    for name in data.class_names.values():
        ElementTree.SubElement(labels, "Label", value=name)
    ElementTree.indent(view)
    return view


FORMAT = Format("Label Studio", write, "images", frozenset({"crowds"}))
