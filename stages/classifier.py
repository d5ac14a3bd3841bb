"""``models/classifier`` holds a multi-label classifier trained on the training split's image-level labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import typer

from empaste.artifacts import tables
from empaste.artifacts.classifier import save_classifier
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.work import remove_work, work_folder
from empaste.classification import train
from empaste.classification.settings import ClassifierSettings
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage

MAX_BYTES_IN_MEMORY = 4 * 2**30
"""Of decoded images; more than that goes to a memory-mapped file."""


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
    device = torch_device(settings.device)
    table = tables.read_table(images / "images.parquet", Images)
    classes = tables.read_table(labels / "classes.parquet", Classes)
    pairs = tables.read_table(labels / "labels.parquet", Labels).to_numpy()
    work = work_folder("classifier", settings.model_dump(), [images, labels])
    splits = {
        split: _read_split(images, table[table["split"] == split], classes, pairs, settings.image_size, work / split)
        for split in ("train", "val")
    }
    recipe = train.Recipe(
        settings.epochs, settings.batch_size, settings.learning_rate, settings.weight_decay, settings.seed
    )
    classifier, history = train.train_classifier(
        splits["train"],
        splits["val"],
        classes["class_id"].tolist(),
        settings.architecture,
        settings.width,
        settings.weights,
        recipe,
        device,
        work / "checkpoint.pt",
    )
    precisions = train.average_precisions(splits["val"].labels, train.predict(classifier, splits["val"].squares))
    with whole_directory(out) as scratch:
        save_classifier(
            classifier,
            scratch,
            architecture=settings.architecture,
            width=settings.width,
            class_names=classes["name"].tolist(),
        )
    per_class = dict(zip(classes["name"], precisions, strict=True))
    write_json(metrics, {"mAP": train.mean_ap(precisions), "AP_per_class": per_class})
    write_whole(plot, pd.DataFrame(history).to_csv(index=False).encode())
    remove_work(work)


def _read_split(
    images: Path, table: pd.DataFrame, classes: pd.DataFrame, pairs: np.ndarray, side: int, store: Path
) -> train.LabelledImages:
    """The split's images, labels and ids."""
    if table.empty and store.name == "train":
        raise InputError(f"{images / 'images.parquet'} holds no training image; check prepare.* in params.yaml")
    fits = len(table) * side * side * 3 <= MAX_BYTES_IN_MEMORY
    paths = [images / name for name in table["file_name"]]
    return train.LabelledImages(
        train.load_squares(paths, side, None if fits else store.with_suffix(".npy")),
        train.label_matrix(table["image_id"].tolist(), classes["class_id"].tolist(), pairs),
        table["image_id"].to_numpy(),
    )


if __name__ == "__main__":
    typer.run(main)
