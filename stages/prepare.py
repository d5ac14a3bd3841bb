"""The data set lies under data/ in one normal form: upright RGB images, image-level labels, ground truth for measuring.

Ground truth of the training split is written for code that measures; nothing that trains or selects may read it.
"""

import sys
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts import schemas
from empaste.artifacts.coco import coco_dataset, write_coco
from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.tables import write_table
from empaste.datasets import DATASETS
from empaste.datasets.preparing import (
    annotations_of,
    class_table,
    count_images,
    image_table,
    label_table,
    refuse_errors,
    subsample,
    write_example,
)
from empaste.datasets.records import Source, Split
from empaste.params import load_params
from empaste.scaleout import map_items
from stages.runner import stage

SPLITS: tuple[Split, ...] = ("train", "val")


@stage("prepare")
def main(
    images: Path = Path("data/images"),
    labels: Path = Path("data/labels"),
    ground_truth: Path = Path("data/ground_truth"),
    metrics: Path = Path("metrics/prepare.json"),
    params: Path = Path("params.yaml"),
) -> None:
    """Read or draw the data set, normalise its images, and write images, labels and ground truth."""
    settings = load_params(params).prepare
    source = Source(
        Path(settings.root).expanduser() if settings.root else None,
        settings.seed,
        settings.num_train,
        settings.num_val,
        settings.image_size,
        settings.val_fraction,
    )
    data = subsample(DATASETS[settings.dataset](source), settings.max_train, settings.max_val, settings.seed)
    for warning in data.warnings:
        print(f"WARNING: {warning}", file=sys.stderr)
    with whole_directory(images) as image_folder, whole_directory(labels) as label_folder:
        write = partial(write_example, load=data.load, max_side=settings.max_side, folder=image_folder)
        prepared = list(map_items(write, data.examples, "prepare"))
        refuse_errors(prepared)
        table, classes = image_table(prepared), class_table(data)
        write_table(table, image_folder / "images.parquet", schemas.Images)
        write_table(label_table(prepared), label_folder / "labels.parquet", schemas.Labels)
        write_table(classes, label_folder / "classes.parquet", schemas.Classes)
        for split in SPLITS:
            note = f"{settings.dataset}, split {split}" + (" (for measuring only)" if split == "train" else "")
            truth = coco_dataset(table[table["split"] == split], classes, annotations_of(prepared, split), note)
            write_coco(ground_truth / f"{split}.json", truth)
    write_json(metrics, count_images(data, prepared))


if __name__ == "__main__":
    typer.run(main)
