"""``metrics/evaluate.json`` holds mask and box AP on the validation split, ``data/detections`` what was detected."""

import json
from functools import partial
from pathlib import Path

import pandas as pd
import typer

from empaste.artifacts.coco import read_coco
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.work import remove_work, work_folder
from empaste.detectors.detecting import DetectSettings, detect_data_set, load_detector
from empaste.detectors.models import check_classes
from empaste.detectors.rescoring import SecondOpinion
from empaste.evaluation import evaluate_detections
from empaste.evaluation.mistakes import Pair, match_instances
from empaste.evaluation.results import CurvePoint, missing_ap
from empaste.evaluation.settings import EvaluateSettings
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, stream_items
from empaste.settings import load_settings
from stages.runner import note, stage


@stage("evaluate")
def main(
    images: Path = HERE.images,
    ground_truth: Path = HERE.val_truth,
    model: Path = HERE.detector,
    classifier: Path = HERE.classifier,
    out: Path = HERE.detections,
    metrics: Path = HERE.metrics / "evaluate.json",
    curves: Path = HERE.plots / "precision_recall.csv",
    confusion: Path = HERE.plots / "confusion.csv",
    params: Path = HERE.params,
) -> None:
    """Detect on the validation images, then compare with their ground truth. Goes on where it was interrupted."""
    settings = load_settings(params, "evaluate", EvaluateSettings)
    files = list(read_image_paths(images, "val").items())
    truth = read_coco(ground_truth)
    check_classes(model, {row["id"]: row["name"] for row in truth["categories"]}, ground_truth)
    opinion = SecondOpinion(classifier, settings.classifier_weight) if settings.classifier_weight else None
    how = DetectSettings(**settings.model_dump(exclude={"protocol", "classifier_weight"}), opinion=opinion)
    detector = PerProcess(partial(load_detector, model, how))
    network = Network(settings.device, settings.num_threads)
    stream_images = partial(stream_items, what="detecting", network=network, batch_size=settings.batch_size)
    work = work_folder("evaluate", settings, [images, ground_truth, model, classifier])
    detections = detect_data_set(detector, files, settings.batch_size, stream_images, work)
    evaluation = evaluate_detections(truth, detections, settings.protocol)
    with whole_directory(out) as folder:
        write_whole(folder / "val.json", json.dumps(detections, separators=(",", ":")).encode())
    write_json(metrics, evaluation.metrics)
    write_whole(curves, pd.DataFrame(evaluation.curves, columns=list(CurvePoint._fields)).to_csv(index=False).encode())
    pairs = match_instances(truth, detections)
    write_whole(confusion, pd.DataFrame(pairs, columns=list(Pair._fields)).to_csv(index=False).encode())
    remove_work(work)
    if missing := missing_ap(evaluation.metrics):
        note([f"evaluate: {ground_truth} holds {missing}"])


if __name__ == "__main__":
    typer.run(main)
