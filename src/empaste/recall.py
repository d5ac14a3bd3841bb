"""``empaste recall``: what each proposal source finds of the training images' instances, before one is chosen."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from empaste.artifacts.image_keys import NamedImage, named_images
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from
from empaste.artifacts.truth import read_truth
from empaste.data_set_parts import find_parts, parse_parts
from empaste.params import load_params
from empaste.per_process import PerProcess
from empaste.proposals.recall import Source, known_scenes, measure_sources, recall_table, weightless
from empaste.proposals.settings import ProposalsSettings, network_loaders, num_processes, with_method
from empaste.proposals.table import match_images
from empaste.scaleout import map_items


def measure_recall(
    methods: Sequence[str], num_images: int, parts: Sequence[str], images: Path, ground_truth: Path, params: Path
) -> str:
    """What was measured, in a line, and the table of `recall_table` for the training images that hold an instance.

    ``methods`` are the sources, all that need no weights where none is named; ``num_images`` are measured, spread
    evenly, all with 0; ``parts`` are ``NAME=PATTERN`` of file names. What a source's own files say of the images is
    printed on stderr. `InputError` where a source, a part or an artifact is none.
    """
    settings = load_params(params).proposals
    patterns = parse_parts(parts)
    chosen = [with_method(settings, name) for name in methods or weightless()]
    table = read_from(images, Images)
    named = named_images(table)
    sources = [_source(one, named) for one in chosen]
    scenes = known_scenes(image_paths(table, images), read_truth(ground_truth), settings.min_area, num_images)
    within = find_parts([scene.path.name for scene in scenes], patterns)
    workers = 1 if any(num_processes(one) == 1 for one in chosen) else None
    measured = map_items(partial(measure_sources, sources=sources), scenes, "recall", workers)
    rows = recall_table((result for results in measured for result in results), within)
    size = f"instances of at least {settings.min_area:.1%} of the image"
    return f"{len(scenes)} images, {size}; CPU time of one core\n\n{rows}"


def _source(settings: ProposalsSettings, images: Sequence[NamedImage]) -> Source:
    """The source that ``settings`` choose; what its files say of ``images`` is printed."""
    keys, lines = match_images(settings, images)
    print(*(f"{line}\n" for line in lines), sep="", end="", file=sys.stderr)
    return Source(settings, keys, {name: PerProcess(load) for name, load in network_loaders(settings).items()})
