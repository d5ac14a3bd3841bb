"""A multi-label classifier from image-level labels: binary cross-entropy, AdamW, one cycle of the learning rate.

EM-Paste §3.1: its probabilities ``f`` and pooled features ``phi`` judge every segment later on. The order of images
and their augmentation are drawn per (seed, epoch, image), so that training which was interrupted ends with the same
weights as training which was not, at the same number of threads.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Bool, Float, Int, UInt8
from sklearn.metrics import average_precision_score
from torch import nn
from tqdm import tqdm

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.classifier import TrainedClassifier, classify_squares
from empaste.classification.augment import augment, draw_augmentation
from empaste.classification.labelled_images import LabelledImages
from empaste.classification.probe import start_with_probe
from empaste.classification.settings import ClassifierSettings
from empaste.devices import torch_device
from empaste.errors import InputError
from empaste.networks.architectures import family_of
from empaste.networks.inputs import normalise
from empaste.networks.rates import rate_groups, set_rate
from empaste.networks.weights import build_network

History = list[dict[str, Any]]
"""One row per epoch: epoch, loss, learning_rate, val_mAP (percent; None where it was not measured).

Epoch 0, without a loss, is the head as the probe leaves it.
"""
WARM_UP = 0.25
"""Share of the steps in which the learning rate rises."""
NUM_VALIDATIONS = 10
_ORDER_PURPOSE = 2
_DROP_PURPOSE = 3


def train_classifier(
    train: LabelledImages,
    val: LabelledImages,
    class_ids: Sequence[int],
    settings: ClassifierSettings,
    checkpoint: Path | None = None,
) -> tuple[TrainedClassifier, History]:
    """The trained classifier and its history; goes on from the file ``checkpoint`` where that holds one.

    The checkpoint must come from the same arguments (`work_folder` sees to that). ``val`` is only measured, now and
    then and at the end. `InputError` where the loss is not finite, or the weights do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = build_network(
            settings.architecture, settings.width, settings.weights, len(class_ids), settings.image_size,
            "classifier.weights",
        )  # fmt: skip
    network = network.to(torch_device(settings.device)).to(memory_format=torch.channels_last)
    classifier = TrainedClassifier(network, tuple(int(class_id) for class_id in class_ids), settings.image_size)
    head = f"{family_of(network).head}."
    groups = rate_groups(network, lambda name: not name.startswith(head), settings.backbone_rate, settings.weight_decay)
    optimiser = torch.optim.AdamW(groups, lr=0.0)
    history = _resume(classifier, optimiser, checkpoint)
    if settings.head == "probe" and not history:
        start_with_probe(classifier, train, settings.seed)
        history.append({"epoch": 0, "loss": None, "learning_rate": 0.0, "val_mAP": _validate(classifier, val)})
    done = history[-1]["epoch"] if history else 0
    for epoch in tqdm(range(done, settings.epochs), "classifier", settings.epochs, initial=done, unit="epoch"):
        with torch.random.fork_rng(devices=[]):
            # What a network drops in this epoch (dropout, stochastic depth) is drawn anew from the seed.
            torch.manual_seed(int(np.random.default_rng([_DROP_PURPOSE, settings.seed % 2**32, epoch]).integers(2**63)))
            loss = _train_epoch(classifier, optimiser, train, settings, epoch)
        rate = optimiser.param_groups[-1]["lr"]
        history.append({"epoch": epoch + 1, "loss": loss, "learning_rate": rate, "val_mAP": None})
        if (epoch + 1) % math.ceil(settings.epochs / NUM_VALIDATIONS) == 0 or epoch + 1 == settings.epochs:
            history[-1]["val_mAP"] = _validate(classifier, val)
        if checkpoint:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "history": history}
            save_checkpoint(checkpoint, state)
    network.eval()
    return classifier, history


def _validate(classifier: TrainedClassifier, val: LabelledImages) -> float | None:
    return mean_ap(average_precisions(val.labels, predict(classifier, val.squares)))


