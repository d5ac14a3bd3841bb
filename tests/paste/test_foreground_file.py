"""Foregrounds from a file: images by name or id, classes by name, labels that forbid, and everything that is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.errors import InputError
from empaste.masks import decode_mask, encode_mask
from empaste.paste.foreground_file import FileForegrounds, TrainingImage, match_images, read_foreground_file

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
    assert [one.source_id for one in read(tmp_path / "f.json", coco(*rows)).foregrounds] == [1]


def test_images_of_other_splits_may_be_listed_but_hold_no_instance(tmp_path: Path) -> None:
    images = [*coco()["images"], {"id": 3, "file_name": "val/c.jpg"}]
    assert len(read(tmp_path / "f.json", coco(annotation(1), images=images)).foregrounds) == 1
    with pytest.raises(InputError, match=r"annotation 1 lies in image val/c\.jpg, which is no training image of"):
        read(tmp_path / "f.json", coco(annotation(1), annotation(2, 3), images=images))


def test_an_image_is_found_by_its_name_as_here_without_folder_or_by_id() -> None:
    known = [
        TrainingImage(k, name, 20, 30) for k, name in enumerate(("train/x__a.jpg", "train/y__a.jpg", "train/b.jpg"))
    ]

    def found(*names: str) -> list[int | None]:
        listed = [{"id": f"n{k}", "file_name": name} for k, name in enumerate(names)]
        matched = match_images(listed, known)
        return [matched[row["id"]].image_id if row["id"] in matched else None for row in listed]

    assert found("train/x__a.jpg", "y\\A.png", "train2017/b.jpg") == [0, 1, 2]
    assert found("a.jpg", "no.jpg") == [None, None]  # two are called a
    assert found("one/b.jpg", "two/b.jpg") == [None, None]
    assert match_images([{"id": 2}, {"id": "1"}, {"id": 8}], known) == {"2": known[2], "1": known[1]}


def rle(size: Any, counts: Any) -> dict[str, Any]:
    return {"size": size, "counts": counts}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"f\.json is not valid JSON: .*; write it again"),
        ("[" * 100_000, "is not valid JSON"),
        ([annotation(1)], "is no COCO detection data set: it must hold the lists images, annotations, categories"),
        (coco(annotations=None), "is no COCO detection data set"),
        (coco(images=[3]), "image 0 has no id, or a file_name that is no text"),
        (coco(images=[{"id": 1, "file_name": 3}]), "image 0 has no id, or a file_name that is no text"),
        (coco(categories=[{"id": 1}]), "category 0 has no id and name; write both"),
        (coco(images=[{"id": 1}, {"id": 1}]), "id 1 stands twice among the images; give each its own"),
        (coco(categories=[{"id": 1, "name": "a"}] * 2), "id 1 stands twice among the categories"),
        (coco("a"), "annotation 0 has no id, image_id and category_id; write them all"),
        (coco({"id": 1, "image_id": 1}), "annotation 0 has no id, image_id and category_id"),
        (coco(annotation(1), annotation(1)), "annotation 1: id is 1; each annotation has a whole number of its own"),
        (coco(annotation("a")), "annotation 0: id is 'a'; each annotation has a whole number"),  # type: ignore[arg-type]
        (coco(annotation(1, category_id=8)), "annotation 0: category_id 8 is not among the categories; add it there"),
        (coco(annotation(1, score=1.5)), r"annotation 0: score is 1\.5; scores are numbers from 0 to 1"),
        (coco(annotation(1, score="high")), "annotation 0: score is 'high'"),
        (coco(annotation(1, 8)), "annotation 0: image_id 8 is not among the images; add the image, or leave it out"),
        (
            coco(annotation(1), images=[{"id": 1, "file_name": "d.jpg"}]),
            r"annotation 0 lies in image d\.jpg, which is no training image of data/images; name images as",
        ),
        (coco(annotation(1, 55), images=[{"id": 55}]), "lies in image 55, which is no training image"),
        (
            coco(annotation(1), images=[{"id": 1, "file_name": "a.jpg", "height": 40, "width": 60}]),
            r"annotation 0 was made for 40 × 60 pixels \(height × width\), train/a\.jpg of data/images has 20 × 30;",
        ),
        (coco(annotation(1, segmentation=encode_mask(np.ones((30, 20), bool)))), r"was made for 30 × 20 pixels"),
        (coco(annotation(1, segmentation=rle(None, [600]))), r"the size of the mask is None; write \[height, width\]"),
        (coco(annotation(1, segmentation=rle([20, 30], 3))), "counts is 3; it must be the text or the list"),
        (coco(annotation(1, segmentation=rle([20, 30], [-1, 601]))), r"counts is \[-1, 601\]"),
        (coco(annotation(1, segmentation=rle([20, 30], [3, 4]))), r"counts add up to 7 pixels, size is \[20, 30\]"),
        (coco(annotation(1, segmentation="mask")), "segmentation is no RLE with counts and size, and no list"),
        (coco(annotation(1, segmentation=[2, 3, 8, 3, 8, 9])), "no list of polygons"),
        (coco(annotation(1, segmentation=[[2, 3, 8, 3]])), "no list of polygons"),
        (coco(annotation(1, segmentation=[[2, 3, 8, 3, 8, "9"]])), "no list of polygons"),
        (
            coco(annotation(1, segmentation=[[2, 3, 40, 3, 8, 9]])),
            r"of three or more points inside the image of 20 × 30 pixels",
        ),
        (json.dumps(coco(annotation(1, segmentation=[[2, 3, 8, 3, 8, float("nan")]]))), "no list of polygons"),
        (
            coco(annotation(1, 1, 1), annotation(2, 2, 2)),
            r"f\.json holds no instance to paste \(2 of classes that the labels of their images do not name\); make",
        ),
        (coco(), r"holds no instance to paste \(0 of classes"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path / "f.json", content)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match=r"paste\.foregrounds_file is 'no\.json', which cannot be read \(No such file"):
        read_foreground_file(Path("no.json"), IMAGES, LABELS, CLASSES)
