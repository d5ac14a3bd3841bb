"""A linear probe: the last layer of a pretrained network, fitted to what the network gives before anything moves.

A. Kumar et al.: Fine-tuning can distort pretrained features and underperform out-of-distribution, ICLR 2022 (LP-FT).
A last layer that begins at random sends gradients without sense through the features that were to be kept. Where images
are few and classes many, a training never mends that.

Notes
-----
Departs from the paper: in place of a logistic regression by gradients a ridge regression in closed form, whose strength
is chosen by its own errors on images left out one at a time; from the scores of images left out a logistic regression
per class (Platt 1999) makes logits, which are therefore as sure as the probe is right on images that it has not seen.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from sklearn.linear_model import LogisticRegression, RidgeCV
from torch import nn

from empaste.artifacts.classifier import TrainedClassifier, classify_squares
from empaste.classification.labelled_images import LabelledImages
from empaste.errors import InputError
from empaste.networks.architectures import family_of

STRENGTHS = np.logspace(0, 6, 13)
"""Of the ridge, for features of unit deviation."""
MAX_IMAGES = 50_000
"""That the probe is fitted to; of more images so many are drawn."""
BATCH = 16
_PURPOSE = 4
"""Sets this draw apart from those of the training."""


def start_with_probe(classifier: TrainedClassifier, train: LabelledImages, seed: int) -> None:
    """The last layer of ``classifier`` is the linear probe of its own features on the images ``train``.

    Of an image the features are the mean over it and its mirror image. `InputError` where the last layer does not read
    the features, but another layer behind them.
    """
    family = family_of(classifier.network)
    if family.head != family.reads_phi:
        raise InputError(
            f"classifier.head is probe, but the last layer of this network reads another one ({family.reads_phi}), not "
            "its features; set classifier.head to random, or choose another architecture"
        )
    rows = np.arange(len(train.squares))
    if len(rows) > MAX_IMAGES:
        rows = np.sort(np.random.default_rng([_PURPOSE, seed % 2**32]).choice(len(rows), MAX_IMAGES, replace=False))
    training = classifier.network.training
    weight, bias = fit_probe(_features(classifier, train.squares, rows), train.labels[rows])
    classifier.network.train(training)
    head = classifier.network.get_submodule(family.head)
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
        head.bias.copy_(torch.from_numpy(bias))


def _features(
    classifier: TrainedClassifier, squares: UInt8[np.ndarray, "n side side 3"], rows: np.ndarray
) -> Float[np.ndarray, "m d"]:
    classifier.network.eval()
    parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
    upright = classify_squares(classifier, (squares[part] for part in parts))[1]
    mirrored = classify_squares(classifier, (np.ascontiguousarray(squares[part][:, :, ::-1]) for part in parts))[1]
    return np.asarray((upright.astype(np.float64) + mirrored) / 2)


def fit_probe(
    features: Float[np.ndarray, "n d"], labels: Bool[np.ndarray, "n c"]
) -> tuple[Float[np.ndarray, "c d"], Float[np.ndarray, " c"]]:
    """Weights and biases of the logits of every class.

    A class that all or none of the images show has no weights; its bias is the logit of its share of the images, with
    half an image more on either side.
    """
    shown = labels.sum(axis=0)
    weight = np.zeros((labels.shape[1], features.shape[1]))
    bias = np.log((shown + 0.5) / (len(labels) - shown + 0.5))
    mixed = np.flatnonzero((shown > 0) & (shown < len(labels)))
    if mixed.size:
        centre, spread = features.mean(axis=0), features.std(axis=0)
        spread[spread == 0] = 1
        ridge = RidgeCV(STRENGTHS, scoring="neg_mean_squared_error", store_cv_results=True)
        ridge.fit((features - centre) / spread, 2.0 * labels[:, mixed] - 1)
        left_out = ridge.cv_results_[..., int(np.argmin(np.abs(STRENGTHS - ridge.alpha_)))]
        slopes, offsets = _platt(left_out.reshape(len(labels), -1), labels[:, mixed])
        coefficients = np.reshape(ridge.coef_, (mixed.size, -1)) / spread
        weight[mixed] = slopes[:, None] * coefficients
        bias[mixed] = slopes * (np.reshape(ridge.intercept_, -1) - coefficients @ centre) + offsets
    return weight, bias


def _platt(
    scores: Float[np.ndarray, "n c"], labels: Bool[np.ndarray, "n c"]
) -> tuple[Float[np.ndarray, " c"], Float[np.ndarray, " c"]]:
    """Slope and offset per class by which its ``scores`` become logits."""
    fits = [LogisticRegression().fit(own[:, None], truth) for own, truth in zip(scores.T, labels.T, strict=True)]
    return np.array([fit.coef_[0, 0] for fit in fits]), np.array([fit.intercept_[0] for fit in fits])
