"""How many ground-truth instances have a segment that fits: the upper bound of what can be selected. For measuring."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.coco import Coco, is_ignored_region
from empaste.artifacts.segments import segment_rles
from empaste.errors import InputError
from empaste.overlaps import mask_ious
from empaste.proposals.table import propose_rows
from empaste.rle import RLE


class Scene(NamedTuple):
    """An image whose instances are known."""

    image_id: int
    path: Path
    instances: list[RLE]


class Measured(NamedTuple):
    """What one source gave for one image; ``ious`` are the best of each instance, ``seconds`` CPU time."""

    source: str
    path: Path
    ious: Float[np.ndarray, " instances"]
    num_segments: int
    seconds: float


def proposal_metrics(segments: pd.DataFrame, ground_truth: Coco, num_images: int) -> dict[str, float | None]:
    """recall50 and recall70 in percent of the instances (None where there are none), segments per image, and the number
    of images without any."""
    ious = best_ious(segments, ground_truth)
    return {
        "recall50": round(100 * float(np.mean(ious >= 0.5)), 2) if ious.size else None,
        "recall70": round(100 * float(np.mean(ious >= 0.7)), 2) if ious.size else None,
        "segments_per_image": round(len(segments) / num_images, 2),
        "images_without_segments": num_images - segments["image_id"].nunique(),
    }


def best_ious(segments: pd.DataFrame, ground_truth: Coco) -> Float[np.ndarray, " instances"]:
    """The best IoU that any segment of its image has with each instance; 0 without segments; crowds are left out."""
    proposed = {image_id: segment_rles(rows) for image_id, rows in segments.groupby("image_id")}
    best = [_best(found, proposed.get(image_id, [])) for image_id, found in _instances(ground_truth, 0).items()]
    return np.concatenate(best) if best else np.zeros(0)


def known_scenes(
    file_names: Mapping[int, str], folder: Path, ground_truth: Coco, min_area: float, num_images: int
) -> list[Scene]:
    """The images that hold an instance of at least ``min_area`` of the image, with those instances.

    ``num_images`` of them, evenly through the data set; all with 0. `InputError` where there is none.
    """
    found = _instances(ground_truth, min_area)
    scenes = [Scene(number, folder / name, found[number]) for number, name in file_names.items() if number in found]
    if not scenes:
        raise InputError(
            f"the ground truth holds no mask of at least {min_area:.1%} of its image in {folder}; recall needs masks: "
            "prepare the demo, coco, voc, or a folder with instances_train.json"
        )
    chosen = np.linspace(0, len(scenes) - 1, min(num_images or len(scenes), len(scenes))).round().astype(int)
    return [scenes[i] for i in chosen]


def measure_sources(scene: Scene, sources: Mapping[str, Mapping[str, Any]]) -> list[Measured]:
    """What each of ``sources``, the arguments of `propose_rows` by name, gives for one image."""
    return [_measure(scene, name, arguments) for name, arguments in sources.items()]


def _measure(scene: Scene, name: str, arguments: Mapping[str, Any]) -> Measured:
    started = time.process_time()
    rows = propose_rows((scene.image_id, scene.path), **arguments)
    seconds = time.process_time() - started
    return Measured(name, scene.path, _best(scene.instances, segment_rles(rows)), len(rows), seconds)


def recall_table(measured: Iterable[Measured], parts: Mapping[str, str]) -> str:
    """Markdown: per source recall at IoU 0.5 and 0.7, the share of images with any instance found, cost.

    All images first, then, where file names match the pattern, each part of ``parts`` apart. A run's own note on what
    was measured stands above it.
    """
    by_source: defaultdict[str, list[Measured]] = defaultdict(list)
    for result in measured:
        by_source[result.source].append(result)
    titles = ["source", *(f"{name}: recall at IoU 0.5 / 0.7; images" for name in ("all", *parts)), "segments", "ms"]
    lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
    for source, results in by_source.items():
        chosen = [results, *([r for r in results if fnmatch(r.path.name, pattern)] for pattern in parts.values())]
        cost = f"{np.mean([r.num_segments for r in results]):.0f} | {1000 * np.mean([r.seconds for r in results]):.0f}"
        lines.append(f"| {source} | {' | '.join(map(_rates, chosen))} | {cost} |")
    return "\n".join(lines)


def _rates(results: Sequence[Measured]) -> str:
    """Recall over instances at both limits, and the percentage of images in which any instance is found."""
    if not results:
        return "–"
    ious = np.concatenate([result.ious for result in results])
    rates = np.mean(ious >= 0.5), np.mean(ious >= 0.7), np.mean([result.ious.max() >= 0.5 for result in results])
    return "{:.1f} / {:.1f}; {:.1f}".format(*(100 * rate for rate in rates))


def _instances(ground_truth: Coco, min_area: float) -> dict[int, list[RLE]]:
    """The masks by image, ignored regions and those under ``min_area`` of the image left out."""
    instances: defaultdict[int, list[RLE]] = defaultdict(list)
    for annotation in ground_truth["annotations"]:
        height, width = annotation["segmentation"]["size"]
        if not is_ignored_region(annotation) and annotation.get("area", np.inf) >= min_area * height * width:
            instances[annotation["image_id"]].append(annotation["segmentation"])
    return dict(instances)


def _best(instances: list[RLE], proposed: list[RLE]) -> Float[np.ndarray, " instances"]:
    return mask_ious(instances, proposed).max(axis=1, initial=0)
