"""Foregrounds from a file: images by name or id, classes by name, labels that forbid, and everything that is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.foreign_coco import ListedImage
from empaste.artifacts.image_keys import NamedImage
from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask
from empaste.paste.foreground_file import FileForegrounds, match_images, read_foreground_file

IMAGES = pd.DataFrame(
    {
        "image_id": [4, 7, 9],
        "split": ["train", "train", "val"],
        "file_name": ["train/a.jpg", "train/x__b.jpg", "val/c.jpg"],
        "height": 20,
        "width": 30,
    }
)
LABELS = pd.DataFrame({"image_id": [4, 7, 7, 9], "class_id": [1, 1, 2, 1]})
CLASSES = pd.DataFrame({"class_id": [1, 2], "name": ["ball", "fish"], "supercategory": ["toy", "toy"]})


def box(x: int, y: int, width: int, height: int) -> np.ndarray:
    mask = np.zeros((20, 30), bool)
    mask[y : y + height, x : x + width] = True
    return mask


MASK = box(2, 3, 6, 6)


def annotation(number: int, image_id: Any = 1, category_id: Any = 5, **extra: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": category_id, "segmentation": encode_mask(MASK)} | extra


def coco(*annotations: Any, **changes: Any) -> dict[str, Any]:
    """Two images and three categories, with other ids than here; the hat is no class."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}, {"id": 2, "file_name": "x/b.jpg"}],
        "categories": [{"id": 5, "name": "ball"}, {"id": 1, "name": "fish"}, {"id": 2, "name": "hat"}],
        "annotations": list(annotations),
    } | changes


def read(path: Path, content: Any) -> FileForegrounds:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_foreground_file(path, IMAGES, LABELS, CLASSES)


def test_images_and_classes_are_found_by_name_and_the_score_is_the_confidence(tmp_path: Path) -> None:
    small = annotation(12, 2, segmentation=encode_mask(box(0, 0, 3, 3)))
    taken = read(tmp_path / "f.json", coco(small, annotation(10, 2, 1, score=0.5), annotation(11, score=1)))
    assert taken.left_out == {}
    found = [(one.image_id, one.class_id, one.source_id, one.origin, one.confidence) for one in taken.foregrounds]
    # By image, the larger first.
    assert found == [
        (4, 1, 11, "annotation_id", 1),
        (7, 2, 10, "annotation_id", 0.5),
        (7, 1, 12, "annotation_id", None),
    ]
    assert np.array_equal(decode_mask(taken.foregrounds[0].mask_rle), MASK)


def test_masks_may_be_polygons_or_either_kind_of_rle(tmp_path: Path) -> None:
    polygon = [[2, 3, 8, 3, 8, 9, 2, 9]]
    runs = [2 * 20 + 3, *[6, 14] * 5, 6]
    numbers = {"size": [20, 30], "counts": [*runs, 20 * 30 - sum(runs)]}
    forms = [annotation(2, segmentation=polygon), annotation(3, segmentation=numbers)]
    taken = read(tmp_path / "f.json", coco(annotation(1), *forms))
    assert [one.source_id for one in taken.foregrounds] == [1, 2, 3]
    for one in taken.foregrounds:
        assert np.array_equal(decode_mask(one.mask_rle), MASK)


def test_what_the_labels_do_not_name_is_left_out_and_counted(tmp_path: Path) -> None:
    rows = [annotation(1), annotation(2, 1, 1), annotation(3, 1, 2), annotation(4, 2, 2), annotation(5, 2, 1)]
    taken = read(tmp_path / "f.json", coco(*rows))
    assert [one.source_id for one in taken.foregrounds] == [1, 5]
    assert taken.left_out == {"fish": 1, "hat": 2}


def test_crowds_and_annotations_without_a_mask_are_no_instances(tmp_path: Path) -> None:
    empty = encode_mask(np.zeros((20, 30), bool))
    rows = [annotation(1), annotation(2, iscrowd=1), annotation(3, segmentation=[]), annotation(4, segmentation=empty)]
    rows.append({"id": 5, "image_id": 1, "category_id": 5})
    taken = read(tmp_path / "f.json", coco(*rows))
    assert [one.source_id for one in taken.foregrounds] == [1]
    called = f"paste.foregrounds_file {tmp_path}/f.json"
    assert taken.warnings == (
        f"1 annotations are crowds: {called}: annotation 2",
        f"2 annotations have no mask: the first is {called}: annotation 3",
        f"1 annotations have an empty mask: {called}: annotation 4",
    )


