"""``data/cams`` holds a heat map and its centre for every class that a training image shows."""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.arrays import write_array
from empaste.artifacts.classifier import check_classes, place_classifier
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work import remove_work, work_folder
from empaste.classification.cam_settings import CamSettings
from empaste.classification.localising import get_localiser
from empaste.classification.locating import HEATMAPS, locate_data_set
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, stream_items
from empaste.settings import load_settings
from stages.runner import stage


@stage("cams")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    model: Path = HERE.classifier,
    out: Path = HERE.cams,
    params: Path = HERE.params,
) -> None:
    """Locate every class of every training image, by image, classes in the order of the labels.

    Goes on where it was interrupted.
    """
    settings = load_settings(params, "cams", CamSettings)
    paths = read_image_paths(images, "train")
    pairs = read_from(labels, Labels)
    check_classes(model, pairs["class_id"], labels)
    work = work_folder("cams", settings, [images, labels, model])
    classifier = PerProcess(partial(place_classifier, model, settings.device, settings.num_threads))
    network = Network(settings.device, settings.num_threads)
    localiser = PerProcess(get_localiser(classifier, images, paths, pairs, settings, work))
    stream_images = partial(stream_items, what="cams", network=network, batch_size=settings.batch_size)
    rows, heatmaps = locate_data_set(classifier, localiser, paths, pairs, settings, stream_images, work)
    with whole_directory(out) as scratch:
        write_into(scratch, rows, Cams)
        write_array(scratch / HEATMAPS, heatmaps)
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
