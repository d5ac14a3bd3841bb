"""The data set lies under data/ in one normal form: upright RGB images, image-level labels, ground truth for measuring.

Ground truth of the training split is written for code that measures; nothing that trains or selects may read it.
"""

from pathlib import Path

import typer

from empaste.artifacts.coco import write_coco
from empaste.artifacts.label_decisions import read_label_decisions
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.originals import Originals
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.tables import write_into
from empaste.artifacts.work import remove_work, work_folder
from empaste.datasets import preparing
from empaste.datasets.label_changes import relabel
from empaste.datasets.opening import open_data_set
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.writing import prepare_images, source_folders
from empaste.layout import HERE
from empaste.scaleout import map_items
from empaste.settings import load_settings
from stages.runner import stage, warn


@stage("prepare")
def main(
    decisions: Path = HERE.label_decisions,
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    originals: Path = HERE.originals,
    train_truth: Path = HERE.train_truth,
    val_truth: Path = HERE.val_truth,
    metrics: Path = HERE.metrics / "prepare.json",
    plot: Path = HERE.plots / "prepare.csv",
    params: Path = HERE.params,
) -> None:
    """Read or draw the data set, normalise its images, and write images, their origins, corrected labels and truth.

    Goes on where it was interrupted.
    """
    settings = load_settings(params, "prepare", PrepareSettings)
    changes = read_label_decisions(decisions)
    data, tail = open_data_set(settings, map_items)
    warn(data.warnings)
    root = None if settings.dataset == "demo" else settings.folder
    roots = [] if root is None else source_folders(root, data)
    work = work_folder("prepare", settings, [decisions], free=["root"], listed=roots)
    with (
        whole_directory(images) as image_folder,
        whole_directory(labels) as label_folder,
        whole_directory(originals) as original_folder,
    ):
        found = prepare_images(data, settings.max_side, image_folder, map_items, work)
        prepared, counts, warnings = relabel(data, found, changes)
        warn([*preparing.warnings_of(data, prepared), *warnings])
        write_into(image_folder, preparing.image_table(prepared), Images)
        write_into(label_folder, preparing.label_table(prepared), Labels)
        write_into(label_folder, preparing.class_table(data), Classes)
        write_into(original_folder, preparing.original_table(prepared, root), Originals)
        name = settings.dataset
        write_coco(train_truth, preparing.truth_of(data, prepared, "train", f"{name}, split train, for measuring only"))
        write_coco(val_truth, preparing.truth_of(data, prepared, "val", f"{name}, split val, for evaluation"))
    histogram = preparing.class_histogram(data, prepared, tail["available"] if tail else {})
    write_whole(plot, histogram.to_csv(index=False).encode())
    figures = preparing.count_images(data, prepared) | {"long_tail": tail}
    write_json(metrics, figures | ({"labels_corrected": counts} if changes else {}))
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
