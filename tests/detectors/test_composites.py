import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.shards import Shards, write_shards
from empaste.detectors.composites import open_composites
from empaste.errors import InputError
from empaste.images import decode_rgb
from empaste.masks import encode_mask


def edit(composites: Path, **lists: Any) -> None:
    path = composites / "instances.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | lists))


def entries(composites: Path) -> dict[str, bytes]:
    shards = Shards(composites)
    return {name: shards.read(name) for name in shards}


def content(composites: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((composites / "instances.json").read_text())
    return found


@pytest.mark.parametrize("memory_limit", [0, 2**30], ids=["from files", "from memory"])
def test_images_come_with_their_instances(composites: Path, memory_limit: int) -> None:
    data = open_composites(composites, memory_limit)
    assert data.image_ids == list(range(1, 9))
    assert data.classes == [(3, "square"), (7, "disc")]
    for place in range(8):
        sample = data.load(place)
        np.testing.assert_array_equal(sample.image, decode_rgb(entries(composites)[f"{place + 1}.png"], ""))
        assert sample.masks.shape == (2, 64, 64)
        assert sample.labels.tolist() == [1, 2]
        assert (sample.image[sample.masks[0] > 0] == (220, 30, 30)).all()
        assert (sample.image[sample.masks[1] > 0] == (30, 220, 30)).all()


def test_an_image_without_an_instance_is_kept_as_background(composites: Path) -> None:
    edit(composites, annotations=[row for row in content(composites)["annotations"] if row["image_id"] != 1])
    sample = open_composites(composites).load(0)
    assert sample.masks.shape == (0, 64, 64)
    assert sample.labels.shape == (0,)


def test_crowd_regions_are_no_instances(composites: Path) -> None:
    edit(composites, annotations=[row | {"iscrowd": int(row["id"] % 2)} for row in content(composites)["annotations"]])
    assert open_composites(composites).load(0).labels.tolist() == [2]


@pytest.mark.parametrize("memory_limit", [0, 2**30], ids=["from files", "from memory"])
def test_void_pixels_come_with_their_image(composites: Path, memory_limit: int) -> None:
    region = np.zeros((64, 64), bool)
    region[:9, 3:] = True
    first, second, *others = content(composites)["images"]
    nothing = encode_mask(np.zeros((64, 64), bool))
    edit(composites, images=[first | {"void": encode_mask(region)}, second | {"void": nothing}, *others])
    data = open_composites(composites, memory_limit)
    assert data.num_void == 2
    void = data.load(0).void
    assert void is not None
    assert np.array_equal(void, region)
    assert void.dtype == np.uint8
    assert [data.load(place).void for place in (1, 2)] == [None, None]


def test_void_of_another_size_than_its_image_is_refused(composites: Path) -> None:
    first, *others = content(composites)["images"]
    edit(composites, images=[first | {"void": encode_mask(np.ones((9, 9), bool))}, *others])
    with pytest.raises(InputError, match=r"is 64 × 64 pixels, but a mask of it in instances\.json is \[9, 9\]"):
        open_composites(composites)


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


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf"), None, "3"])
@pytest.mark.parametrize("crowd", [0, 1])
def test_a_box_of_no_finite_numbers_is_refused(composites: Path, wrong: object, crowd: int) -> None:
    rows = content(composites)["annotations"]
    rows[4] |= {"bbox": [1, wrong, 5, 5], "iscrowd": crowd}
    edit(composites, annotations=rows)
    with pytest.raises(
        InputError, match=r"instances\.json: annotation 5 has the bbox \[1, .*allowed are four finite.*dvc repro paste"
    ):
        open_composites(composites)


@pytest.mark.parametrize("bbox", [None, [], [1, 2, 3], 7, "1234"])
def test_a_box_of_another_shape_is_refused(composites: Path, bbox: object) -> None:
    rows = content(composites)["annotations"]
    rows[0]["bbox"] = bbox
    edit(composites, annotations=rows)
    with pytest.raises(InputError, match="annotation 1 has the bbox"):
        open_composites(composites)


def test_classes_without_an_instance_are_named(composites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = open_composites(composites).load(0)
    assert "WARNING" not in capsys.readouterr().err
    further = [{"id": 5, "name": "cat"}, {"id": 9, "name": "dog"}]
    edit(composites, categories=content(composites)["categories"] + further)
    data = open_composites(composites)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("WARNING")]
    path = composites / "instances.json"
    assert warnings == [f"WARNING: cat, dog have no instance in {path}: the detector will never find them"]
    assert [name for _, name in data.classes] == ["square", "cat", "disc", "dog"]
    np.testing.assert_array_equal(data.load(0).masks, before.masks)
    assert data.load(0).labels.tolist() == [1, 3]


def test_a_class_of_crowds_alone_has_no_instance(composites: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row | {"iscrowd": int(row["category_id"] == 7)} for row in content(composites)["annotations"]]
    edit(composites, annotations=rows)
    open_composites(composites)
    assert "WARNING: disc has no instance in" in capsys.readouterr().err


def test_an_empty_mask_is_no_instance(composites: Path) -> None:
    rows = content(composites)["annotations"]
    rows[0]["segmentation"] = encode_mask(np.zeros((64, 64), bool))
    edit(composites, annotations=rows)
    sample = open_composites(composites).load(0)
    assert sample.labels.tolist() == [2]
    assert sample.masks.shape == (1, 64, 64)
