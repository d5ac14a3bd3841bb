"""Composites as a COCO data set on disk, and what the run says about itself."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from empaste.artifacts.coco import Coco, coco_dataset, write_coco
from empaste.paste.compose import EncodedComposite
from empaste.paste.pool import Background
from empaste.paste.sources import Foreground


def write_composites(
    folder: Path, items: list[Background], composites: Iterable[EncodedComposite], classes: pd.DataFrame
) -> tuple[Coco, dict[str, int]]:
    """``folder`` holds ``images/NNNNNN.jpg`` and ``instances.json``; returns that and counts of what was left out.

    Images and annotations are numbered from 1, in the order of ``items``. A composite without any instance stays out:
    what it shows may be remains of dropped ones, which no annotation names. Extra keys of an image say where it is from
    (``kind``, ``source_id``), extra keys of an annotation whether it was pasted (``source``), and which foreground.
    """
    (folder / "images").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    left_out = {"dropped_instances": 0, "dropped_images": 0}
    for item, composite in zip(items, composites, strict=True):
        left_out["dropped_instances"] += composite.num_dropped
        if not composite.annotations:
            left_out["dropped_images"] += 1
            continue
        number = len(images) + 1
        name = f"{number:06d}.jpg"
        (folder / "images" / name).write_bytes(composite.jpeg)
        images.append({"id": number, "file_name": name, "height": composite.size_hw[0], "width": composite.size_hw[1],
                       "kind": item.kind, "source_id": item.source_id, "pasted_on": item.pasted_on})  # fmt: skip
        for annotation in composite.annotations:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    empty = pd.DataFrame(columns=["image_id", "file_name", "height", "width"])
    data = {**coco_dataset(empty, classes, annotations, "EM-Paste composites"), "images": images}
    write_coco(folder / "instances.json", data)
    return data, left_out


def summarise(
    data: Coco, left_out: dict[str, int], foregrounds: list[Foreground], classes: pd.DataFrame
) -> dict[str, Any]:
    """Counts of images, instances and foregrounds, in all and per class; a class without any counts 0."""
    annotations = data["annotations"]
    kinds = Counter(image["kind"] if image["pasted_on"] else "unpasted" for image in data["images"])
    sources = Counter(annotation["source"] for annotation in annotations)
    return {
        "images": len(data["images"]),
        "instances": len(annotations),
        "instances_per_class": _per_class(classes, [annotation["category_id"] for annotation in annotations]),
        "foregrounds": len(foregrounds),
        "foregrounds_per_class": _per_class(classes, [foreground.class_id for foreground in foregrounds]),
        "originals_with_extraction": len({foreground.image_id for foreground in foregrounds}),
        "composites_on_originals": kinds["original"],
        "composites_on_backgrounds": kinds["background"],
        "unpasted_originals": kinds["unpasted"],
        "pasted": sources["pasted"],
        "own": sources["original"],
        **left_out,
    }


def _per_class(classes: pd.DataFrame, class_ids: list[int]) -> dict[str, int]:
    counts = Counter(class_ids)
    return {name: counts[class_id] for name, class_id in zip(classes["name"], classes["class_id"], strict=True)}
