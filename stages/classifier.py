"""``models/classifier`` holds a multi-label classifier trained on the training split's image-level labels."""

from pathlib import Path

import pandas as pd
import typer

from empaste.artifacts.classifier import save_classifier
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.prepare import Classes
from empaste.artifacts.tables import read_from
from empaste.artifacts.work import remove_work, work_folder
from empaste.classification.labelled_images import read_split
from empaste.classification.settings import ClassifierSettings
from empaste.classification.train import average_precisions, mean_ap, predict, train_classifier
from empaste.devices import limit_threads
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("classifier")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    out: Path = HERE.classifier,
    metrics: Path = HERE.metrics / "classifier.json",
    plot: Path = HERE.plots / "classifier.csv",
    params: Path = HERE.params,
) -> None:
    """Train on the training split, measure on the validation split, write the model."""
    settings = load_settings(params, "classifier", ClassifierSettings)
    limit_threads(settings.num_threads)
    classes = read_from(labels, Classes)
    names, ids = classes["name"].tolist(), classes["class_id"].tolist()
    work = work_folder("classifier", settings, [images, labels])
    train, val = (read_split(split, images, labels, ids, settings.image_size, work) for split in ("train", "val"))
    classifier, history = train_classifier(train, val, ids, settings, work / "checkpoint.pt")
    precisions = average_precisions(val.labels, predict(classifier, val.squares))
    with whole_directory(out) as scratch:
        save_classifier(
            classifier, scratch, architecture=settings.architecture, width=settings.width, class_names=names
        )
    write_json(metrics, {"mAP": mean_ap(precisions), "AP_per_class": dict(zip(names, precisions, strict=True))})
    write_whole(plot, pd.DataFrame(history).to_csv(index=False).encode())
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
