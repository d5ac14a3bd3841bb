"""Detecting in images with a trained detector of any backend.

A model folder names its backend in ``config.json``, so that `load_detector` needs to be told the folder alone.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from empaste.artifacts.coco_records import DetectedInstance, Detection
from empaste.artifacts.networks import check_fits, fill_network
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.work_parts import finish_parts, whole_batches
from empaste.batches import map_ahead
from empaste.boxes import xyxy_to_xywh
from empaste.detectors.backend import Found, Paste
from empaste.detectors.models import classes_in, classes_of, network_in, read_model
from empaste.detectors.rescoring import Boxes, SecondOpinion, box_probabilities, least_score, load_opinion, rescore
from empaste.devices import limit_threads, torch_device
from empaste.images import RGB, fit_within, read_rgb
from empaste.masks import encode_mask

Detect = Callable[[Iterable[RGB]], list[list[DetectedInstance]]]
"""The instances of every image of a batch, best score first.

Images may come from an iterator: each is let go of before the next is asked for, so that one alone is in memory at full
size. Boxes and masks are in pixels of the image as it came.
"""

DETECTION_ERRORS = (RuntimeError, MemoryError, ValueError, IndexError, ArithmeticError, cv2.error)
"""What a network and the drawing of its masks raise for one image that is too much or too odd for them."""

JUDGED_SIDE = 1024
"""Longest side of an image in which a classifier looks at boxes; a larger one would take memory for every batch."""
PART_FILE = "detections.json"

ImageFile = tuple[int, Path]
"""The id of an image, and its file."""
StreamImages = Callable[
    [Callable[[Sequence[ImageFile]], Iterator[list[Detection]]], Sequence[ImageFile]], Iterable[list[Detection]]
]
"""Runs a pure function from images to a result for each, perhaps on several machines, on whole batches; in order."""


@dataclass(frozen=True)
class DetectSettings:
    """How a trained detector is run, whatever its images are for: evaluation, prediction, pseudo labels, a server."""

    min_score: float
    """Detections under this score, in [0, 1], are left out."""
    max_detections: int
    """Of an image, at most; the best ones stay."""
    batch_size: int
    """Images that the network sees at once."""
    num_threads: int
    """CPU threads; 0: all cores."""
    device: str
    """As `devices.torch_device` names it: auto, cpu, cuda, mps."""
    opinion: SecondOpinion | None = None
    """An image classifier that has a say in the scores, by what it sees in the boxes; None: the detector alone."""


class Shown(NamedTuple):
    """An image shrunk to what is looked at, and the height and width that it came with."""

    image: RGB
    size_hw: tuple[int, int]


def load_detector(model: Path, settings: DetectSettings) -> Detect:
    """The detector in the folder ``model``; `InputError` where its files are missing or do not fit each other.

    What ``settings`` leave out, and detections with an empty mask, do not come back. The caller makes the batches. An
    image longer than the network's ``image_size`` is shrunk to that by averaging areas. Masks are pasted and encoded
    one at a time. A classifier that has a say has it on the ``max_detections`` that the detector is surest of.
    """
    if settings.opinion is None:
        return _load_alone(model, settings)
    opinion, min_score = settings.opinion, settings.min_score
    alone = _load_alone(model, replace(settings, min_score=least_score(min_score, opinion.weight), opinion=None))
    classifier = load_opinion(opinion, classes_of(model), settings.device, settings.num_threads)

    def detect(images: Iterable[RGB]) -> list[list[DetectedInstance]]:
        shown: list[Shown] = []

        def note(image: RGB) -> RGB:
            shown.append(_show(image, JUDGED_SIDE))
            return image

        found = alone(map(note, images))
        probs = box_probabilities(classifier, map(_boxes, shown, found))
        return [
            rescore(one, _of_own_class(own, one, classifier.class_ids), opinion.weight, min_score)
            for one, own in zip(found, probs, strict=True)
        ]

    return detect


def _boxes(shown: Shown, found: Sequence[DetectedInstance]) -> Boxes:
    height, width = shown.size_hw
    boxes_xywh = np.array([one["bbox"] for one in found], float).reshape(-1, 4)
    return Boxes(shown.image, boxes_xywh / (width, height, width, height))


def _of_own_class(
    probs: Float[np.ndarray, "n c"], found: Sequence[DetectedInstance], class_ids: Sequence[int]
) -> Float[np.ndarray, " n"]:
    """Of the probabilities of each detection that of the class that it was found as."""
    return probs[range(len(found)), [class_ids.index(one["category_id"]) for one in found]]


def _load_alone(model: Path, settings: DetectSettings) -> Detect:
    backend, config, state = read_model(model)
    limit_threads(settings.num_threads)
    network = network_in(config, model)
    class_ids = list(classes_in(config, model))
    if backend.builds_on_meta:
        with torch.device("meta"):  # shapes alone: of a wrong width no memory is filled
            check_fits(backend.build(network, len(class_ids), None), state, model, "train")
    module = backend.build(network, len(class_ids), None)
    fill_network(module, state, model, "train")
    module = module.eval().to(torch_device(settings.device)).to(memory_format=torch.channels_last)

    def detect(images: Iterable[RGB]) -> list[list[DetectedInstance]]:
        # map() keeps no image while it asks for the next, as a loop's variable would.
        shown = list(map(partial(_show, image_size=network.image_size), images))
        if not shown:
            return []
        with torch.inference_mode():
            found = backend.find(module, [one.image for one in shown], settings.min_score, settings.max_detections)
            return [
                _coco_results(_scaled(_on_cpu(one), image), image.size_hw, backend.paste, class_ids)
                for one, image in zip(found, shown, strict=True)
            ]

    return detect


def detect_files(detect: Detect, images: Sequence[ImageFile], batch_size: int) -> list[Detection]:
    """COCO results of ``images`` in their order, best first within an image.

    Boxes and masks in pixels of the file. No image gives no result.
    """
    every = tqdm(_detect_each(lambda: detect, batch_size, images), "detecting", len(images), unit="image")
    return [result for results in every for result in results]


def detect_data_set(
    detector: Callable[[], Detect],
    images: Sequence[ImageFile],
    batch_size: int,
    stream_images: StreamImages,
    work: Path,
) -> list[Detection]:
    """What `detect_files` gives, kept part by part: parts that stand in ``work`` are not made again.

    ``detector`` gives the one of the process that calls it.
    """
    each = partial(stream_images, partial(_detect_each, detector, batch_size))
    parts = finish_parts(work, "detecting", images, each, _write_part, whole_batches(batch_size))
    return [result for part in parts for result in json.loads((part / PART_FILE).read_bytes())]


def _write_part(folder: Path, found: Sequence[Sequence[Detection]]) -> None:
    write_whole(folder / PART_FILE, json.dumps([result for results in found for result in results]).encode())


def _detect_each(
    detector: Callable[[], Detect], batch_size: int, images: Sequence[ImageFile]
) -> Iterator[list[Detection]]:
    """The results of each of ``images``, in batches; the files of the next one are read meanwhile."""
    read = map_ahead(read_rgb, (path for _, path in images), batch_size)
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        found = detector()(islice(read, len(batch)))
        for (image_id, _), rows in zip(batch, found, strict=True):
            yield [{"image_id": image_id, **row} for row in rows]


def _show(image: RGB, image_size: int) -> Shown:
    return Shown(fit_within(image, image_size), (image.shape[0], image.shape[1]))


def _on_cpu(found: Found) -> Found:
    """``found`` in the memory of the CPU: fetched at once, and not mask by mask as they are drawn."""
    return Found(*(tensor.cpu() for tensor in found))


def _scaled(found: Found, shown: Shown) -> Found:
    """``found`` in ``shown.image`` with its boxes in pixels of the image that it was made of."""
    height, width = shown.image.shape[:2]
    if shown.size_hw == (height, width):
        return found
    scale = shown.size_hw[1] / width, shown.size_hw[0] / height
    return found._replace(boxes_xyxy=found.boxes_xyxy * found.boxes_xyxy.new_tensor([*scale, *scale]))


def _coco_results(
    found: Found, size_hw: tuple[int, int], paste: Paste, class_ids: Sequence[int]
) -> list[DetectedInstance]:
    boxes_xywh = xyxy_to_xywh(found.boxes_xyxy.cpu().numpy())
    scores, places = found.scores.tolist(), found.places.tolist()
    results: list[DetectedInstance] = []
    for k, (mask, box_xyxy) in enumerate(zip(found.masks, found.boxes_xyxy, strict=True)):
        pasted = paste(mask, box_xyxy, size_hw)
        if pasted.any():
            results.append(
                {
                    "category_id": class_ids[places[k]],
                    "bbox": [round(float(value), 2) for value in boxes_xywh[k]],
                    "score": round(scores[k], 5),
                    "segmentation": encode_mask(pasted),
                }
            )
    return results
