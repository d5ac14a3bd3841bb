import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.shards import Shards, write_shards
from empaste.detectors.composites import open_composites
from empaste.errors import InputError
from empaste.images import decode_rgb


def edit(composites: Path, **lists: Any) -> None:
    path = composites / "instances.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | lists))


def entries(composites: Path) -> dict[str, bytes]:
    shards = Shards(composites)
    return {name: shards.read(name) for name in shards}


def content(composites: Path) -> dict[str, Any]:
    return json.loads((composites / "instances.json").read_text())


@pytest.mark.parametrize("memory_limit", [0, 2**30], ids=["from files", "from memory"])
def test_images_come_with_their_instances(composites: Path, memory_limit: int) -> None:
    data = open_composites(composites, memory_limit)
    assert data.image_ids == list(range(1, 9))
    assert data.classes == [(3, "square"), (7, "disc")]
    for place in range(8):
        sample = data.load(place)
        np.testing.assert_array_equal(sample.image, decode_rgb(entries(composites)[f"{place + 1}.png"], ""))
        assert sample.masks.shape == (2, 64, 64) and sample.labels.tolist() == [1, 2]
        assert (sample.image[sample.masks[0] > 0] == (220, 30, 30)).all()
        assert (sample.image[sample.masks[1] > 0] == (30, 220, 30)).all()


def test_an_image_without_an_instance_is_kept_as_background(composites: Path) -> None:
    edit(composites, annotations=[row for row in content(composites)["annotations"] if row["image_id"] != 1])
    sample = open_composites(composites).load(0)
    assert sample.masks.shape == (0, 64, 64) and sample.labels.shape == (0,)


def test_crowd_regions_are_no_instances(composites: Path) -> None:
    edit(composites, annotations=[row | {"iscrowd": int(row["id"] % 2)} for row in content(composites)["annotations"]])
    assert open_composites(composites).load(0).labels.tolist() == [2]


def test_without_any_instance_there_is_nothing_to_learn(composites: Path) -> None:
    edit(composites, annotations=[])
    with pytest.raises(InputError, match=r"instances\.json holds 8 images and no instance.*foregrounds.*dvc repro"):
        open_composites(composites)


def test_an_unknown_class_is_refused(composites: Path) -> None:
    edit(composites, categories=content(composites)["categories"][:1])
    with pytest.raises(InputError, match=r"annotation 2 has category_id 7, which categories lacks; run: dvc repro"):
        open_composites(composites)


def test_a_dangling_image_is_refused(composites: Path) -> None:
    edit(composites, images=content(composites)["images"][1:])
    with pytest.raises(InputError, match="annotations name image 1, which images lacks; run: dvc repro"):
        open_composites(composites)


def test_a_missing_image_is_named(composites: Path) -> None:
    kept = [(name, data) for name, data in entries(composites).items() if name != "5.png"]
    write_shards(composites, kept)
    with pytest.raises(InputError, match=r"holds 5\.png \(7 entries are there\); run: dvc repro"):
        open_composites(composites)


def test_a_mask_of_another_size_is_refused(composites: Path) -> None:
    rows = content(composites)["annotations"]
    rows[0]["segmentation"]["size"] = [32, 128]
    edit(composites, annotations=rows)
    with pytest.raises(InputError, match=r"1\.png is 64 × 64 pixels, but a mask .* is \[32, 128\]; allowed is an RLE"):
        open_composites(composites)


def test_a_polygon_is_refused(composites: Path) -> None:
    rows = content(composites)["annotations"]
    rows[0]["segmentation"] = [[0, 0, 5, 0, 5, 5]]
    edit(composites, annotations=rows)
    with pytest.raises(InputError, match="is a polygon; allowed is an RLE"):
        open_composites(composites)
