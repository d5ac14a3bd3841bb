"""A hand-made run of the pipeline, small enough to know by heart; it also shows the formats that the page reads."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.arrays import write_array
from empaste.artifacts.coco import coco_dataset, instance, read_coco, write_coco
from empaste.artifacts.coco_records import Annotation, Category, ImageRecord
from empaste.artifacts.outputs import write_json
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.shards import write_shards
from empaste.artifacts.tables import write_table
from empaste.images import encode_rgb, write_rgb
from empaste.masks import encode_mask, mask_box_xywh

SIZE = 48
CLASSES = {1: "ball", 2: "tv & <monitor>"}
TRAIN = {1: [1], 2: [2], 3: [1, 2], 4: []}
VAL = {5: [1], 6: [2]}
NUM_ITERATIONS = 2


def object_mask(class_id: int) -> np.ndarray:
    """A disc for class 1 on the left, a square for class 2 on the right."""
    canvas = np.zeros((SIZE, SIZE), np.uint8)
    if class_id == 1:
        cv2.circle(canvas, (14, 22), 9, 1, -1)
    else:
        canvas[18:36, 26:42] = 1
    return canvas.astype(bool)


def corner_mask() -> np.ndarray:
    """A segment that is no object."""
    mask = np.zeros((SIZE, SIZE), bool)
    mask[:10, :12] = True
    return mask


def picture(class_ids: list[int], shade: int) -> np.ndarray:
    """A flat background with the objects in one colour per class."""
    image = np.full((SIZE, SIZE, 3), (60, shade, 140), np.uint8)
    for class_id in class_ids:
        image[object_mask(class_id)] = (220, 60, 40) if class_id == 1 else (240, 220, 60)
    return image


def make_run(
    folder: Path,
    masks: bool = True,
    backgrounds: bool = True,
    detections: bool = True,
    classes: Mapping[int, str] = MappingProxyType(CLASSES),
) -> Path:
    """``folder`` holds data, metrics, plots, models and params.yaml of a run; what is switched off is empty.

    Images show ``classes`` 1 and 2; the figures are of all of them.
    """
    write_prepared(folder / "data", masks, classes)
    write_found(folder / "data")
    write_made(folder / "data", backgrounds, classes)
    if masks:
        write_refined(folder / "data")
    found = [detection(5, 1, 0.9), detection(6, 2, 0.3)] if detections else []
    (folder / "data" / "detections").mkdir(parents=True)
    (folder / "data" / "detections" / "val.json").write_text(json.dumps(found))
    (folder / "models" / "mask_rcnn").mkdir(parents=True)
    (folder / "models" / "mask_rcnn" / "config.json").write_text("{}")
    for stage, content in metrics(masks, backgrounds, classes).items():
        write_json(folder / "metrics" / f"{stage}.json", content)
    write_plots(folder / "plots", classes)
    params = Path(__file__).parents[2] / "params.yaml"
    (folder / "params.yaml").write_text(params.read_text())
    return folder


def write_prepared(data: Path, masks: bool, names: Mapping[int, str]) -> None:
    rows = []
    for image_id, class_ids in {**TRAIN, **VAL}.items():
        split = "train" if image_id in TRAIN else "val"
        name = f"{split}/{image_id:06d}.png"
        (data / "images" / split).mkdir(parents=True, exist_ok=True)
        write_rgb(data / "images" / name, picture(class_ids, 30 * image_id))
        rows.append((image_id, split, name, SIZE, SIZE))
    images = pd.DataFrame(rows, columns=["image_id", "split", "file_name", "height", "width"])
    write_table(images, data / "images" / "images.parquet", Images)
    classes = pd.DataFrame({"class_id": list(names), "name": list(names.values()), "supercategory": "thing"})
    write_table(classes, data / "labels" / "classes.parquet", Classes)
    pairs = [(image_id, class_id) for image_id, ids in {**TRAIN, **VAL}.items() for class_id in ids]
    write_table(pd.DataFrame(pairs, columns=["image_id", "class_id"]), data / "labels" / "labels.parquet", Labels)
    for split, content in (("train", TRAIN), ("val", VAL)):
        known = [(image_id, class_id) for image_id, ids in content.items() for class_id in ids] if masks else []
        annotations = [
            instance(number, image_id, class_id, encode_mask(object_mask(class_id)))
            for number, (image_id, class_id) in enumerate(known, start=1)
        ]
        chosen = images[images["split"] == split]
        write_coco(data / "ground_truth" / f"{split}.json", coco_dataset(chosen, classes, annotations, "by hand"))


def write_refined(data: Path) -> None:
    """One round: of image 1 what its label names, of the others nothing."""
    truth = read_coco(data / "ground_truth" / "train.json")
    drawn: list[Annotation] = [{**row, "score": 0.875} for row in truth["annotations"] if row["image_id"] == 1]
    for name in ("round_1", "pool"):
        write_coco(data / "refined" / f"{name}.json", {**truth, "annotations": drawn})


def write_found(data: Path) -> None:
    """Segments 3k, 3k + 1, 3k + 2 of an image: disc, square, corner. Image 1 is wrong in Step 1 and right after."""
    rows = [segment(3 * place + kind, image_id, kind) for place, image_id in enumerate(TRAIN) for kind in range(3)]
    write_table(pd.DataFrame(rows), data / "segments" / "segments.parquet", Segments)
    pairs = [(image_id, class_id) for image_id, class_ids in TRAIN.items() for class_id in class_ids]
    cams = pd.DataFrame(
        [(image_id, class_id, 0.75, 12.0, 20.0, False) for image_id, class_id in pairs],
        columns=["image_id", "class_id", "prob", "centre_x", "centre_y", "cam_empty"],
    )
    cams.loc[cams["image_id"] == 2, ["centre_x", "centre_y", "cam_empty"]] = [np.nan, np.nan, True]
    write_table(cams.astype({"cam_empty": bool}), data / "cams" / "cams.parquet", Cams)
    heat = np.linspace(0, 1, 36).reshape(6, 6)
    write_array(data / "cams" / "heatmaps.npy", np.stack([heat] * len(cams)).astype(np.float16))
    for number in range(NUM_ITERATIONS + 1):
        table = pd.DataFrame([choice(image_id, class_id, number) for image_id, class_id in pairs])
        write_table(table, data / "foregrounds" / f"iter_{number}.parquet", Foregrounds)
    write_table(table[table["image_id"] != 2], data / "foregrounds" / "pool.parquet", Foregrounds)


def segment(segment_id: int, image_id: int, kind: int) -> dict[str, Any]:
    mask = (object_mask(1), object_mask(2), corner_mask())[kind]
    x, y, width, height = mask_box_xywh(mask)
    return {
        "segment_id": segment_id,
        "image_id": image_id,
        "counts": encode_mask(mask)["counts"],
        "height": SIZE,
        "width": SIZE,
        "area": int(mask.sum()),
        "x": x,
        "y": y,
        "box_width": width,
        "box_height": height,
        "score": 1.0 - kind / 4,
    }


def choice(image_id: int, class_id: int, iteration: int) -> dict[str, Any]:
    wrong = image_id == 1 and iteration == 0
    segment_id = 3 * (image_id - 1) + (2 if wrong else class_id - 1)
    return {
        "image_id": image_id,
        "class_id": class_id,
        "segment_id": segment_id,
        "distance": 1.5,
        "prob": 0.05 if image_id == 2 else 0.8,
        "inlier": True,
        "cam_empty": image_id == 2,
        "instance": 0,
        "confidence": 0.75,
    }


def write_made(data: Path, backgrounds: bool, classes: Mapping[int, str]) -> None:
    captions = pd.DataFrame(
        [(0, 1, "a ball <on> grass", "a lion <on> grass"), (1, 3, "a ball by a tv", "a lion by a lamp")],
        columns=["caption_id", "image_id", "text", "substituted"],
    )
    write_table(captions, data / "captions" / "captions.parquet", Captions)
    rows = [
        (0, 1, 0, "a lion <on> grass", "00000000.jpg", SIZE, SIZE, 0.31, 0.2, 2, 0.125, True, ""),
        (1, 1, 0, "a lion <on> grass", "00000001.jpg", SIZE, SIZE, np.nan, 0.3, 1, 0.9, False, "presence"),
    ]
    columns = list(Backgrounds.to_schema().columns)
    table = pd.DataFrame(rows if backgrounds else [], columns=columns)
    write_table(table, data / "backgrounds" / "backgrounds.parquet", Backgrounds)
    write_shards(data / "backgrounds", [("00000000.jpg", encode_rgb(picture([], 90), ".jpg"))] * backgrounds)
    write_composites(data / "composites", backgrounds, classes)


def write_composites(folder: Path, backgrounds: bool, classes: Mapping[int, str]) -> None:
    folder.mkdir(parents=True)
    origins = [("original", 1, True), ("original", 3, False)] + [("background", 0, True)] * backgrounds
    images: list[ImageRecord] = []
    annotations: list[Annotation] = []
    files: list[tuple[str, bytes]] = []
    for number, (kind, source_id, pasted_on) in enumerate(origins, start=1):
        name = f"{number:06d}.jpg"
        files.append((name, encode_rgb(picture([1, 2], 100), ".jpg")))
        images.append({"id": number, "file_name": name, "height": SIZE, "width": SIZE,
                       "kind": kind, "source_id": source_id, "pasted_on": pasted_on})  # fmt: skip
        for class_id, source in ((1, "original"), (2, "pasted")):
            rle = encode_mask(object_mask(class_id))
            annotations.append(instance(len(annotations) + 1, number, class_id, rle, source=source))
    write_shards(folder, files)
    categories: list[Category] = [
        {"id": class_id, "name": name, "supercategory": "thing"} for class_id, name in classes.items()
    ]
    write_coco(folder / "instances.json", {"images": images, "annotations": annotations, "categories": categories})


def detection(image_id: int, class_id: int, score: float) -> dict[str, Any]:
    mask = object_mask(class_id)
    box = [float(side) for side in mask_box_xywh(mask)]
    return {
        "image_id": image_id,
        "category_id": class_id,
        "bbox": box,
        "score": score,
        "segmentation": encode_mask(mask),
    }


def metrics(masks: bool, backgrounds: bool, classes: Mapping[int, str]) -> dict[str, Any]:
    per_class = dict.fromkeys(classes.values(), 50.0 if masks else None)
    figures = {"AP": 40.0, "AP50": 58.4, "AP75": 37.2, "APs": None, "APm": 41.0, "APl": None}
    ap = {**(figures if masks else dict.fromkeys(figures)), "AP50_per_class": per_class}
    rates = {"iter_0": 66.7, "iter_1": 83.25, "iter_2": 100.0} if masks else {f"iter_{j}": None for j in range(3)}
    return {
        "prepare": {"train_images": 4, "val_images": 2, "images_per_class": dict.fromkeys(classes.values(), 2)},
        "classifier": {"mAP": 91.5, "AP_per_class": dict.fromkeys(classes.values(), 91.5)},
        "proposals": {"recall50": 100.0 if masks else None, "segments_per_image": 3.0},
        "foregrounds": {
            "precision50": rates,
            "mean_iou": rates,
            "found": rates,
            "masks_per_class": dict.fromkeys(classes.values(), 1234),
        },
        "refine": {name: {"round_1": 91.7} for name in ("precision50", "mean_iou", "found")} if masks else {},
        "captions": {"captions": 8, "images": 4},
        "backgrounds": {"selected": int(backgrounds)},
        "paste": {"images": 3, "instances": 6, "instances_per_class": dict.fromkeys(classes.values(), 3)},
        "evaluate": {"mask": ap, "box": ap},
    }


def write_plots(folder: Path, classes: Mapping[int, str]) -> None:
    folder.mkdir()
    pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.7, 0.4, 0.3], "mAP": [50.0, np.nan, 91.5]}).to_csv(
        folder / "classifier.csv", index=False
    )
    names = {"class_name": list(classes.values())}
    rest = len(classes) - 2
    pd.DataFrame(names | {"available": [9, 3, *[1] * rest], "images": [4, 3, *[1] * rest]}).to_csv(
        folder / "prepare.csv", index=False
    )
    shares = {"pool": [75.0, 25.0], "pasted": [50.0, 50.0], "composites": [60.0, 40.0]}
    shares = {column: [*values, *[0.0] * rest] for column, values in shares.items()}
    pd.DataFrame(names | shares).to_csv(folder / "paste.csv", index=False)
    steps = range(1, 1001)
    pd.DataFrame({"iteration": steps, "loss": [3 / step for step in steps]}).to_csv(folder / "train.csv", index=False)
    reliability = pd.DataFrame({"confidence": [0.15, 0.75], "precision": [20.0, 80.0], "foregrounds": [5, 10]})
    reliability.to_csv(folder / "foregrounds_reliability.csv", index=False)
    names_of_rest = list(classes.values())[2:]
    found = [(5, classes[1], classes[1]), (6, classes[2], ""), *((6, name, name) for name in names_of_rest)]
    pairs = pd.DataFrame(found, columns=["image_id", "actual", "predicted"])
    pairs.to_csv(folder / "confusion.csv", index=False)
    curve = [(name, recall / 4, 1 - recall / 8) for name in classes.values() for recall in range(5)]
    pd.DataFrame(curve, columns=["class_name", "recall", "precision"]).to_csv(
        folder / "precision_recall.csv", index=False
    )


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run."""
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a folder data set without masks, without backgrounds, whose detector finds nothing."""
    return make_run(tmp_path_factory.mktemp("bare"), masks=False, backgrounds=False, detections=False)
