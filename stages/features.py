"""``data/features`` holds ``phi`` and the class probabilities of every segment, as `features.views` show it."""

import shutil
from pathlib import Path

import typer

from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import check_segment_images
from empaste.artifacts.tables import read_from
from empaste.artifacts.work import remove_work, work_folder
from empaste.devices import limit_threads, torch_device
from empaste.features.describing import ARRAYS, describe_data_set
from empaste.features.settings import FeaturesSettings
from empaste.layout import HERE
from empaste.settings import load_settings
from stages.runner import stage


@stage("features")
def main(
    images: Path = HERE.images,
    segments: Path = HERE.segments,
    model: Path = HERE.classifier,
    out: Path = HERE.features,
    params: Path = HERE.params,
) -> None:
    """Describe every segment once; row i belongs to the segment with the id i. Goes on where it was interrupted."""
    settings = load_settings(params, "features", FeaturesSettings)
    limit_threads(settings.num_threads)
    classifier = load_classifier(model, torch_device(settings.device))
    paths = read_image_paths(images)
    table = read_from(segments, Segments)
    check_segment_images(table, paths, segments, images)
    work = work_folder("features", settings.model_dump(), [images, segments, model])
    describe_data_set(table, paths, classifier, settings, work)
    with whole_directory(out) as scratch:
        for name in ARRAYS:
            shutil.move(work / name, scratch / name)
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
