"""What annotation tools write as COCO or VOC is read as it comes: each layout as its exporter makes it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from empaste.datasets.coco import open_coco
from empaste.datasets.folder import open_folder
from empaste.datasets.records import DataSet
from empaste.datasets.voc import open_voc
from empaste.errors import InputError
from tests.datasets.layouts import settings_of, write_photo

SIZE = {"width": 40, "height": 30}
SQUARE = [[5, 5, 15, 5, 15, 15, 5, 15]]


def annotation(number: int, image: Any, category: Any, **changes: Any) -> dict[str, Any]:
    row = {"id": number, "image_id": image, "category_id": category, "segmentation": SQUARE}
    return row | {"bbox": [5, 5, 10, 10], "area": 100, "iscrowd": 0} | changes


def write_json(path: Path, images: Sequence[dict[str, Any]], annotations: Any, categories: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content))


def colour_of(path: Path, number: int) -> None:
    """A photograph that is told from others by its colour."""
    write_photo(path, colour=(number * 20 % 256, 90, 200))


def seen(data: DataSet) -> dict[str, tuple[set[str], list[int]]]:
    """Per image: the names of its labels, and the areas of its masks."""
    names = {one.class_id: one.name for one in data.classes}
    return {
        example.listed_as: (
            {names[one] for one in example.class_ids},
            [int(mask.sum()) for _, mask, _ in data.load(example, 0).masks],
        )
        for example in data.examples
    }


def splits(data: DataSet) -> dict[str, set[str]]:
    return {split: {e.listed_as for e in data.examples if e.split == split} for split in ("train", "val")}


def test_cvat_projects_name_their_subsets(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "cat", "supercategory": ""}, {"id": 2, "name": "dog", "supercategory": ""}]
    for number, subset in enumerate(("Train", "Validation")):
        name = f"shots/{subset}_1.png"
        colour_of(tmp_path / "images" / subset / name, number)
        counts = [5 * 30 + 5, 10, 20, 10, 40 * 30 - 5 * 30 - 45]
        rle = annotation(2, 1, 2, segmentation={"size": [30, 40], "counts": counts}, iscrowd=1)
        box = annotation(3, 1, 2, segmentation=[], attributes={"occluded": False})
        write_json(
            tmp_path / f"annotations/instances_{subset}.json",
            [{"id": 1, **SIZE, "file_name": name, "license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}],
            [annotation(1, 1, 1, attributes={"occluded": False}), rle, box],
            categories,
        )
    data = open_coco(settings_of(tmp_path))
    assert splits(data) == {"train": {"shots/Train_1.png"}, "val": {"shots/Validation_1.png"}}
    assert seen(data)["shots/Validation_1.png"] == ({"cat", "dog"}, [100, 20])
    assert data.load(data.examples[0], 0).boxes == ((2, (5, 5, 10, 10), 0),)


def test_one_cvat_task_is_divided_by_seed(tmp_path: Path) -> None:
    images = [{"id": n, **SIZE, "file_name": f"{n}.jpg"} for n in range(1, 11)]
    for n in range(1, 11):
        colour_of(tmp_path / f"images/default/{n}.jpg", n)
    annotations = [annotation(n, n, 1) for n in range(1, 11)]
    write_json(tmp_path / "annotations/instances_default.json", images, annotations, [{"id": 1, "name": "cat"}])
    data = open_coco(settings_of(tmp_path, val_fraction=0.3))
    assert len(splits(data)["val"]) == 3
    assert len(splits(data)["train"]) == 7
    assert "instances_default.json has no splits: 3 of 10 images validate" in data.warnings[0]
    assert splits(open_coco(settings_of(tmp_path, val_fraction=0.3))) == splits(data)


@pytest.mark.parametrize(
    "prefix", ["images/", "images\\", "../../media/upload/7/", "C:\\label-studio\\media\\", "/data/"]
)
def test_label_studio_counts_from_0_and_names_files_below_its_own_folders(tmp_path: Path, prefix: str) -> None:
    names = [f"{n}a{n}-photo.jpg" for n in range(4)]
    for n, name in enumerate(names):
        colour_of(tmp_path / "images" / name, n)
    images = [{**SIZE, "id": n, "file_name": prefix + name} for n, name in enumerate(names)]
    annotations = [annotation(n, n, n % 2, ignore=0, area=100.0) for n in range(4)]
    write_json(tmp_path / "result.json", images, annotations, [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}])
    data = open_coco(settings_of(tmp_path))
    assert [(one.class_id, one.name) for one in data.classes] == [(1, "cat"), (2, "dog")]
    assert {example.path for example in data.examples} == {tmp_path / "images" / name for name in names}
    found = {Path(name.replace("\\", "/")).name: labels for name, (labels, _) in seen(data).items()}
    assert found == {name: {("cat", "dog")[n % 2]} for n, name in enumerate(names)}
    assert {Path(e.file_name).parent.name for e in data.examples} == {"train", "val"}


def test_roboflow_has_a_root_category_and_a_test_split(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "pets", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "pets"},
        {"id": 2, "name": "dog", "supercategory": "pets"},
    ]
    for number, folder in enumerate(("train", "valid", "test")):
        names = [f"{folder}_{n}_jpg.rf.0a{n}.jpg" for n in range(2)]
        for n, name in enumerate(names):
            colour_of(tmp_path / folder / name, 2 * number + n)
        images = [
            {"id": n, "license": 1, "file_name": name, **SIZE, "extra": {"name": f"{n}.jpg"}}
            for n, name in enumerate(names)
        ]
        annotations = [annotation(n, n, n + 1) for n in range(2)]
        write_json(tmp_path / folder / "_annotations.coco.json", images, annotations, categories)
        (tmp_path / folder / "README.roboflow.txt").touch()
    data = open_coco(settings_of(tmp_path))
    assert [(one.class_id, one.name) for one in data.classes] == [(1, "cat"), (2, "dog")]
    assert len(data.examples) == 4
    assert len({example.image_id for example in data.examples}) == 4
    assert {Path(name).name[:5] for name in splits(data)["val"]} == {"valid"}
    assert any("stand for no class, never used" in warning and "pets" in warning for warning in data.warnings)
    assert any("validation images are raised by 2" in warning for warning in data.warnings)


def test_a_roboflow_root_called_like_its_class(tmp_path: Path) -> None:
    categories = [{"id": 0, "name": "cat", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "cat"}]
    for number, folder in enumerate(("train", "valid")):
        colour_of(tmp_path / folder / f"{folder}.jpg", number)
        images = [{"id": 0, "file_name": f"{folder}.jpg", **SIZE}]
        write_json(tmp_path / folder / "_annotations.coco.json", images, [annotation(0, 0, 1)], categories)
    assert [(one.class_id, one.name) for one in open_coco(settings_of(tmp_path)).classes] == [(1, "cat")]


def test_labelme_has_a_background_and_names_folders(tmp_path: Path) -> None:
    categories = [
        {"supercategory": None, "id": n, "name": name} for n, name in enumerate(("_background_", "cat", "dog"))
    ]
    for n in range(3):
        colour_of(tmp_path / f"JPEGImages/2011_00000{n}.jpg", n)
    images = [
        {
            "license": 0,
            "url": None,
            "file_name": f"JPEGImages/2011_00000{n}.jpg",
            **SIZE,
            "date_captured": None,
            "id": n,
        }
        for n in range(3)
    ]
    annotations = [annotation(n, n, 1 + n % 2, segmentation=[*SQUARE, [20, 20, 24, 20, 24, 24]]) for n in range(3)]
    write_json(tmp_path / "annotations.json", images, annotations, categories)
    data = open_coco(settings_of(tmp_path))
    assert [one.name for one in data.classes] == ["cat", "dog"]
    assert {sum(areas) > 100 for _, areas in seen(data).values()} == {True}


@pytest.mark.parametrize("folders", [("train", "val"), ("train", "validation")])
def test_fiftyone_writes_data_beside_labels(tmp_path: Path, folders: tuple[str, str]) -> None:
    for number, folder in enumerate(folders):
        colour_of(tmp_path / folder / "data" / "000001.jpg", number)
        images = [{"id": 1, "file_name": "000001.jpg", **SIZE, "license": None, "coco_url": None}]
        row = annotation(1, 1, 0, score=None, supercategory="animal")
        categories = [{"id": 0, "name": "cat", "supercategory": None}]
        write_json(tmp_path / folder / "labels.json", images, [row], categories)
    data = open_coco(settings_of(tmp_path))
    assert {example.split: example.path for example in data.examples} == {
        "train": tmp_path / folders[0] / "data" / "000001.jpg",
        "val": tmp_path / folders[1] / "data" / "000001.jpg",
    }


def test_via_writes_points_without_a_mask_or_box(tmp_path: Path) -> None:
    for n in range(1, 4):
        colour_of(tmp_path / f"{n}.jpg", n)
    images = [
        {"id": n, **SIZE, "file_name": f"{n}.jpg", "license": 0, "flickr_url": f"{n}.jpg", "date_captured": ""}
        for n in range(1, 4)
    ]
    point = {"segmentation": [[]], "area": [], "bbox": [], "iscrowd": 0, "keypoints": [9, 9, 2], "num_keypoints": 1}
    rows = [annotation(n, n, 1) for n in range(1, 4)] + [{"id": 4, "image_id": 1, "category_id": 2, **point}]
    categories = [
        {"supercategory": "animal", "id": 1, "name": "cat"},
        {"supercategory": "animal", "id": 2, "name": "dog"},
    ]
    write_json(tmp_path / "via_export_coco.json", images, rows, categories)
    data = open_coco(settings_of(tmp_path))
    assert seen(data)["1.jpg"] == ({"cat", "dog"}, [100])
    assert any("1 annotations have neither mask nor box" in warning for warning in data.warnings)


def test_makesense_names_its_file_after_project_and_date(tmp_path: Path) -> None:
    for n in range(1, 4):
        colour_of(tmp_path / f"pictures/{n}.jpeg", n)
    images = [{"id": n, **SIZE, "file_name": f"{n}.jpeg"} for n in range(1, 4)]
    rows = [annotation(n - 1, n, 1) for n in range(1, 4)]
    write_json(tmp_path / "labels_my-project_2026-11-28-10-00-00.json", images, rows, [{"id": 1, "name": "cat"}])
    data = open_coco(settings_of(tmp_path))
    assert {labels == {"cat"} and areas == [100] for labels, areas in seen(data).values()} == {True}
    assert any("3 images were found by their names in other folders" in warning for warning in data.warnings)


def write_voc_xml(path: Path, file_name: str, objects: Sequence[tuple[str, tuple[int, int, int, int]]]) -> None:
    boxes = "".join(
        f"<object><name>{name}</name><truncated>0</truncated><difficult>0</difficult><bndbox><xmin>{x0}</xmin>"
        f"<ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for name, (x0, y0, x1, y1) in objects
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    size = "<size><width>40</width><height>30</height><depth>3</depth></size>"
    path.write_text(f"<annotation><filename>{file_name}</filename>{size}{boxes}</annotation>", encoding="utf-8")


def test_roboflow_voc_lies_beside_the_images(tmp_path: Path) -> None:
    for number, folder in enumerate(("train", "valid", "test")):
        name = f"{folder}_jpg.rf.0a"
        colour_of(tmp_path / folder / f"{name}.jpg", number)
        write_voc_xml(tmp_path / folder / f"{name}.xml", f"{name}.jpg", [("hamster", (6, 6, 15, 15))])
    data = open_voc(settings_of(tmp_path))
    assert splits(data) == {"train": {"train_jpg.rf.0a"}, "val": {"valid_jpg.rf.0a"}}
    assert [one.name for one in data.classes] == ["hamster"]
    assert "its classes are the 1 names found" in data.warnings[0]
    assert data.load(data.examples[1], 0).boxes == ((1, (5, 5, 10, 10), 0),)


def test_label_studio_voc_has_no_lists(tmp_path: Path) -> None:
    for n in range(4):
        colour_of(tmp_path / f"images/a b {n}.png", n)
        write_voc_xml(tmp_path / f"Annotations/a b {n}.xml", f"a b {n}", [("cat", (6, 6, 15, 15))])
    data = open_voc(settings_of(tmp_path))
    assert {len(names) for names in splits(data).values()} == {1, 3}
    assert "has no splits: 1 of 4 images validate" in data.warnings[0]
    assert len(data.classes) == 20


def test_cvat_voc_names_subsets_and_files_with_any_ending(tmp_path: Path) -> None:
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nhamster:128,0,0::\nc:1,2,3::\n"
    )
    for number, subset in enumerate(("Train", "Validation")):
        name = f"{subset}/shot.1"
        colour_of(tmp_path / f"JPEGImages/{name}.PNG", number)
        write_voc_xml(tmp_path / f"Annotations/{name}.xml", f"{name}.PNG", [("hamster", (6, 6, 15, 15))])
        lists = tmp_path / "ImageSets/Main"
        lists.mkdir(parents=True, exist_ok=True)
        (lists / f"{subset}.txt").write_text(f"{name}\n")
        (lists / f"hamster_{subset}.txt").write_text(f"{name}  1\n")
    data = open_voc(settings_of(tmp_path))
    assert splits(data) == {"train": {"Train/shot.1"}, "val": {"Validation/shot.1"}}
    assert [e.file_name for e in data.examples] == ["train/Train__shot.1.jpg", "val/Validation__shot.1.jpg"]
    assert [one.name for one in data.classes] == ["hamster", "c"]


def write_colours(path: Path, values: np.ndarray, colours: dict[int, tuple[int, int, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.zeros((*values.shape, 3), np.uint8)
    for value, colour in colours.items():
        image[values == value] = colour
    Image.fromarray(image).save(path)


def cvat_masks(root: Path, colours: dict[int, tuple[int, int, int]]) -> None:
    """Masks in colours, with XML beside: two hamsters and void."""
    (root / "labelmap.txt").write_text("background:0,0,0::\ncat:0,128,0::\nhamster:128,0,0::\n")
    classes = np.zeros((30, 40), int)
    classes[5:15, 5:15] = classes[5:15, 20:25] = 2
    objects = np.where(np.arange(40) < 18, 1, 2) * (classes > 0)
    classes[4, 5:15] = objects[4, 5:15] = 255
    for number, (split, name) in enumerate((("train", "a"), ("val", "b"))):
        colour_of(root / f"JPEGImages/{name}.jpg", number)
        write_voc_xml(root / f"Annotations/{name}.xml", f"{name}.jpg", [("hamster", (6, 6, 15, 15))])
        write_colours(root / f"SegmentationClass/{name}.png", classes, colours)
        write_colours(
            root / f"SegmentationObject/{name}.png", objects, {1: (9, 0, 0), 2: (0, 9, 0), 255: (224, 224, 192)}
        )
        (root / "ImageSets/Segmentation").mkdir(parents=True, exist_ok=True)
        (root / f"ImageSets/Segmentation/{split}.txt").write_text(f"{name}\n")


def test_masks_in_colours_with_a_labelmap(tmp_path: Path) -> None:
    cvat_masks(tmp_path, {2: (128, 0, 0), 255: (224, 224, 192)})
    data = open_voc(settings_of(tmp_path))
    picture = data.load(data.examples[1], 0)
    assert sorted((class_id, int(mask.sum())) for class_id, mask, _ in picture.masks) == [(2, 50), (2, 100)]
    assert picture.void is not None
    assert int(picture.void.sum()) == 10


def test_a_colour_that_no_class_has_is_refused(tmp_path: Path) -> None:
    cvat_masks(tmp_path, {2: (1, 2, 3), 255: (224, 224, 192)})
    data = open_voc(settings_of(tmp_path))
    with pytest.raises(InputError, match=r"SegmentationClass/b.png has the colour \[1, 2, 3\], which labelmap.txt"):
        data.load(data.examples[1], 0)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_any_office(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [
        ("FILE", "Label", "Split"),
        ("ä.jpg", "Käse", "Training"),
        ("b.jpg", "dog", "train"),
        ("c.jpg", "dog", "Valid"),
    ]
    for number, (name, *_) in enumerate(rows[1:]):
        colour_of(tmp_path / "images" / name, number)
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "labels.csv").write_bytes(f"{text}\r\n{delimiter}{delimiter}\r\n".encode(encoding))
    for hidden in (".DS_Store", "._b.jpg", "__MACOSX/c.jpg"):
        (tmp_path / "images" / hidden).parent.mkdir(exist_ok=True)
        (tmp_path / "images" / hidden).touch()
    data = open_folder(settings_of(tmp_path))
    assert splits(data) == {"train": {"ä.jpg", "b.jpg"}, "val": {"c.jpg"}}
    assert [one.name for one in data.classes] == ["Käse", "dog"]
