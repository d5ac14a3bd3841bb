"""The data set lies under data/ in one normal form: upright RGB images, image-level labels, ground truth for measuring.

Ground truth of the training split is written for code that measures; nothing that trains or selects may read it.
"""

import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.coco import coco_dataset, write_coco
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import write_table
from empaste.datasets import DATASETS
from empaste.datasets.frames import frame_vote, with_frame
from empaste.datasets.long_tail import read_labels, resample
from empaste.datasets.preparing import (
    annotations_of,
    class_histogram,
    class_table,
    count_images,
    image_table,
    label_table,
    refuse_errors,
    subsample,
    void_of,
    warnings_of,
    write_example,
)
from empaste.datasets.records import DataSet, Source, Split
from empaste.datasets.settings import PrepareSettings
from empaste.layout import HERE, in_main_repository
from empaste.scaleout import map_items
from empaste.settings import load_settings
from stages.runner import stage


@stage("prepare")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    train_truth: Path = HERE.train_truth,
    val_truth: Path = HERE.val_truth,
    metrics: Path = HERE.metrics / "prepare.json",
    plot: Path = HERE.plots / "prepare.csv",
    params: Path = HERE.params,
) -> None:
    """Read or draw the data set, normalise its images, and write images, labels and ground truth."""
    settings = load_settings(params, "prepare", PrepareSettings)
    source = Source(
        in_main_repository(settings.root) if settings.root else None,
        settings.seed,
        settings.num_train,
        settings.num_val,
        settings.image_size,
        settings.val_fraction,
    )
    data = subsample(DATASETS[settings.dataset](source), settings.max_train, settings.max_val, settings.seed)
    data, tail = _long_tailed(data, settings)
    if settings.dataset != "demo":
        data = with_frame(data, map_items(frame_vote, data.examples, "frames"), settings.annotation_frame)
    _warn(data.warnings)
    with whole_directory(images) as image_folder, whole_directory(labels) as label_folder:
        write = partial(write_example, load=data.load, max_side=settings.max_side, folder=image_folder)
        prepared = list(map_items(write, data.examples, "prepare"))
        refuse_errors(prepared)
        _warn(warnings_of(data, prepared))
        table, classes = image_table(prepared), class_table(data)
        write_table(table, image_folder / "images.parquet", Images)
        write_table(label_table(prepared), label_folder / "labels.parquet", Labels)
        write_table(classes, label_folder / "classes.parquet", Classes)
        truths: tuple[tuple[Split, Path, str], ...] = (
            ("train", train_truth, "for measuring only"),
            ("val", val_truth, "for evaluation"),
        )
        for split, path, use in truths:
            rows = table[table["split"] == split]
            note = f"{settings.dataset}, split {split}, {use}"
            write_coco(path, coco_dataset(rows, classes, annotations_of(prepared, split), note, void_of(prepared)))
    histogram = class_histogram(data, prepared, tail["available"] if tail else {})
    write_whole(plot, histogram.to_csv(index=False).encode())
    write_json(metrics, count_images(data, prepared) | {"long_tail": tail})


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"WARNING: {warning}", file=sys.stderr)


def _long_tailed(data: DataSet, settings: PrepareSettings) -> tuple[DataSet, dict[str, dict[str, int]] | None]:
    """``data`` as ``prepare.long_tail`` wants it, with the class sizes before and as wanted; None where it is off."""
    tail = settings.long_tail
    if not tail.max_size:
        return data, None
    unread = [example for example in data.examples if example.split == "train" and not example.class_ids]
    labelled = {
        example.image_id: example for example in map_items(partial(read_labels, load=data.load), unread, "labels")
    }
    data = replace(data, examples=tuple(labelled.get(example.image_id, example) for example in data.examples))
    drawn = resample(data, tail.shape, tail.max_size, tail.min_size, settings.seed)
    return drawn.data, {"available": drawn.available, "wanted": drawn.wanted}


if __name__ == "__main__":
    typer.run(main)
