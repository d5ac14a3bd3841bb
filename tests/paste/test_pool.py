"""Which images are pasted on, how often, in which order."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.coco_records import Annotation, Coco, ImageRecord
from empaste.artifacts.shards import write_shards
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.paste.foregrounds import Foreground
from empaste.paste.pool import list_canvases, list_originals, list_synthesised, void_regions
from empaste.rle import RLE

PATHS = {2: Path("data/images/train/2.jpg"), 5: Path("data/images/train/5.jpg")}
BACKGROUNDS = pd.DataFrame(
    {
        "background_id": [3, 1, 2],
        "file_name": ["3.jpg", "1.jpg", "2.jpg"],
        "selected": [True, True, False],
    }
)
FILES = [(f"{k}.jpg", encode_rgb(np.full((4, 5, 3), 10 * k, np.uint8), ".jpg")) for k in (1, 3)]


def foreground(image_id: int, source_id: int) -> Foreground:
    return Foreground(image_id, 1, source_id, "segment_id", RLE(size=[1, 1], counts="01"))


def test_originals_are_the_training_images_with_foregrounds_each_with_its_own() -> None:
    originals = list_originals([foreground(5, 0), foreground(5, 1)], PATHS, Path("data/images"))
    assert [(one.source_id, one.image) for one in originals] == [(5, Path("data/images/train/5.jpg"))]
    assert [own.source_id for own in originals[0].own] == [0, 1]


@pytest.mark.parametrize("image_id", [9, 77])
def test_a_foreground_outside_the_training_split_is_refused(image_id: int) -> None:
    with pytest.raises(InputError, match=f"image {image_id}, which is no training image of data/images"):
        list_originals([foreground(image_id, 0)], PATHS, Path("data/images"))


def test_void_and_crowds_are_regions_that_are_not_free() -> None:
    crowd, other = RLE(size=[2, 3], counts="12"), RLE(size=[2, 3], counts="33")
    rows: list[Annotation] = [
        {"id": 1, "image_id": 5, "category_id": 1, "segmentation": mask, "area": 1, "bbox": [], "iscrowd": k}
        for mask, k in ((crowd, 1), (other, 0), (other, 1))
    ]
    void = RLE(size=[2, 3], counts="24")
    images: list[ImageRecord] = [
        {"id": 5, "file_name": "", "height": 2, "width": 3, "void": void},
        {"id": 6, "file_name": "", "height": 2, "width": 3, "void": void},
        {"id": 7, "file_name": "", "height": 2, "width": 3},
    ]
    data: Coco = {"images": images, "annotations": rows, "categories": []}
    assert void_regions(data) == {5: (void, crowd, other), 6: (void,)}
    originals = list_originals([foreground(2, 0), foreground(5, 1)], PATHS, Path("i"), {5: (crowd,), 9: (other,)})
    assert [one.void for one in originals] == [(), (crowd,)]


def test_synthesised_backgrounds_are_the_selected_ones_by_id(tmp_path: Path) -> None:
    write_shards(tmp_path, FILES)
    found = list_synthesised(BACKGROUNDS, tmp_path)
    assert [(one.source_id, str(one.image), one.own) for one in found] == [
        (1, f"{tmp_path}/images-00000.tar:1.jpg", ()), (3, f"{tmp_path}/images-00000.tar:3.jpg", ())
    ]  # fmt: skip
    assert (found[1].read_rgb() == 30).all()


def test_a_background_that_no_shard_holds_is_named(tmp_path: Path) -> None:
    write_shards(tmp_path, FILES[:1])
    with pytest.raises(InputError, match=r"holds 3\.jpg \(1 entries are there\); run: dvc repro"):
        list_synthesised(BACKGROUNDS, tmp_path)


def test_the_pool_is_originals_repeated_then_backgrounds_then_originals_unpasted(tmp_path: Path) -> None:
    write_shards(tmp_path, FILES)
    originals = list_originals([foreground(2, 0), foreground(5, 1)], PATHS, Path("i"))
    items = list_canvases(originals, list_synthesised(BACKGROUNDS, tmp_path), 2, keep_originals=True)
    assert [(one.kind[0], one.source_id, one.copy, one.pasted_on) for one in items] == [
        ("o", 2, 0, True), ("o", 2, 1, True), ("o", 5, 0, True), ("o", 5, 1, True),
        ("b", 1, 0, True), ("b", 3, 0, True), ("o", 2, 0, False), ("o", 5, 0, False),
    ]  # fmt: skip
    assert len(list_canvases(originals, [], 1, keep_originals=False)) == 2
