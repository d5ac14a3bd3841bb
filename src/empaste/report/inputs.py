"""What the page reads of a run, cut down to the images that it shows."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from empaste.artifacts.chosen_masks import read_by_hand, with_by_hand
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Coco, Detection, rows_by_image
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.schemas.table import Table
from empaste.artifacts.segments import segment_rles
from empaste.artifacts.tables import check_table, file_of, read_from
from empaste.artifacts.truth import GroundTruth, read_truth
from empaste.errors import InputError
from empaste.evaluation.mistakes import image_quality, match_instances
from empaste.images import read_rgb
from empaste.layout import Layout
from empaste.rle import RLE

Label = tuple[int, int]
"""An image's id, and that of a class which its labels name."""
NAME_COLUMNS = ("class_name", "actual", "predicted")
"""Columns of the plots' tables that hold names of classes."""


class Run:
    """A run's tables, read when first asked for, and the images that every sheet shows.

    The training images are ``num_images`` at even spacing among those with a label, the same ones on every sheet, so
    that one image can be followed through the stages; the validation images likewise.
    """

    def __init__(self, files: Layout, num_images: int) -> None:
        self.files = files
        self.images = read_from(files.images, Images)
        self.paths = image_paths(self.images, files.images)
        classes = read_from(files.labels, Classes)
        self.class_names: dict[int, str] = dict(zip(classes["class_id"], classes["name"], strict=True))
        self.labels = read_from(files.labels, Labels)
        labelled = set(self.labels["image_id"])
        train = [id_ for id_ in self.ids_of("train") if id_ in labelled] or self.ids_of("train")
        self.train_ids = evenly_spaced(train, num_images)
        self.val_ids = evenly_spaced(self.ids_of("val"), num_images)

    def ids_of(self, split: str) -> list[int]:
        """The ids of the images of ``split``, in order."""
        return self.images.loc[self.images["split"] == split, "image_id"].tolist()

    def pixels(self, image_id: int) -> UInt8[np.ndarray, "h w 3"]:
        """The image."""
        return read_rgb(self.paths[image_id])

    def names_in(self, image_id: int) -> list[str]:
        """The classes that the image's labels name."""
        ids = self.labels.loc[self.labels["image_id"] == image_id, "class_id"]
        return [self.class_names[class_id] for class_id in ids]

    def colour_number(self, class_id: int) -> int:
        """The class's place in the order of classes, which chooses its colour."""
        return list(self.class_names).index(class_id)

    def detector(self) -> tuple[Path, bytes] | None:
        """The folder of the trained detector, and an image to try it on; None where there is none."""
        images = sorted(self.files.images.glob("*/*.*"))
        return (self.files.detector, images[0].read_bytes()) if images and self.files.detector.is_dir() else None

    @cached_property
    def train_truth(self) -> GroundTruth:
        """Ground truth of the training split, for measuring; without instances where there is none."""
        return read_truth(self.files.train_truth)

    @cached_property
    def val_truth(self) -> Coco:
        """Ground truth of the validation split; without annotations where the data set has no masks."""
        return read_coco(self.files.val_truth)

    @cached_property
    def detections(self) -> list[Detection]:
        """What the detector finds in the validation images; may be empty."""
        found: list[Detection] = read_own_json(self.files.detections / "val.json", "dvc repro evaluate")
        return found

    @cached_property
    def val_quality(self) -> dict[int, float]:
        """`image_quality` of the validation images."""
        quality = image_quality(match_instances(self.val_truth, self.detections), self.val_truth)
        return {image_id: share for image_id, share in quality.items() if image_id in self.paths}

    @cached_property
    def composites(self) -> Coco:
        """The composites' data set."""
        return read_coco(self.files.composites / "instances.json")


class Side(NamedTuple):
    """One of two runs that are compared: name, artifacts, figures, flat parameters, and the record of its stages."""

    name: str
    run: Run
    metrics: Mapping[str, Any]
    params: Mapping[str, Any]
    stages: Mapping[str, Any]


