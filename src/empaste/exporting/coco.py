"""COCO detection: one JSON file; masks are RLE, and every annotation has its ``score`` where there is one.

Lin et al. 2014; https://cocodataset.org/#format-data. ``score`` is not COCO's own key of a ground truth; COCO's tools
pass over it, and this project, FiftyOne and others read it.
"""

from pathlib import Path

from empaste.artifacts.coco import instance, write_coco
from empaste.artifacts.coco_records import Annotation, Coco
from empaste.exporting.annotated import AnnotatedSet
from empaste.exporting.format import Format


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``annotations/instances_default.json``."""
    write_coco(folder / "annotations/instances_default.json", as_coco(data))


def as_coco(data: AnnotatedSet) -> Coco:
    """``data`` as a COCO data set, annotations numbered from 1."""
    return {
        "info": {"description": data.origin},
        "images": [
            {"id": one.image_id, "file_name": one.name, "height": one.size_hw[0], "width": one.size_hw[1]}
            for one in data.images
        ],
        "annotations": _annotations(data),
        "categories": list(data.classes),
    }


def _annotations(data: AnnotatedSet) -> list[Annotation]:
    pairs = [(image, one) for image in data.images for one in image.instances]
    return [
        instance(number, image.image_id, one.class_id, one.mask, iscrowd=int(one.is_crowd), score=one.score)
        for number, (image, one) in enumerate(pairs, 1)
    ]


FORMAT = Format("COCO", write, "images")
