"""Labels that images contradict: a classifier that has not seen an image judges its labels.

Features of a network pretrained on ImageNet, reduced to their principal axes, go into a logistic regression per class,
cross-validated: each image is judged by the one that learned the other folds. What counts as a contradiction follows
confident learning (Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR
2021), with two classes, present and absent, per label: an image that has the label is doubted where the probability of
its absence is at least what it is on average for images without the label; an image without it likewise where the
probability of its presence is at least what it is on average for images that have it.

Notes
-----
Two conditions are added, so that a person is not shown doubts that mean nothing: a label is judged only where the
classifier knows it (`MIN_KNOWN`), and a doubt has a probability of at least `MIN_STRENGTH`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

FOLDS = 5
AXES = 128
MIN_IMAGES = 5
"""Images with a label, and without it, that it takes to judge the label."""
MIN_KNOWN = 0.6
"""Mean probability of a label, over the images that have it, from which on the classifier is taken to know it."""
MIN_STRENGTH = 0.9
"""Probability from which on a doubt is reported."""


class Doubt(NamedTuple):
    """A label of an image (by its place) that is doubted: it ``is_given``, or is lacking; the predicted probability."""

    image: int
    label: int
    is_given: bool
    prob: float

    @property
    def strength(self) -> float:
        """The probability that the doubt is right, as predicted."""
        return 1 - self.prob if self.is_given else self.prob


class Judged(NamedTuple):
    """The doubts, strongest first, and the labels (by column) that were not judged: too few images, or not known."""

    doubts: list[Doubt]
    unjudged: list[int]


def judge_labels(features: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, "n k"]) -> Judged:
    """The labels that are doubted; ``labels`` says which of the k labels each image has."""
    counts = np.minimum(labels.sum(0), (~labels).sum(0))
    enough = [label for label in range(labels.shape[1]) if counts[label] >= MIN_IMAGES]
    reduced = reduce_features(features) if enough else features
    probs = {label: held_out_probs(reduced, labels[:, label], int(counts[label])) for label in enough}
    known = [label for label in enough if probs[label][labels[:, label]].mean() >= MIN_KNOWN]
    doubts = [
        Doubt(image, label, bool(labels[image, label]), float(probs[label][image]))
        for label in known
        for image in contradicted(probs[label], labels[:, label])
    ]
    unjudged = sorted(set(range(labels.shape[1])) - set(known))
    return Judged(sorted(doubts, key=lambda one: (-one.strength, one.image, one.label)), unjudged)


def reduce_features(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n a"]:
    """The features along at most `AXES` principal axes, in units of the first one's deviation."""
    if np.ptp(features, axis=0).max() == 0:
        return np.zeros((len(features), 1))
    axes = min(AXES, len(features) - 1, features.shape[1])
    reduced = PCA(axes, svd_solver="full").fit_transform(features.astype(np.float64))
    return np.asarray(reduced / max(float(reduced[:, 0].std()), 1e-12))


def held_out_probs(
    features: Float[np.ndarray, "n a"], has_label: Bool[np.ndarray, " n"], smaller: int
) -> Float[np.ndarray, " n"]:
    """Per image the probability that it has the label, by a regression that has not seen it.

    ``smaller`` is the number of images with the label, or without it, whichever is less.
    """
    probs = np.zeros(len(features))
    folds = StratifiedKFold(min(FOLDS, smaller), shuffle=True, random_state=0)
    for seen, held_out in folds.split(features, has_label):
        model = LogisticRegression(C=10.0, max_iter=1000).fit(features[seen], has_label[seen])
        probs[held_out] = model.predict_proba(features[held_out])[:, 1]
    return probs


def contradicted(probs: Float[np.ndarray, " n"], has_label: Bool[np.ndarray, " n"]) -> Sequence[int]:
    """The images whose label, or lack of it, confident learning doubts."""
    against = np.where(has_label, 1 - probs, probs)
    usual = np.where(has_label, (1 - probs[~has_label]).mean(), probs[has_label].mean())
    return [int(place) for place in np.flatnonzero(against >= np.maximum(usual, MIN_STRENGTH))]