def test_fields_of_another_type_are_read(tmp_path: Path) -> None:
    rows = [annotation(1, iscrowd="0"), annotation(2, iscrowd="1"), annotation("3", "1", "5", score="0.5")]  # type: ignore[arg-type]
    images = [{"id": "1", "file_name": "A.JPG", "height": 20.0, "width": "30"}]
    categories = [{"id": 5.0, "name": " ball "}]
    taken = read(tmp_path / "f.json", coco(*rows, images=images, categories=categories))
    assert [(one.source_id, one.confidence) for one in taken.foregrounds] == [(1, None), (3, 0.5)]


def test_annotations_without_ids_are_numbered(tmp_path: Path) -> None:
    rows = [annotation(1) | {"id": None} for _ in range(2)]
    assert [one.source_id for one in read(tmp_path / "f.json", coco(*rows)).foregrounds] == [1, 2]


def test_polygons_are_cut_off_at_the_image_and_refused_far_away(tmp_path: Path) -> None:
    rows = [annotation(1, segmentation=[[20, 10, 45, 10, 45, 18, 20, 18]]), annotation(2)]
    taken = read(tmp_path / "f.json", coco(*rows))
    assert np.array_equal(decode_mask(taken.foregrounds[0].mask_rle), box(20, 10, 10, 8))
    (said,) = taken.warnings
    assert said.startswith("1 annotations lead out of their images; what lies outside is cut off: ")


def test_how_the_file_names_its_images_is_said(tmp_path: Path) -> None:
    assert read(tmp_path / "f.json", coco(annotation(1))).said.endswith("f.json names images by file name")
    by_id = coco(annotation(1, 4), images=[{"id": 4}, {"id": "7"}])
    taken = read(tmp_path / "f.json", by_id)
    assert taken.said.endswith("f.json names images by id")
    assert [one.image_id for one in taken.foregrounds] == [4]


def test_a_name_that_is_a_number_is_no_id(tmp_path: Path) -> None:
    """Image 7 is train/x__b.jpg; a file called 7.jpg is another one, and so is the image that the file calls 4."""
    images = [{"id": 4, "file_name": "x/b.jpg"}, {"id": 1, "file_name": "7.jpg"}]
    taken = read(tmp_path / "f.json", coco(annotation(1, 4), images=images))
    assert [one.image_id for one in taken.foregrounds] == [7]
    with pytest.raises(InputError, match=r"lies in image 7\.jpg, which is no training image"):
        read(tmp_path / "f.json", coco(annotation(1, 1), images=images))


def test_images_of_other_splits_may_be_listed_but_hold_no_instance(tmp_path: Path) -> None:
    images = [*coco()["images"], {"id": 3, "file_name": "val/c.jpg"}]
    assert len(read(tmp_path / "f.json", coco(annotation(1), images=images)).foregrounds) == 1
    with pytest.raises(InputError, match=r"annotation 2 lies in image val/c\.jpg, which is no training image of"):
        read(tmp_path / "f.json", coco(annotation(1), annotation(2, 3), images=images))


def test_an_image_is_found_by_its_name_as_here_without_folder_or_by_id() -> None:
    file_names = ("train/x__a.jpg", "train/y__a.jpg", "train/b.jpg")
    known = [NamedImage(number, name, "train") for number, name in enumerate(file_names)]

    def found(*names: str) -> list[int | None]:
        rows = [ListedImage(number, name, None) for number, name in enumerate(names, 100)]
        matched = match_images(rows, known, "f.json").found
        return [matched[row.image_id].image_id if row.image_id in matched else None for row in rows]

    assert found("train/x__a.jpg", "y\\A.png", "train2017/b.jpg") == [0, 1, 2]
    assert found("a.jpg", "no.jpg") == [None, None]  # two are called a
    assert found("one/b.jpg", "two/b.jpg") == [None, None]
    nameless = [ListedImage(number, "", None) for number in (2, 1, 8)]
    assert match_images(nameless, known, "f.json").found == {2: known[2], 1: known[1]}
    with pytest.raises(InputError, match=r"^f\.json: images 3 have no file_name, others have; write"):
        match_images([ListedImage(3, "", None), ListedImage(4, "b.jpg", None)], known, "f.json")


