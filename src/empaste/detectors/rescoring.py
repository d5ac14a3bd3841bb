"""Scores of detections in which a classifier of images has a say.

B. Cheng, Y. Wei, H. Shi, R. Feris, J. Xiong and T. Huang: Revisiting RCNN: on awakening the classification power of
Faster RCNN, ECCV 2018: a second network looks at what lies in the box of every detection. Here it is the classifier
that learned the tags of the images. A detector that learned few objects mistakes classes for each other more often than
this classifier does. The score is the weighted geometric mean ``s^(1 - w) p^w`` of the detector's score ``s`` and of
the probability ``p`` that the box shows the class. A mean and not a product, so that scores stay as large as they were
where both agree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from empaste.artifacts.classifier import TrainedClassifier, classify_groups, place_classifier
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.networks import read_config
from empaste.errors import InputError
from empaste.images import RGB
from empaste.squares import fit_square

MARGIN = 0.1
"""How much of its surroundings is shown with a box: this share of the box's side, on either side."""
BOXES_AT_ONCE = 16
"""That the classifier sees; a CPU's caches hold no more."""


class SecondOpinion(NamedTuple):
    """The folder of a trained classifier of images, and its weight ``w`` in a detection's score: over 0, under 1."""

    classifier: Path
    weight: float


def load_opinion(
    opinion: SecondOpinion, classes: Mapping[int, str], device: str, num_threads: int
) -> TrainedClassifier:
    """The classifier of ``opinion``, ready; ``classes`` are the names of those that the detector knows, by id.

    `InputError` where its files are missing or do not fit each other, or it lacks one of the ``classes``.
    """
    placed = place_classifier(opinion.classifier, device, num_threads)
    names = read_config(opinion.classifier, ("class_names",), "classifier")["class_names"]
    known = dict(zip(placed.class_ids, names if isinstance(names, list) else (), strict=False))
    for class_id, name in classes.items():
        if known.get(class_id) != name:
            raise InputError(
                f"the classifier in {opinion.classifier} has no class {class_id} {name}, which the detector knows; "
                "give the classifier of the detector's own project, or none"
            )
    return placed


class Boxes(NamedTuple):
    """The boxes of what was detected in an image (x, y, width, height, as shares of the image's sides), and it."""

    image: RGB
    shares_xywh: Float[np.ndarray, "n 4"]


def box_probabilities(classifier: TrainedClassifier, detected: Iterable[Boxes]) -> Iterator[Float[np.ndarray, "_ c"]]:
    """Per image how likely each of its boxes shows each class, in the order of ``classifier.class_ids``.

    `InputError` where that is no number: such a score would be under any other, and the detection lost.
    """
    squares = (_squares(image, shares_xywh, classifier.image_size) for image, shares_xywh in detected)
    for probs in classify_groups(classifier, squares, BOXES_AT_ONCE):
        if not np.isfinite(probs).all():
            raise InputError(
                "the classifier's probabilities are no numbers, so it can have no say in scores; its weights hold NaN "
                "or overflow: run dvc repro classifier with a lower classifier.learning_rate, or set "
                "evaluate.classifier_weight to 0"
            )
        yield probs


def _squares(image: RGB, shares_xywh: Float[np.ndarray, "n 4"], side: int) -> UInt8[np.ndarray, "n side side 3"]:
    """What each box shows with its `MARGIN`, as far as the image goes; of a box without pixels the one beside it."""
    height, width = image.shape[:2]
    corner, size = shares_xywh[:, :2], shares_xywh[:, 2:]
    least = np.rint((corner - MARGIN * size) * (width, height)).astype(int).clip(0, (width - 1, height - 1))
    most = np.rint((corner + (1 + MARGIN) * size) * (width, height)).astype(int).clip(least + 1, (width, height))
    parts = (image[top:bottom, left:right] for (left, top), (right, bottom) in zip(least, most, strict=True))
    shown = [fit_square(np.ascontiguousarray(part), side) for part in parts]
    return np.stack(shown) if shown else np.zeros((0, side, side, 3), np.uint8)


def least_score(min_score: float, weight: float) -> float:
    """The score of a detector under which no probability lifts a detection to ``min_score``."""
    return float(min_score ** (1 / (1 - weight)))


def rescore(
    found: Sequence[DetectedInstance], probs: Float[np.ndarray, " n"], weight: float, min_score: float
) -> list[DetectedInstance]:
    """``found`` in an image with its new scores, best first, without what falls under ``min_score``.

    ``probs`` are those of each detection's own class. Equal scores stay in their order.
    """
    scored: list[DetectedInstance] = [
        {**one, "score": round(one["score"] ** (1 - weight) * prob**weight, 5)}
        for one, prob in zip(found, probs.tolist(), strict=True)
    ]
    return sorted((one for one in scored if one["score"] >= min_score), key=lambda one: -one["score"])
