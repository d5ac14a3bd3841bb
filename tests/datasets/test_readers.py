"""What every reader in the registry gives, whatever the layout."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from empaste.datasets import DATASETS
from empaste.datasets.records import DataSet
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.images import decode_rgb
from tests.datasets.layouts import ROWS, settings_of, write_coco, write_folder, write_photo, write_voc

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


def _folder_naming(root: Path, name: str) -> None:
    write_folder(root, [*ROWS, f"{name},dog,val"], missing=(name,))


def _coco_naming(root: Path, name: str) -> None:
    write_coco(root)
    path = root / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    content["images"][0]["file_name"] = name
    path.write_text(json.dumps(content))


def _voc_naming(root: Path, name: str) -> None:
    write_voc(root)
    (root / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt").write_text(f"{name}\n")


NAMING = {"folder": _folder_naming, "coco": _coco_naming, "voc": _voc_naming}
"""Layout -> what writes a data set of which one entry names a file."""


@pytest.mark.parametrize("layout", NAMING)
@pytest.mark.parametrize("form", ["../" * 3, "a/" + "../" * 4, "..\\..\\..\\", "/", "C:", "C:\\", "file://"])
def test_no_name_leads_out_of_the_data_set(layout: str, form: str, tmp_path: Path) -> None:
    """The file is there, at every depth from which the names could lead to it."""
    root = tmp_path / "of" / "one" / "set"
    secrets = [write_photo(place / "secret.jpg") for place in (tmp_path, root.parent, root.parents[1])]
    NAMING[layout](root, form + ("secret.jpg" if ".." in form else str(secrets[0]).lstrip("/")))
    with pytest.raises(InputError, match="secret"):
        _read_all(DATASETS[layout](settings_of(root)))


def _read_all(data: DataSet) -> None:
    for example in data.examples:
        data.load(example, 30)


def test_links_are_followed(tmp_path: Path) -> None:
    """Who links a folder or a file of images means it; nothing tells such links from those in an archive of others."""
    own = write_folder(tmp_path / "own", ROWS) / "images"
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.csv").write_bytes((tmp_path / "own" / "labels.csv").read_bytes())
    (tmp_path / "set" / "images").symlink_to(own)
    (own / "c.jpg").rename(tmp_path / "elsewhere.jpg")
    (own / "c.jpg").symlink_to(tmp_path / "elsewhere.jpg")
    found = DATASETS["folder"](settings_of(tmp_path / "set")).examples
    assert [example.path and example.path.is_file() for example in found] == [True] * 3
