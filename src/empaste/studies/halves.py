"""Precision of F-EM's foregrounds on two halves of the images: one to choose settings by, the other to report.

Images are halved in the order of their ids; F-EM itself always runs on all of them, since it needs no masks. Ground
truth of the training split measures, and does nothing else.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from empaste.artifacts.chosen_masks import BY_HAND, DECIDED, read_by_hand, with_by_hand
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, read_table
from empaste.artifacts.truth import IOU50, GroundTruth, percent_found, read_truth
from empaste.artifacts.work import WORK, keyed_folder
from empaste.data_set_parts import find_parts
from empaste.foregrounds.quality import best_ious, segment_ious
from empaste.layout import HERE, Layout
from empaste.studies.experiments import fetch

STAGE = "halves"
"""Its figures go by this name, as those of a stage go by the stage's."""
BEST = "best"
CHOOSE, REPORT = "choose", "report"
MEASURED = (HERE.foregrounds, HERE.segments, HERE.labels, HERE.images / "images.parquet", HERE.train_truth)
"""The artifacts that are looked at."""
Halves = dict[str, Any]


def measure_halves(rev: str, parts: Mapping[str, str]) -> Halves:
    """Precision at `IOU50`, in percent, of every table of foregrounds of the finished experiment ``rev``.

    By half (`CHOOSE` for the images at even places, `REPORT` for the others), then by table; `BEST` is what no choice
    among the segments can exceed, on the half that is reported. Under ``parts`` stands the same for the images whose
    file names match a pattern, by its name. What was measured once is kept.
    """
    folder = keyed_folder(STAGE, [rev, dict(parts)], WORK / "studies")
    kept = folder / "precision.json"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            measured = _measure(fetch(rev, MEASURED, Path(scratch)), parts)
        write_whole(kept, json.dumps(measured).encode())
    content: Halves = json.loads(kept.read_text())
    return content


def _measure(there: Layout, parts: Mapping[str, str]) -> Halves:
    truth, segments = read_truth(there.train_truth), read_from(there.segments, Segments)
    images = read_from(there.images, Images)
    paths = sorted(path for path in there.foregrounds.glob("*.parquet") if path.name not in (BY_HAND, DECIDED))
    tables = {path.stem: read_table(path, Foregrounds) for path in paths}
    tables[BEST] = best_choice(segments, read_from(there.labels, Labels), truth)
    training = images[images["split"] == "train"].sort_values("image_id")
    chosen_on = set(training["image_id"].iloc[::2])
    files = training["file_name"].map(lambda file: Path(file).name)
    within = {
        name: set(training["image_id"][files.isin(names)]) for name, names in find_parts(files.tolist(), parts).items()
    }
    masks = with_by_hand(segments, read_by_hand(there.foregrounds))
    judged = {name: _judged(table, masks, truth) for name, table in tables.items()}
    whole = _halves(judged, chosen_on, set(training["image_id"]))
    return whole | {"parts": {name: _halves(judged, chosen_on, ids) for name, ids in within.items()}}


def best_choice(segments: pd.DataFrame, labels: pd.DataFrame, truth: GroundTruth) -> pd.DataFrame:
    """Per (image, class) that the labels name the segment of highest IoU, where there is any segment."""
    ious = segment_ious(segments, truth, sorted(set(labels["class_id"])))
    pairs = labels.merge(segments[["image_id", "segment_id"]], on="image_id").merge(ious, on=["class_id", "segment_id"])
    best = pairs.sort_values("iou", ascending=False, kind="stable").drop_duplicates(["image_id", "class_id"])
    return best[["image_id", "class_id", "segment_id"]]


def _judged(table: pd.DataFrame, segments: pd.DataFrame, truth: GroundTruth) -> pd.DataFrame:
    """``image_id`` and ``iou`` of every row in an image that somebody outlined."""
    outlined = table[table["image_id"].isin(truth.outlined)].reset_index(drop=True)
    of_chosen, _ = best_ious(outlined, segments, truth)
    return pd.DataFrame({"image_id": outlined["image_id"], "iou": of_chosen})


def _halves(judged: Mapping[str, pd.DataFrame], chosen_on: set[int], within: set[int]) -> Halves:
    halves = {CHOOSE: within & chosen_on, REPORT: within - chosen_on}
    figures: Halves = {
        half: {name: _precision(table, ids) for name, table in judged.items() if name != BEST}
        for half, ids in halves.items()
    }
    return figures | {BEST: _precision(judged[BEST], halves[REPORT])}


def _precision(table: pd.DataFrame, image_ids: set[int]) -> float | None:
    return percent_found(table["iou"][table["image_id"].isin(image_ids)].to_numpy(), IOU50)
