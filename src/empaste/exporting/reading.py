"""What can be exported, read from the artifacts of a run or from what a command wrote."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, cast

import pandas as pd

from empaste.artifacts.chosen_masks import read_chosen_masks
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Category, Detection, ImageRecord, rows_by_image
from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.segments import chosen_rows, segment_rles
from empaste.artifacts.shards import ShardEntry, Shards
from empaste.artifacts.tables import read_from, read_table
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.images import leads_out
from empaste.layout import Layout
from empaste.masks import rle_area_box_xywh
from empaste.rle import first_unsound
from empaste.settings import load_settings

DATA_SET = "instances.json"
"""The COCO data set in a folder of composites or of `empaste predict`."""
PREDICTIONS = Path("predictions")
"""Where `empaste predict` writes by default."""


class Places(NamedTuple):
    """Where to read: the artifacts of a run, what is to be exported where the user names it, and its image files.

    With ``originals`` these are the user's own photographs, below ``image_folder`` or else ``prepare.root``.
    """

    run: Layout
    source: Path | None = None
    image_folder: Path | None = None
    originals: bool = False


def read_source(what: str, places: Places) -> AnnotatedSet:
    """What ``what`` names in `SOURCES`; `InputError` where there is no such thing, or it is not there to be read."""
    if what not in SOURCES:
        raise InputError(f"{what!r} cannot be exported; choose from {', '.join(SOURCES)}, model")
    if places.source is not None and what not in USERS:
        raise InputError(f"{what} is read from this run; leave out --source, which is for {' and '.join(USERS)}")
    if places.originals and what in MADE:
        why = "are no photographs of yours" if what == "composites" else "are in your own photographs already"
        raise InputError(f"{what} {why}; leave --originals out")
    return SOURCES[what](places)


def original_folder(places: Places) -> Path:
    """The folder below which the user's own photographs lie; `InputError` where ``params.yaml`` names none."""
    if places.image_folder is not None:
        return places.image_folder
    settings = load_settings(places.run.params, "prepare", PrepareSettings)
    if settings.dataset == "demo":
        raise InputError("the demo's images are drawn, so there are no originals of them; leave --originals out")
    return settings.folder


def without_empty(data: AnnotatedSet, min_score: float) -> tuple[AnnotatedSet, int, int]:
    """``data`` less what has no pixel, and less what has a score under ``min_score``; how many there were of each."""
    empty = low = 0
    images = []
    for image in data.images:
        shown = [one for one in image.instances if rle_area_box_xywh(one.mask)[0]]
        kept = [one for one in shown if one.score is None or one.score >= min_score]
        empty, low = empty + len(image.instances) - len(shown), low + len(shown) - len(kept)
        images.append(image._replace(instances=tuple(kept)))
    return data._replace(images=tuple(images)), empty, low


def _foregrounds(places: Places) -> AnnotatedSet:
    run = places.run
    table = read_from(run.images, Images).query("split == 'train'")
    chosen = read_table(run.foregrounds / "pool.parquet", Foregrounds)
    rows = chosen_rows(chosen, read_chosen_masks(run.segments, run.foregrounds))
    found: dict[int, list[Instance]] = {}
    for row, rle in zip(rows.to_dict("records"), segment_rles(rows), strict=True):
        instance = Instance(int(row["class_id"]), rle, float(row["confidence"]), False)
        found.setdefault(row["image_id"], []).append(instance)
    return _of_table(table, found, places, "foregrounds of the training images")


def _detections(places: Places) -> AnnotatedSet:
    run = places.run
    rows: list[Detection] = read_own_json(run.detections / "val.json", "dvc repro evaluate")
    if (broken := first_unsound([row["segmentation"] for row in rows])) is not None:
        raise InputError(f"{run.detections}/val.json: row {broken} has no such mask; run: dvc repro evaluate")
    table = read_from(run.images, Images).query("split == 'val'")
    found = {
        image_id: [Instance(row["category_id"], row["segmentation"], row["score"], False) for row in of_image]
        for image_id, of_image in rows_by_image(rows).items()
    }
    return _of_table(table, found, places, "detections in the validation images")


