"""``data/evidence`` says of every segment how well it explains, in its place, that an image shows a class."""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.arrays import read_array
from empaste.artifacts.classifier import check_classes, place_classifier
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import check_segment_images
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.work import remove_work, work_folder
from empaste.evidence.data_set import judge_data_set
from empaste.evidence.settings import EvidenceSettings
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, stream_items
from empaste.settings import load_settings
from stages.runner import stage


@stage("evidence")
def main(
    images: Path = HERE.images,
    segments: Path = HERE.segments,
    cams: Path = HERE.cams,
    model: Path = HERE.classifier,
    out: Path = HERE.evidence,
    params: Path = HERE.params,
) -> None:
    """Judge the segments of every image for every class that it shows. Goes on where it was interrupted."""
    settings = load_settings(params, "evidence", EvidenceSettings)
    paths = read_image_paths(images)
    wanted = read_from(cams, Cams)
    check_classes(model, wanted["class_id"], cams)
    heatmaps = read_array(cams / "heatmaps.npy", len(wanted), str(cams), "cams")
    table = read_from(segments, Segments)
    check_segment_images(table, paths, segments, images)
    work = work_folder("evidence", settings, [images, segments, cams, model])
    classifier = PerProcess(partial(place_classifier, model, settings.device, settings.num_threads))
    stream_images = partial(stream_items, what="evidence", network=Network(settings.device, settings.num_threads))
    found = judge_data_set(classifier, table, paths, wanted, heatmaps, settings, stream_images, work)
    with whole_directory(out) as scratch:
        write_into(scratch, found, Evidence)
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
