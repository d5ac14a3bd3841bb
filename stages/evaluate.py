"""``metrics/evaluate.json`` holds mask and box AP on the validation split, ``data/detections`` what was detected."""

import json
from pathlib import Path

import pandas as pd
import typer

from empaste.artifacts.coco import read_coco
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_table
from empaste.detectors import check_classes, detect_files, load_detector
from empaste.evaluation import evaluate_detections
from empaste.evaluation.mistakes import Pair, match_instances
from empaste.evaluation.results import CurvePoint
from empaste.evaluation.settings import EvaluateSettings
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("evaluate")
def main(
    images: Path = HERE.images,
    ground_truth: Path = HERE.val_truth,
    model: Path = HERE.detector,
    out: Path = HERE.detections,
    metrics: Path = HERE.metrics / "evaluate.json",
    curves: Path = HERE.plots / "precision_recall.csv",
    confusion: Path = HERE.plots / "confusion.csv",
    params: Path = HERE.params,
) -> None:
    """Detect on the validation images, then compare with their ground truth."""
    options = load_settings(params, "evaluate", EvaluateSettings).model_dump()
    protocol, batch_size = options.pop("protocol"), options.pop("batch_size")
    table = read_table(images / "images.parquet", Images)
    shown = table[table["split"] == "val"]
    files = [(int(number), images / name) for number, name in zip(shown["image_id"], shown["file_name"], strict=True)]
    truth = read_coco(ground_truth)
    check_classes(model, {row["id"]: row["name"] for row in truth["categories"]}, ground_truth)
    detections = detect_files(load_detector(model, **options), files, batch_size)
    evaluation = evaluate_detections(truth, detections, protocol)
    with whole_directory(out) as folder:
        write_whole(folder / "val.json", json.dumps(detections, separators=(",", ":")).encode())
    write_json(metrics, evaluation.metrics)
    for path, rows, columns in (
        (curves, evaluation.curves, CurvePoint._fields),
        (confusion, match_instances(truth, detections), Pair._fields),
    ):
        write_whole(path, pd.DataFrame(rows, columns=list(columns)).to_csv(index=False).encode())
    if evaluation.metrics["box"]["AP"] is None:
        print(f"{ground_truth} holds no instance: the detections are written, but there is no AP")
    elif evaluation.metrics["mask"]["AP"] is None:
        print(f"{ground_truth} holds boxes alone: box AP is measured, mask AP is not")


if __name__ == "__main__":
    typer.run(main)