def _resume(classifier: TrainedClassifier, optimiser: torch.optim.Optimizer, checkpoint: Path | None) -> History:
    """The history so far; network and optimiser are as the checkpoint left them."""
    saved = load_checkpoint(checkpoint) if checkpoint else None
    if saved is None:
        return []
    classifier.network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    history: History = saved["history"]
    return history


def _train_epoch(
    classifier: TrainedClassifier,
    optimiser: torch.optim.Optimizer,
    train: LabelledImages,
    settings: ClassifierSettings,
    epoch: int,
) -> float:
    """The epoch's mean loss, after one step per batch."""
    network, device = classifier.network.train(), classifier.device
    if settings.frozen_norm:
        _freeze_norms(network)
    batches = list(epoch_batches(len(train.squares), settings.batch_size, settings.seed, epoch))
    losses = []
    for number, (rows, repeats) in enumerate(tqdm(batches, f"epoch {epoch + 1}", unit="step", leave=False)):
        step = epoch * len(batches) + number
        set_rate(optimiser, one_cycle(step, settings.epochs * len(batches), settings.learning_rate))
        ids = [int(image_id) for image_id in train.image_ids[rows]]
        draws = [draw_augmentation(settings.seed, epoch, *pair) for pair in zip(ids, repeats, strict=True)]
        inputs = normalise(augment(train.squares[rows], draws, device)).contiguous(memory_format=torch.channels_last)
        targets = torch.from_numpy(train.labels[rows].astype(np.float32)).to(device)
        loss = F.binary_cross_entropy_with_logits(network(inputs), targets)
        losses.append(_finite(loss.item(), epoch, ids))
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
    return float(np.mean(losses))


def _freeze_norms(network: nn.Module) -> None:
    """Batch normalisation of ``network`` keeps its statistics while the rest is trained."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def epoch_batches(
    num_images: int, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[Int[np.ndarray, " b"], list[int]]]:
    """Rows of each batch, and how often each row came before in this epoch.

    Every row comes; the last batch is filled up from the epoch's beginning, so that all are full.
    """
    order = np.random.default_rng([_ORDER_PURPOSE, seed % 2**32, epoch]).permutation(num_images)
    positions = np.arange(math.ceil(num_images / batch_size) * batch_size)
    for batch in positions.reshape(-1, batch_size):
        yield order[batch % num_images], (batch // num_images).tolist()


def one_cycle(step: int, num_steps: int, peak: float) -> float:
    """The learning rate of ``step`` (from 0): up from a 25th of ``peak`` by a cosine, then down to nearly nothing."""
    share = (step + 0.5) / num_steps
    if share < WARM_UP:
        return peak * (1 / 25 + (1 - 1 / 25) * _rise(share / WARM_UP))
    return peak * (1e-4 + (1 - 1e-4) * _rise((1 - share) / (1 - WARM_UP)))


def _rise(share: float) -> float:
    """From 0 to 1 along half a cosine."""
    return (1 - math.cos(math.pi * share)) / 2


def _finite(loss: float, epoch: int, image_ids: list[int]) -> float:
    if not math.isfinite(loss):
        raise InputError(
            f"the classifier's loss is {loss} in epoch {epoch + 1}, in the batch of the images {image_ids}; "
            "lower classifier.learning_rate, or look at these images"
        )
    return loss


def predict(
    classifier: TrainedClassifier, squares: UInt8[np.ndarray, "n side side 3"], batch_size: int = 64
) -> Float[np.ndarray, "n c"]:
    """The class probabilities of images that have the input's size already."""
    classifier.network.eval()
    batches = (squares[start : start + batch_size] for start in range(0, len(squares), batch_size))
    return classify_squares(classifier, batches)[0]


def average_precisions(labels: Bool[np.ndarray, "n c"], probs: Float[np.ndarray, "n c"]) -> list[float | None]:
    """Average precision of each class in percent; None for a class that no image shows."""
    return [
        100 * float(average_precision_score(truth, scores)) if truth.any() else None
        for truth, scores in zip(labels.T, probs.T, strict=True)
    ]


def mean_ap(precisions: Sequence[float | None]) -> float | None:
    """The mean over the classes that were measured; None where none was."""
    measured = [value for value in precisions if value is not None]
    return float(np.mean(measured)) if measured else None
