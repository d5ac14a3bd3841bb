"""Readers of data sets: one file per layout, one line here; each finds classes and examples, decoding nothing yet."""

from collections.abc import Callable

from empaste.datasets.coco import open_coco
from empaste.datasets.demo import open_demo
from empaste.datasets.folder import open_folder
from empaste.datasets.records import DataSet
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.voc import open_voc

DATASETS: dict[str, Callable[[PrepareSettings], DataSet]] = {
    "demo": open_demo,
    "folder": open_folder,
    "coco": open_coco,
    "voc": open_voc,
}