def evenly_spaced(values: Sequence[int], num: int) -> list[int]:
    """``num`` of ``values`` from first to last at even spacing, in order; all where there are no more."""
    if len(values) <= num:
        return list(values)
    return [values[round(place)] for place in np.linspace(0, len(values) - 1, num)]


def read_rows(path: Path, schema: type[Table], ids: Iterable[int], column: str = "image_id") -> pd.DataFrame:
    """The rows of the table at ``path`` whose ``column`` is one of ``ids``, without reading the others into memory."""
    try:
        rows = pd.read_parquet(path, engine="pyarrow", filters=[(column, "in", list(ids))])
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro (or dvc pull)") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable Parquet table: {error}; run: dvc repro") from error
    return check_table(rows, path, schema)


def read_iterations(folder: Path, image_ids: Sequence[int]) -> dict[int, pd.DataFrame]:
    """F-EM's choices in ``image_ids``, `schemas.foregrounds.Foregrounds`, by iteration, in order; 0 is Step 1."""
    paths = {int(path.stem.removeprefix("iter_")): path for path in folder.glob("iter_*.parquet")}
    return {number: read_rows(paths[number], Foregrounds, image_ids) for number in sorted(paths)}


def read_rounds(folder: Path) -> dict[int, dict[Label, list[Annotation]]]:
    """What each round of the refinement drew, by (image, class); rounds in order, from 1."""
    rounds: dict[int, dict[Label, list[Annotation]]] = {}
    for path in sorted(folder.glob("round_*.json"), key=lambda path: int(path.stem.removeprefix("round_"))):
        found = rounds.setdefault(int(path.stem.removeprefix("round_")), {})
        for row in read_coco(path)["annotations"]:
            found.setdefault((row["image_id"], row["category_id"]), []).append(row)
    return rounds


def read_masks(files: Layout, chosen: Iterable[pd.DataFrame]) -> dict[int, RLE]:
    """The masks that the tables ``chosen`` name, by id: segments, and masks of a person's decisions."""
    ids = {segment_id for table in chosen for segment_id in table["segment_id"]}
    segments = read_rows(file_of(files.segments, Segments), Segments, ids, "segment_id")
    named = with_by_hand(segments, read_by_hand(files.foregrounds))
    wanted = named[named["segment_id"].isin(ids)]
    return dict(zip(wanted["segment_id"], segment_rles(wanted), strict=True))


def of_label(table: pd.DataFrame, label: Label) -> pd.DataFrame:
    """The rows of one (image, class)."""
    return table[(table["image_id"] == label[0]) & (table["class_id"] == label[1])]


def read_plot(path: Path) -> pd.DataFrame:
    """The table at ``path``, with names of classes as the text that they are; `InputError` where it is missing or none.

    NA, 001 and the like are names; an empty name stays empty (`empaste.evaluation.mistakes.NOTHING`). Of figures an
    empty field is one that was not measured: NaN.
    """
    try:
        columns = [str(column) for column in pd.read_csv(path, nrows=0).columns]
        figures = {column: [""] for column in columns if column not in NAME_COLUMNS}
        return pd.read_csv(path, dtype=dict.fromkeys(NAME_COLUMNS, str), keep_default_na=False, na_values=figures)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro (or dvc pull)") from error
    except ValueError as error:
        raise InputError(f"{path} is not a readable table: {error}; run: dvc repro") from error


def numeric_columns(table: pd.DataFrame) -> dict[str, list[float]]:
    """The columns of numbers by name, in their order."""
    numeric = table.select_dtypes("number")
    return {str(name): numeric[name].tolist() for name in numeric.columns}


def annotations_of(data: Coco, image_ids: Iterable[int]) -> dict[int, list[Annotation]]:
    """The annotations of each of ``image_ids``; an empty list where there is none."""
    found = rows_by_image(data["annotations"])
    return {image_id: found.get(image_id, []) for image_id in image_ids}
