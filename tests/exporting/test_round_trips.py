"""Every format gives back what went in, as far as it can hold it: to this project's readers, and to the field's own."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from empaste.datasets.coco import open_coco
from empaste.datasets.records import DataSet
from empaste.datasets.voc import open_voc
from empaste.exporting import FORMATS
from empaste.exporting.reading import Places
from empaste.exporting.writing import Export, export_data_set
from empaste.layout import HERE
from empaste.masks import decode_mask
from tests.datasets.layouts import settings_of
from tests.exporting.brush_codes import read_brush
from tests.exporting.scenes import HEIGHT, NAMES, OVER, PIXEL, RING, TWO, WIDTH, block, written_set

Found = dict[str, list[tuple[str, np.ndarray]]]
EXACT: Found = {"a.jpg": [(NAMES[0], RING), (NAMES[1], OVER)], "deep/b c.png": [(NAMES[0], TWO), (NAMES[2], PIXEL)]}
PAINTED: Found = {"a": [(NAMES[0], RING & ~OVER), (NAMES[1], OVER)], "deep__b c": [(NAMES[0], TWO), (NAMES[2], PIXEL)]}


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., tuple[Path, list[str]]]:
    file, folder = written_set(tmp_path)

    def run(format_name: str, images: str = "copy", min_score: float = 0.0) -> tuple[Path, list[str]]:
        told: list[str] = []
        out = tmp_path / format_name
        places = Places(HERE, file, folder)
        done = export_data_set(
            "pseudo-labels", out, format_name, places, images=images, min_score=min_score, tell=told.append
        )
        assert done == Export(3, 4 - (min_score > 0))
        return out, told

    return run


def read_back(data: DataSet) -> Found:
    names = {one.class_id: one.name for one in data.classes}
    return {
        example.listed_as: [(names[class_id], mask) for class_id, mask, _ in data.load(example, 0).masks]
        for example in data.examples
    }


def assert_same(found: Found, expected: Found) -> None:
    assert found.keys() == expected.keys()
    for name, instances in expected.items():
        assert [label for label, _ in found[name]] == [label for label, _ in instances]
        for (_, mask), (_, wanted) in zip(found[name], instances, strict=True):
            np.testing.assert_array_equal(mask, wanted)


@pytest.mark.parametrize("format_name", ["coco", "fiftyone"])
def test_this_project_reads_coco_and_fiftyone(export: Callable[..., tuple[Path, list[str]]], format_name: str) -> None:
    out, told = export(format_name)
    assert told == []
    assert_same(read_back(open_coco(settings_of(out))), EXACT)
    file = out / {"coco": "annotations/instances_default.json", "fiftyone": "labels.json"}[format_name]
    assert [row["score"] for row in json.loads(file.read_text())["annotations"]] == [0.9, 0.8, 0.25, 0.5]


def test_this_project_reads_voc(export: Callable[..., tuple[Path, list[str]]]) -> None:
    out, told = export("voc")
    assert told == [
        "VOC gives each pixel to one instance: 1 of 4 instances lose some to smaller ones",
        "VOC has no place for scores: 4 scores are left out",
        "1 images are renamed, 'deep/b c.png' for one to 'deep__b c.png': renamed.csv lists them",
    ]
    found = read_back(open_voc(settings_of(out)))
    assert found.pop("none", []) == []
    assert_same(found, PAINTED)
    assert (out / "renamed.csv").read_text().splitlines() == ["file,exported", "deep/b c.png,deep__b c.png"]
    root = ElementTree.parse(out / "Annotations/a.xml").getroot()
    assert [one.findtext("name") for one in root.iter("object")] == [NAMES[0], NAMES[1]]
    assert [side.text for side in root.findall("object/bndbox/*")][:4] == ["3", "3", "11", "11"]
    with Image.open(out / "SegmentationObject/a.png") as mask:
        assert mask.mode == "P"
        palette = mask.getpalette()
        assert palette is not None
        assert palette[3:6] == [128, 0, 0]
        assert set(np.unique(np.asarray(mask))) == {0, 1, 2}


def test_lvis_is_coco_with_frequencies(export: Callable[..., tuple[Path, list[str]]]) -> None:
    from pycocotools.coco import COCO

    out, told = export("lvis")
    assert told == ["LVIS has no place for scores: 4 scores are left out"]
    data = COCO(out / "lvis.json")
    masks = [data.annToMask(data.anns[number]).astype(bool) for number in (1, 2, 3, 4)]
    for mask, wanted in zip(masks, (RING, OVER, TWO, PIXEL), strict=True):
        np.testing.assert_array_equal(mask, wanted)
    assert [(row["name"], row["image_count"], row["instance_count"]) for row in data.dataset["categories"]] == [
        (NAMES[0], 2, 2), (NAMES[1], 1, 1), (NAMES[2], 1, 1)
    ]  # fmt: skip
    assert all({"neg_category_ids", "not_exhaustive_category_ids"} <= row.keys() for row in data.dataset["images"])


def test_yolo_fills_as_ultralytics_does(export: Callable[..., tuple[Path, list[str]]]) -> None:
    out, told = export("yolo")
    assert told == [
        "YOLO-segment cannot hold holes: 1 of 4 instances are filled",
        "YOLO-segment has one outline per instance, not several pieces: those of 1 of 4 instances are joined by a "
        "thin line",
        "YOLO-segment has no place for scores: 4 scores are left out",
        "1 images are renamed, 'deep/b c.png' for one to 'deep__b c.png': renamed.csv lists them",
    ]
    content = yaml.safe_load((out / "data.yaml").read_text())
    assert content == {"train": "images/train", "val": "images/train", "names": dict(enumerate(NAMES))}
    assert {path.stem for path in (out / "images/train").iterdir()} == {"a", "deep__b c", "none"}
    assert (out / "labels/train/none.txt").read_text() == ""
    first, second = _polygons(out / "labels/train/a.txt")
    assert (first[0], second[0]) == (0, 1)
    np.testing.assert_array_equal(first[1], block(2, 2, 9, 9))
    np.testing.assert_array_equal(second[1], OVER)
    two, pixel = _polygons(out / "labels/train/deep__b c.txt")
    assert (two[1] & TWO).sum() == TWO.sum()
    assert (two[1] & ~TWO).sum() <= 12
    np.testing.assert_array_equal(pixel[1], PIXEL)


def _polygons(path: Path) -> list[tuple[int, np.ndarray]]:
    """The class and the mask of every line, drawn as Ultralytics draws them."""
    found = []
    for line in path.read_text().splitlines():
        number, *shares = line.split()
        points = (np.array(shares, float).reshape(-1, 2) * (WIDTH, HEIGHT)).astype(np.int32)
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(mask, [points], 1)
        found.append((int(number), mask > 0))
    return found


def test_cvat_has_masks_scores_and_labels(export: Callable[..., tuple[Path, list[str]]]) -> None:
    out, told = export("cvat")
    assert told == []
    root = ElementTree.parse(out / "annotations.xml").getroot()
    found: Found = {}
    for image in root.iter("image"):
        found[image.attrib["name"]] = [(one.attrib["label"], _cvat_mask(one)) for one in image.iter("mask")]
    assert found.pop("none.jpg") == []
    assert_same(found, EXACT)
    assert [one.text for one in root.findall("image/mask/attribute[@name='score']")] == ["0.9", "0.8", "0.25", "0.5"]
    assert [row["name"] for row in json.loads((out / "labels.json").read_text())] == list(NAMES)
    assert [one.text for one in root.findall("meta/task/labels/label/name")] == list(NAMES)


def _cvat_mask(element: ElementTree.Element) -> np.ndarray:
    left, top, width, height = (int(element.attrib[side]) for side in ("left", "top", "width", "height"))
    runs = [int(run) for run in element.attrib["rle"].split(",")]
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + height, left : left + width] = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
    return mask


@pytest.mark.parametrize("scored", [True, False])
def test_label_studio_has_predictions_or_annotations(tmp_path: Path, scored: bool) -> None:
    file, folder = written_set(tmp_path, scored=scored)
    out, told = tmp_path / "out", list[str]()
    export_data_set(
        "pseudo-labels", out, "labelstudio", Places(HERE, file, folder), images="link", min_score=0.0, tell=told.append
    )
    assert told == []
    tasks = json.loads((out / "tasks.json").read_text())
    assert [task["data"]["image"].partition("?d=")[2] for task in tasks] == [
        "images/a.jpg", "images/deep/b%20c.png", "images/none.jpg"
    ]  # fmt: skip
    assert (out / "images/deep/b c.png").readlink() == folder / "deep/b c.png"
    kind = "predictions" if scored else "annotations"
    assert [sorted(task.keys() & {"predictions", "annotations"}) for task in tasks] == [[kind], [kind], []]
    regions = [region for task in tasks[:2] for region in task[kind][0]["result"]]
    for region, wanted in zip(regions, (RING, OVER, TWO, PIXEL), strict=True):
        image = np.reshape(read_brush(region["value"]["rle"]), (HEIGHT, WIDTH, 4))
        np.testing.assert_array_equal(image, np.repeat(wanted[..., None] * 255, 4, axis=2))
    assert [region["value"]["brushlabels"] for region in regions] == [[NAMES[0]], [NAMES[1]], [NAMES[0]], [NAMES[2]]]
    assert [region.get("score") for region in regions] == ([0.9, 0.8, 0.25, 0.5] if scored else [None] * 4)
    labels = ElementTree.parse(out / "config.xml").getroot().findall("BrushLabels/Label")
    assert [one.attrib["value"] for one in labels] == list(NAMES)


@pytest.mark.parametrize("format_name", FORMATS)
def test_images_are_where_the_format_has_them(export: Callable[..., tuple[Path, list[str]]], format_name: str) -> None:
    out, told = export(format_name, min_score=0.3)
    assert "1 instances score less than 0.3 and are left out" in told
    files = [path for path in (out / FORMATS[format_name].images).rglob("*") if path.is_file()]
    assert len(files) == 3


def test_no_images(export: Callable[..., tuple[Path, list[str]]]) -> None:
    out, _ = export("coco", images="none")
    assert [path.name for path in out.rglob("*") if path.is_file()] == ["instances_default.json"]
    data = json.loads((out / "annotations/instances_default.json").read_text())
    np.testing.assert_array_equal(decode_mask(data["annotations"][0]["segmentation"]), RING)
