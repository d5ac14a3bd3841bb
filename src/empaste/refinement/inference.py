"""The trained network on the images that it did not learn: the instances of their classes.

The network and the images that are done stand in a folder for unfinished work, from which a later run goes on.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.artifacts.work_parts import finish_parts
from empaste.devices import one_thread, torch_device
from empaste.edges.contours import find_contours
from empaste.edges.walk import build_walk, chances_in, to_peak
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.networks.folding import fold_norms
from empaste.per_process import PerProcess
from empaste.refinement.pieces import Piece, Seen, find_pieces, find_void
from empaste.refinement.segmenter import Segmenter, build_segmenter, class_maps
from empaste.refinement.settings import CONTOURS, RefineSettings

NETWORK, PIECES = "segmenter.pt", "pieces.json"


class Wanted(NamedTuple):
    """An image's file, and the classes to be found in it: their places among the network's."""

    path: Path
    places: Sequence[int]


Found = Mapping[int, Seen]
"""What is seen of every class that was to be found, by its place."""
MapImages = Callable[[Callable[[Wanted], Found], Sequence[Wanted]], Iterable[Found]]
"""Maps a pure function over images, perhaps in worker processes; in order."""


def segment_images(
    wanted: Sequence[Wanted],
    train: Callable[[], Segmenter],
    num_classes: int,
    settings: RefineSettings,
    map_images: MapImages,
    work: Path,
) -> list[Found]:
    """What the network of ``num_classes`` classes that ``train`` gives finds in the ``wanted`` images, in their order.

    It is trained where ``work`` does not hold it yet, and an image is left to be segmented. `InputError` where an image
    or its contours cannot be read.
    """
    network = (work / NETWORK).resolve()
    segmenter = PerProcess(partial(load_segmenter, network, settings))

    def segment(rest: Sequence[Wanted]) -> Iterable[Found]:
        if load_checkpoint(network) is None:
            trained = train().state_dict()
            work.mkdir(parents=True, exist_ok=True)
            save_checkpoint(network, {"num_classes": num_classes, "weights": trained})
        return map_images(partial(segment_image, segmenter=segmenter, settings=settings), rest)

    parts = finish_parts(work, work.name, wanted, segment, _write_part)
    return [_from_json(found) for part in parts for found in read_own_json(part / PIECES, "dvc repro refine")]


def segment_image(wanted: Wanted, segmenter: Callable[[], Segmenter], settings: RefineSettings) -> Found:
    """The instances in one image; ``segmenter`` gives the network of the process that calls it.

    One CPU thread does it, so that the same comes out in whichever process.
    """
    image = read_rgb(wanted.path)
    with one_thread():
        contours = find_contours(image, settings.image_size, settings.contours, wanted.path, CONTOURS)
        maps = class_maps(segmenter(), image, wanted.places, settings.looking_side, settings.flip)
    walk = build_walk(image, contours, settings.walk)
    found = {}
    for place, prob in zip(wanted.places, maps, strict=True):
        chances = chances_in(walk, to_peak(prob) if settings.to_peak else prob)
        pieces = find_pieces(chances, prob, settings)
        found[place] = Seen(pieces, find_void(chances, pieces, settings))
    return found


def load_segmenter(path: Path, settings: RefineSettings) -> Segmenter:
    """The network in ``path``, ready to look at many images on its device; `InputError` where it is gone or damaged."""
    content = load_checkpoint(path)
    if content is None:
        raise InputError(f"{path} is gone or damaged; run again: dvc repro refine")
    network = build_segmenter(settings, content["num_classes"])
    network.load_state_dict(content["weights"])
    placed = network.eval().to(torch_device(settings.device))
    folded = fold_norms(placed, settings.image_size, lambda segmenter, inputs: [segmenter(inputs)])
    return folded.to(memory_format=torch.channels_last)


def _write_part(folder: Path, several: Sequence[Found]) -> None:
    write_json(folder / PIECES, [{str(place): seen for place, seen in found.items()} for found in several])


def _from_json(found: Mapping[str, Sequence[Any]]) -> Found:
    return {int(place): Seen([Piece(*one) for one in pieces], void) for place, (pieces, void) in found.items()}
