"""The command's table, for a world of two images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.layout import HERE, Layout, pipeline_folder
from empaste.masks import encode_mask
from empaste.recall import measure_recall


@pytest.fixture
def here(tmp_path: Path) -> Layout:
    """The artifacts of two images that show the same red disc on grey."""
    layout, (height, width) = HERE.below(tmp_path), (96, 128)
    y, x = np.mgrid[:height, :width]
    disc = (y - 48) ** 2 + (x - 60) ** 2 < 25**2
    photograph = np.where(disc[..., None], (200, 40, 40), (120, 120, 120)).astype(np.uint8)
    images = pd.DataFrame({"image_id": [1, 2], "split": "train", "file_name": ["train/a.png", "train/b.png"]})
    images = images.assign(height=height, width=width)
    (layout.images / "train").mkdir(parents=True)
    for name in images["file_name"]:
        write_rgb(layout.images / name, photograph)
    classes = pd.DataFrame({"class_id": [1], "name": ["disc"], "supercategory": ["shape"]})
    truth = [instance(number, number, 1, encode_mask(disc)) for number in (1, 2)]
    write_table(images, layout.images / "images.parquet", Images)
    write_coco(layout.train_truth, coco_dataset(images, classes, truth, "test"))
    return layout


def measure(here: Layout, methods: list[str], parts: list[str], num_images: int = 0) -> list[str]:
    params = pipeline_folder() / HERE.params
    return measure_recall(methods, num_images, parts, here.images, here.train_truth, params).splitlines()


def test_sources_are_measured_on_all_images_and_on_parts(here: Layout) -> None:
    first, empty, titles, _, felzenszwalb, slic = measure(here, ["felzenszwalb", "slic"], ["a=a*"])
    assert first.startswith("2 images, instances of at least ")
    assert empty == ""
    assert titles.startswith("| source | all: recall at IoU 0.5 / 0.7; images | a: recall")
    assert felzenszwalb.startswith("| felzenszwalb | 100.0 / 100.0; 100.0 | 100.0 / 100.0; 100.0 |")
    assert slic.startswith("| slic | ")
    assert measure(here, ["slic"], [], num_images=1)[0].startswith("1 images")


def test_a_part_that_no_image_fits_is_refused(here: Layout) -> None:
    with pytest.raises(InputError, match=r"none of the 2 images to measure has a file name that fits 'A\*'"):
        measure(here, ["slic"], ["a=A*"])
