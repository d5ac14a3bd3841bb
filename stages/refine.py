"""``data/refined`` holds foregrounds drawn anew by segmentation networks that learned F-EM's, of every round.

Ground truth of the training split is read to measure the rounds, and for nothing else.
"""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.outputs import whole_directory, write_json
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.tables import read_from
from empaste.artifacts.truth import read_truth
from empaste.artifacts.work import remove_work, work_folder
from empaste.devices import limit_threads, torch_device
from empaste.layout import HERE
from empaste.refinement.quality import refine_metrics
from empaste.refinement.reading import check_labels, read_decided, read_labelled, read_pool
from empaste.refinement.rounds import refine
from empaste.refinement.settings import RefineSettings
from empaste.refinement.writing import tell_rounds, write_rounds
from empaste.scaleout import Network, map_items
from empaste.settings import load_settings
from stages.runner import note, stage


@stage("refine")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    foregrounds: Path = HERE.foregrounds,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.refined,
    metrics: Path = HERE.metrics / "refine.json",
    params: Path = HERE.params,
) -> None:
    """Refine the foregrounds, write every round, and measure them where there are masks. Goes on where it stopped."""
    settings = load_settings(params, "refine", RefineSettings)
    limit_threads(settings.num_threads)
    table, classes = read_from(images, Images).query("split == 'train'"), read_from(labels, Classes)
    work = work_folder("refine", settings, [images, labels, segments, foregrounds, ground_truth])
    labelled = read_labelled(images, labels)
    pool = read_pool(foregrounds, segments) if settings.rounds else []
    decided = read_decided(foregrounds, segments) if settings.rounds else []
    check_labels(pool, labelled, foregrounds)
    on_gpu = torch_device(settings.device).type != "cpu"
    map_images = partial(map_items, what="draw", network=Network(settings.device, 1) if on_gpu else None)
    rounds = refine(pool, labelled, classes["class_id"].tolist(), settings, map_images, work, decided)
    with whole_directory(out) as folder:
        write_rounds(folder, rounds, table, classes)
    write_json(metrics, refine_metrics(rounds, read_truth(ground_truth), classes))
    if decided:
        note([f"refine: {len(decided)} masks are right by a person's decision, and stay as they are"])
    note(tell_rounds(rounds))
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
