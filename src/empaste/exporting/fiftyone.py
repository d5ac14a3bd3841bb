"""FiftyOne's ``COCODetectionDataset``: ``data/`` and ``labels.json``; a ``score`` becomes the confidence."""

from pathlib import Path

from empaste.artifacts.coco import write_coco
from empaste.exporting.annotated import AnnotatedSet
from empaste.exporting.coco import as_coco
from empaste.exporting.format import Format


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``labels.json``."""
    write_coco(folder / "labels.json", as_coco(data))


FORMAT = Format("FiftyOne", write, "data")