def rle(size: Any, counts: Any) -> dict[str, Any]:
    return {"size": size, "counts": counts}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"f\.json is not valid JSON: .*; restore the file"),
        ("[" * 100_000, "is not valid JSON"),
        ([annotation(1)], "images is no list of objects; it must be a COCO detection file"),
        (coco(annotations=None), "annotations is no list of objects; it must be a COCO detection file"),
        (coco(images=[3]), "images is no list of objects"),
        (coco(images=[{"id": 1, "file_name": [3]}]), r"images\[0\]\.file_name is \[3\]; it must be text"),
        (coco(categories=[{"id": 1}]), r"categories\[0\]\.name is None; it must be text"),
        (coco(images=[{"id": 1}, {"id": 1}]), "images has the id 1 twice; ids must be unique"),
        (coco(categories=[{"id": 1, "name": "a"}] * 2), "categories has the id 1 twice; ids must be unique"),
        (coco("a"), "annotations is no list of objects"),
        (coco({"id": 1, "image_id": 1}), r"annotations\[0\]\.category_id is None; it must be a whole number"),
        (coco(annotation(1), annotation(1)), "annotations has the id 1 twice; ids must be unique"),
        (coco(annotation("a")), r"annotations\[0\]\.id is 'a'; each annotation has a whole number"),  # type: ignore[arg-type]
        (coco(annotation(1, category_id=8)), r"1 \(category_id 8\): no such entry in categories, which has 3"),
        (coco(annotation(1, score=1.5)), r"annotation 1: score is 1\.5; scores are numbers from 0 to 1"),
        (coco(annotation(1, score="high")), "annotation 1: score is 'high'"),
        (coco(annotation(1, 8)), r"annotation 1 \(image_id 8\): no such entry in images, which has 2"),
        (
            coco(annotation(1), images=[{"id": 1, "file_name": "d.jpg"}]),
            r"annotation 1 lies in image d\.jpg, which is no training image of data/images; name images as",
        ),
        (coco(annotation(1, 55), images=[{"id": 55}]), "lies in image 55, which is no training image"),
        (
            coco(annotation(1), images=[{"id": 1, "file_name": "a.jpg", "height": 40, "width": 60}]),
            r"annotation 1 was made for 40 × 60 pixels \(height × width\), train/a\.jpg of data/images has 20 × 30;",
        ),
        (coco(annotation(1, segmentation=encode_mask(np.ones((30, 20), bool)))), r"of size \[30, 20\], its image"),
        (coco(annotation(1, segmentation=rle(None, [600]))), "it is no RLE with counts and size"),
        (coco(annotation(1, segmentation=rle([20, 30], 3))), "counts do not add up to 20 × 30 pixels"),
        (coco(annotation(1, segmentation=rle([20, 30], [-1, 601]))), "counts do not add up to 20 × 30 pixels"),
        (coco(annotation(1, segmentation=rle([20, 30], [3, 4]))), "counts do not add up to 20 × 30 pixels"),
        (coco(annotation(1, segmentation="mask")), "'mask'; allowed are a list of polygons or an RLE"),
        (coco(annotation(1, segmentation=[2, 3, 8, 3, 8])), "a polygon is .*; it needs at least 3 points"),
        (coco(annotation(1, segmentation=[[2, 3, 8, 3]])), "a polygon is .*; it needs at least 3 points"),
        (coco(annotation(1, segmentation=[[2, 3, 8, 3, 8, "x"]])), "a polygon is .*; it needs at least 3 points"),
        (
            coco(annotation(1, segmentation=[[2, 3, 1e9, 3, 8, 9]])),
            r"annotation 1: a polygon leads to x 1e\+09, y 3, but its image is 30 × 20 pixels",
        ),
        (json.dumps(coco(annotation(1, segmentation=[[2, 3, 8, 3, 8, float("nan")]]))), "a polygon is .*; it needs"),
        (
            coco(annotation(1, 1, 1), annotation(2, 2, 2)),
            r"f\.json holds no instance to paste \(2 of classes that the labels of their images do not name\); make",
        ),
        (
            coco(annotation(1, 1), images=[{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.png"}]),
            r"lies in image a\.jpg, which could mean train/a\.jpg, as a\.png could; name images with their folders",
        ),
        ('{"images": [], "images": []}', "an object names the key 'images' twice"),
        (coco(annotation(1, iscrowd="2")), "iscrowd is '2'; it must be 0 or 1"),
        (coco(annotation(1, iscrowd=1)), r"\(0 of classes .* do not name; 1 annotations are crowds: .*annotation 1\)"),
        (coco(), r"holds no instance to paste \(0 of classes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / "f.json", content)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"paste\.foregrounds_file no\.json cannot be read \(No such file"):
        read_foreground_file(Path("no.json"), IMAGES, LABELS, CLASSES)
