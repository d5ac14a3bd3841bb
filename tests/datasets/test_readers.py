"""What every reader in the registry gives, whatever the layout."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from empaste.datasets import DATASETS
from empaste.datasets.records import DataSet
from empaste.datasets.settings import PrepareSettings
from empaste.images import decode_rgb
from tests.datasets.layouts import ROWS, settings_of, write_coco, write_folder, write_voc

WRITERS: dict[str, Callable[[Path], Path | None]] = {
    "demo": lambda _root: None,
    "folder": lambda root: write_folder(root, ROWS),
    "coco": write_coco,
    "voc": write_voc,
}


@pytest.fixture(params=list(DATASETS))
def data(request: pytest.FixtureRequest, tmp_path: Path) -> DataSet:
    return DATASETS[request.param](
        settings_of(WRITERS[request.param](tmp_path / "set"), num_train=2, num_val=1, image_size=64)
    )


def test_the_registry_is_what_params_allow() -> None:
    assert set(DATASETS) == set(get_args(PrepareSettings.model_fields["dataset"].annotation))


def test_examples_are_unique_ordered_and_labelled(data: DataSet) -> None:
    ids = [example.image_id for example in data.examples]
    assert ids == sorted(set(ids))
    assert {example.split for example in data.examples} == {"train", "val"}
    names = [example.file_name for example in data.examples]
    assert len(set(names)) == len(names)
    assert all(
        name == f"{example.split}/{Path(name).stem}.jpg" for name, example in zip(names, data.examples, strict=True)
    )


def test_classes_are_named_once(data: DataSet) -> None:
    assert len({one.class_id for one in data.classes}) == len({one.name for one in data.classes}) == len(data.classes)
    assert all(one.class_id >= 1 and one.name and one.supercategory for one in data.classes)


def test_loading_gives_an_image_and_masks_of_its_size_every_time(data: DataSet) -> None:
    known = {one.class_id for one in data.classes}
    for example in data.examples:
        picture = data.load(example, 30)
        assert picture.jpeg == data.load(example, 30).jpeg
        assert decode_rgb(np.frombuffer(picture.jpeg, np.uint8), "a").shape == (picture.height, picture.width, 3)
        assert max(picture.height, picture.width) == 30
        assert set(picture.class_ids) <= known
        assert list(picture.class_ids) == sorted(set(picture.class_ids))
        assert picture.class_ids or example.split == "val"
        for class_id, mask, iscrowd in picture.masks:
            assert class_id in known
            assert iscrowd in (0, 1)
            assert mask.shape == (picture.height, picture.width)
            assert mask.dtype == bool
            assert mask.any()
