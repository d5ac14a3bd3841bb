"""How many ground-truth instances have a segment that fits: the upper bound of what can be selected. For measuring."""

import importlib.util
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.segments import segment_rles
from empaste.artifacts.truth import IOU50, IOU70, GroundTruth, percent_found
from empaste.errors import InputError
from empaste.overlaps import best_ious
from empaste.proposals import METHODS
from empaste.proposals.method import KeysByMethod, Networks
from empaste.proposals.settings import ProposalsSettings
from empaste.proposals.table import propose_image
from empaste.rle import RLE


class Scene(NamedTuple):
    """An image whose instances are known."""

    image_id: int
    path: Path
    instances: list[RLE]


class Source(NamedTuple):
    """What `propose_image` wants to know of a method: the settings that choose it, its files' keys, its networks."""

    settings: ProposalsSettings
    keys: KeysByMethod | None = None
    networks: Networks | None = None


class Measured(NamedTuple):
    """What one source gave for one image; ``ious`` are the best of each instance, ``seconds`` CPU time."""

    source: str
    path: Path
    ious: Float[np.ndarray, " instances"]
    num_segments: int
    seconds: float


def proposal_metrics(segments: pd.DataFrame, truth: GroundTruth, num_images: int) -> dict[str, float | None]:
    """recall50 and recall70 in percent of the instances (None where there are none), segments per image, and the number
    of images without any.
    """
    ious = instance_ious(segments, truth)
    return {
        "recall50": percent_found(ious, IOU50),
        "recall70": percent_found(ious, IOU70),
        "segments_per_image": round(len(segments) / num_images, 2),
        "images_without_segments": num_images - segments["image_id"].nunique(),
    }


def images_without(found: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Per method that is joined, in how many images it found no segment; ``found`` is `table.Proposed.found` of each.

    Nothing where nothing is joined.
    """
    names = dict.fromkeys(name for counts in found for name in counts)
    return {name: sum(not counts[name] for counts in found) for name in names}


def instance_ious(segments: pd.DataFrame, truth: GroundTruth) -> Float[np.ndarray, " instances"]:
    """The best IoU that any segment of its image has with each instance; 0 without segments; crowds are left out."""
    proposed = {image_id: segment_rles(rows) for image_id, rows in segments.groupby("image_id")}
    best = [best_ious(truth.masks(image_id), proposed.get(image_id, [])) for image_id in truth.outlined]
    return np.concatenate(best) if best else np.zeros(0)


def known_scenes(paths: Mapping[int, Path], truth: GroundTruth, min_area: float, num_images: int) -> list[Scene]:
    """The images that hold an instance of at least ``min_area`` of the image, with those instances.

    ``num_images`` of them, evenly through the data set; all with 0. `InputError` where there is none.
    """
    masks = {number: _large_masks(truth, number, min_area) for number in paths}
    scenes = [Scene(number, path, masks[number]) for number, path in paths.items() if masks[number]]
    if not scenes:
        raise InputError(
            f"the ground truth holds no mask of at least {min_area:.1%} of its image; recall needs masks: "
            "prepare the demo, coco, voc, or a folder with instances_train.json"
        )
    chosen = np.linspace(0, len(scenes) - 1, min(num_images or len(scenes), len(scenes))).round().astype(int)
    return [scenes[i] for i in chosen]


def weightless() -> list[str]:
    """The methods that learned from nothing and whose packages are installed."""
    return [
        name
        for name, method in METHODS.items()
        if method.learned_from == "nothing" and all(importlib.util.find_spec(package) for package in method.needs)
    ]


def measure_sources(scene: Scene, sources: Sequence[Source]) -> list[Measured]:
    """What each of ``sources`` gives for one image."""
    return [_measure(scene, source) for source in sources]


def _measure(scene: Scene, source: Source) -> Measured:
    for give in (source.networks or {}).values():
        give()  # what a process does once is no part of an image's time
    started = time.process_time()
    rows = propose_image((scene.image_id, scene.path), *source).rows
    seconds = time.process_time() - started
    ious = best_ious(scene.instances, segment_rles(rows))
    return Measured(source.settings.method, scene.path, ious, len(rows), seconds)


def recall_table(measured: Iterable[Measured], parts: Mapping[str, Collection[str]]) -> str:
    """Markdown: per source recall at IoU 0.5 and 0.7, the share of images with any instance found, cost.

    All images first, then those of each of ``parts`` apart, which hold file names; every source was measured on one of
    them.
    """
    by_source: defaultdict[str, list[Measured]] = defaultdict(list)
    for result in measured:
        by_source[result.source].append(result)
    recalls = [f"{name}: recall at IoU {IOU50} / {IOU70}; images" for name in ("all", *parts)]
    titles = ["source", *recalls, "segments", "ms"]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for source, results in by_source.items():
        chosen = [results, *([r for r in results if r.path.name in names] for names in parts.values())]
        cost = f"{np.mean([r.num_segments for r in results]):.0f} | {1000 * np.mean([r.seconds for r in results]):.0f}"
        lines.append(f"| {source} | {' | '.join(map(_rates, chosen))} | {cost} |")
    return "\n".join(lines)


def _rates(results: Sequence[Measured]) -> str:
    """Recall over instances at both limits, and the percentage of images in which any instance is found."""
    ious = np.concatenate([result.ious for result in results])
    images = np.mean([result.ious.max() >= IOU50 for result in results])
    rates = np.mean(ious >= IOU50), np.mean(ious >= IOU70), images
    return "{:.1f} / {:.1f}; {:.1f}".format(*(100 * rate for rate in rates))


def _large_masks(truth: GroundTruth, image_id: int, min_area: float) -> list[RLE]:
    """The masks of the instances of at least ``min_area`` of their image."""
    found = truth.instances(image_id)
    return [one.mask_rle for one in found if one.area >= min_area * one.mask_rle["size"][0] * one.mask_rle["size"][1]]
