"""``data/features`` holds ``phi`` and the class probabilities of every segment, as `features.views` show it."""

import shutil
from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import check_segment_images
from empaste.artifacts.tables import read_from
from empaste.artifacts.work import remove_work, work_folder
from empaste.features.describing import ARRAYS, describe_data_set, place_encoders
from empaste.features.settings import FeaturesSettings
from empaste.layout import HERE
from empaste.per_process import PerProcess
from empaste.scaleout import Network, stream_items
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
    paths = read_image_paths(images)
    table = read_from(segments, Segments)
    check_segment_images(table, paths, segments, images)
    work = work_folder("features", settings, [images, segments, model])
    encoders = PerProcess(partial(place_encoders, model, settings))
    network = Network(settings.device, settings.num_threads)
    stream_batches = partial(stream_items, what="features", network=network, unit="batch")
    describe_data_set(table, paths, encoders, settings, stream_batches, work)
    with whole_directory(out) as scratch:
        for name in ARRAYS:
            shutil.move(work / name, scratch / name)
    remove_work(work)


if __name__ == "__main__":
    typer.run(main)
