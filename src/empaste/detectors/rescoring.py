"""Scores of detections in which a classifier of the whole image has a say.

H. Harzallah, F. Jurie and C. Schmid: Combining efficient object localization and image classification, ICCV 2009. A
detector that learned few objects mistakes classes for each other more often than a classifier that learned the tags of
the same images mistakes what an image shows. The score is the weighted geometric mean ``s^(1 - w) p^w`` of the
detector's score ``s`` and of the probability ``p`` that the image shows the class. A mean and not a product, so that
scores stay as large as they were where both agree.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from empaste.artifacts.classifier import TrainedClassifier, classify_squares, place_classifier
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.networks import read_config
from empaste.errors import InputError


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


def class_probabilities(
    classifier: TrainedClassifier, squares: Sequence[UInt8[np.ndarray, "side side 3"]]
) -> list[dict[int, float]]:
    """Per image, of which `squares.fit_square` made the square, how likely it shows each class, by id.

    `InputError` where that is no number: such a score would be under any other, and the detection lost.
    """
    probs = classify_squares(classifier, iter([np.stack(squares)] if squares else []))[0]
    if not np.isfinite(probs).all():
        raise InputError(
            "the classifier's probabilities are no numbers, so it can have no say in scores; its weights hold NaN or "
            "overflow: run dvc repro classifier with a lower classifier.learning_rate, or set "
            "evaluate.classifier_weight to 0"
        )
    return [dict(zip(classifier.class_ids, row.tolist(), strict=True)) for row in probs]


def least_score(min_score: float, weight: float) -> float:
    """The score of a detector under which no probability lifts a detection to ``min_score``."""
    return float(min_score ** (1 / (1 - weight)))


def rescore(
    found: Sequence[DetectedInstance], probs: Mapping[int, float], weight: float, min_score: float
) -> list[DetectedInstance]:
    """``found`` in an image with its new scores, best first, without what falls under ``min_score``.

    ``probs`` are those of the image, by class id. Equal scores stay in their order.
    """
    scored: list[DetectedInstance] = [
        {**one, "score": round(one["score"] ** (1 - weight) * probs[one["category_id"]] ** weight, 5)} for one in found
    ]
    return sorted((one for one in scored if one["score"] >= min_score), key=lambda one: -one["score"])