def _of_table(table: pd.DataFrame, found: dict[int, list[Instance]], places: Places, origin: str) -> AnnotatedSet:
    """The images of ``table`` (rows of `schemas.prepare.Images`) with what was found in them."""
    folder = places.image_folder or places.run.images
    images = tuple(
        AnnotatedImage(row["image_id"], row["file_name"], (row["height"], row["width"]), folder / row["file_name"],
                       tuple(found.get(row["image_id"], ())))
        for row in table.to_dict("records")
    )  # fmt: skip
    return AnnotatedSet(images, _classes(places.run), origin)


def _classes(run: Layout) -> tuple[Category, ...]:
    rows = read_from(run.labels, Classes).rename(columns={"class_id": "id"}).to_dict("records")
    return tuple(cast(list[Category], rows))


def _refined(places: Places) -> AnnotatedSet:
    folder = places.image_folder or places.run.images
    data = _of_coco(places.run.refined / "pool.json", lambda row: folder / row["file_name"], "refined foregrounds")
    if not data.num_instances:
        raise InputError(
            f"{places.run.refined}/pool.json holds no foreground; set refine.rounds to 1 or more and run: dvc repro "
            "refine, or export foregrounds"
        )
    return data


def _composites(places: Places) -> AnnotatedSet:
    shards = Shards(places.run.composites)
    return _of_coco(places.run.composites / DATA_SET, lambda row: shards.entry(row["file_name"]), "composites")


def _predictions(places: Places) -> AnnotatedSet:
    path = _named_file((places.source or PREDICTIONS) / DATA_SET, "the folder that empaste predict wrote")
    folder = places.image_folder or Path()
    return _of_coco(path, lambda row: folder / row["file_name"], "predictions")


def _pseudo_labels(places: Places) -> AnnotatedSet:
    if places.source is None:
        raise InputError("pseudo-labels lie where you wrote them; name the file: --source pseudo_labels/1.json")
    path = _named_file(places.source, "a file that empaste pseudo-labels wrote")
    folder = places.image_folder or places.run.images
    return _of_coco(path, lambda row: folder / row["file_name"], "pseudo labels of the training images")


def _named_file(path: Path, what: str) -> Path:
    if not path.is_file():
        raise InputError(f"{path} does not exist; name {what} by --source")
    return path


def _of_coco(path: Path, file_of: Callable[[ImageRecord], Path | ShardEntry], origin: str) -> AnnotatedSet:
    """The COCO data set at ``path``, which this project wrote; ``file_of`` says where an image lies.

    `InputError` where the name of an image leads out of the folder of the images, or an annotation is of no image.
    """
    data = read_coco(path)
    if out := [row["file_name"] for row in data["images"] if leads_out(row["file_name"])]:
        raise InputError(
            f"{path}: the file name {out[0]!r} leads out of the folder of the images; write the file again"
        )
    rows = rows_by_image(data["annotations"])
    images = tuple(
        AnnotatedImage(row["id"], row["file_name"], (row["height"], row["width"]), file_of(row),
                       tuple(_instances(rows.pop(row["id"], ()))))
        for row in data["images"]
    )  # fmt: skip
    known = {row["id"] for row in data["categories"]}
    odd = [row["id"] for row in data["annotations"] if row["image_id"] in rows or row["category_id"] not in known]
    if odd:
        raise InputError(f"{path}: annotation {odd[0]} is of an image or a class that the file lacks; write it again")
    return AnnotatedSet(images, tuple(data["categories"]), origin)


def _instances(rows: Iterable[Annotation]) -> Iterable[Instance]:
    return (Instance(row["category_id"], row["segmentation"], row.get("score"), bool(row["iscrowd"])) for row in rows)


SOURCES: dict[str, Callable[[Places], AnnotatedSet]] = {
    "foregrounds": _foregrounds,
    "refined": _refined,
    "composites": _composites,
    "detections": _detections,
    "predictions": _predictions,
    "pseudo-labels": _pseudo_labels,
}
MADE = ("composites", "predictions")
"""What is of no image in ``data/images``."""
USERS = ("predictions", "pseudo-labels")
"""What lies where the user put it."""
