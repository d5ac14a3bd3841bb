"""The trained classifier: ``f`` (a probability per class) and ``phi`` (the pooled feature vector) of any image.

On disk it is a folder as `artifacts.networks` writes it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from empaste.artifacts.networks import (
    CONFIG_FILE,
    MAX_SIDE,
    check_fits,
    fill_network,
    read_config,
    read_network,
    save_network,
)
from empaste.batches import rebatch
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.images import RGB
from empaste.networks.anatomy import classify_maps, feature_maps, num_features
from empaste.networks.folding import fold_norms
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_network
from empaste.squares import fit_square

KEYS = ("architecture", "width", "image_size", "class_ids")
"""What its ``config.json`` must hold."""


@dataclass(frozen=True)
class TrainedClassifier:
    """A network in evaluation mode, the class of each of its outputs, and the side of its square input in pixels."""

    network: nn.Module
    class_ids: tuple[int, ...]
    image_size: int

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device


def save_classifier(
    classifier: TrainedClassifier,
    folder: Path,
    *,
    architecture: str,
    width: int,
    class_names: Sequence[str],
    **notes: Any,
) -> None:
    """``folder`` holds the classifier; ``notes`` stand in its ``config.json`` too, for people to read."""
    config = {
        "architecture": architecture,
        "width": width,
        "image_size": classifier.image_size,
        "class_ids": list(classifier.class_ids),
        "class_names": list(class_names),
    }
    save_network(classifier.network, folder, config | notes)


def load_classifier(folder: Path, device: torch.device | str = "cpu") -> TrainedClassifier:
    """The classifier in ``folder``; `InputError` where a file is missing, unreadable or the two do not fit."""
    config, state = read_network(folder, KEYS, "classifier")
    architecture, width, side, class_ids = (config[key] for key in KEYS)
    numbers = [width, side, *class_ids] if isinstance(class_ids, list) else [None]
    if (
        not isinstance(architecture, str)
        or not all(type(number) is int for number in numbers)
        or not (1 <= width <= MAX_SIDE and 1 <= side <= MAX_SIDE)
    ):
        raise InputError(
            f"{folder / CONFIG_FILE}: architecture, width, image_size and class_ids are {architecture!r}, {width!r}, "
            f"{side!r} and {class_ids!r}; run: dvc repro classifier"
        )
    with torch.device("meta"):  # shapes alone: of a wrong width no memory is filled
        check_fits(build_network(architecture, width, None, len(class_ids), side), state, folder, "classifier")
    network = build_network(architecture, width, None, len(class_ids), side)
    fill_network(network, state, folder, "classifier")
    return TrainedClassifier(network.eval().to(device), tuple(class_ids), side)


def place_classifier(folder: Path, device: str, num_threads: int) -> TrainedClassifier:
    """The classifier in ``folder`` on the device that is called so, ready for many images.

    Its norms are folded (`networks.folding`). This process computes with ``num_threads`` from then on. `InputError` as
    for `load_classifier`, and where this machine has no such device.
    """
    limit_threads(num_threads)
    loaded = load_classifier(folder, torch_device(device))
    return replace(loaded, network=fold_norms(loaded.network, loaded.image_size, logits_and_phi))


def logits_and_phi(
    network: nn.Module, inputs: Float[Tensor, "n 3 h w"]
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d"]]:
    """What ``network``, a classifier, says of ``inputs``."""
    return classify_maps(network, feature_maps(network, inputs))


def check_classes(model: Path, class_ids: Iterable[int], origin: Path) -> None:
    """`InputError` where ``class_ids``, read from ``origin``, has a class that the classifier in ``model`` lacks."""
    known = read_config(model, KEYS, "classifier")["class_ids"]
    unknown = sorted(set(class_ids) - set(known if isinstance(known, list) else ()))
    if unknown:
        raise InputError(
            f"{origin} names the class {unknown[0]}, which {model} does not know "
            f"({', '.join(map(str, known))}); run: dvc repro"
        )


def classify(
    classifier: TrainedClassifier, images: Sequence[RGB], batch_size: int = 64
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n d"]]:
    """Probabilities and ``phi`` of ``images``, each padded to a square with gray and resized to the input's size."""
    side = classifier.image_size
    batches = (
        np.stack([fit_square(image, side) for image in images[start : start + batch_size]])
        for start in range(0, len(images), batch_size)
    )
    return classify_squares(classifier, batches)


def classify_squares(
    classifier: TrainedClassifier, batches: Iterator[UInt8[np.ndarray, "b side side 3"]]
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n d"]]:
    """Probabilities and ``phi`` of batches of images that have the input's size already; no batch gives no row."""
    probs = [np.zeros((0, len(classifier.class_ids)), np.float32)]
    phi = [np.zeros((0, num_features(classifier.network)), np.float32)]
    for answer in _answers(classifier, batches):
        probs.append(answer[0].cpu().numpy())
        phi.append(answer[1].cpu().numpy())
    return np.concatenate(probs), np.concatenate(phi)


def classify_groups(
    classifier: TrainedClassifier, groups: Iterable[UInt8[np.ndarray, "_ side side 3"]], batch_size: int
) -> Iterator[Float[np.ndarray, "_ c"]]:
    """Probabilities of each group of images that have the input's size already, in order.

    On a GPU batches are full across groups. On a CPU a batch is of one group: its size decides on the last digits of
    what a network answers, and so a group gets the same bytes whatever stands beside it.
    """
    if classifier.device.type == "cpu":
        for group in groups:
            starts = range(0, len(group), batch_size)
            yield classify_squares(classifier, (group[start : start + batch_size] for start in starts))[0]
        return
    yield from _classify_across(classifier, groups, batch_size)


def _classify_across(
    classifier: TrainedClassifier, groups: Iterable[UInt8[np.ndarray, "_ side side 3"]], batch_size: int
) -> Iterator[Float[np.ndarray, "_ c"]]:
    """`classify_groups` in batches that are full across groups."""
    sizes: deque[int] = deque()

    def noted() -> Iterator[list[UInt8[np.ndarray, "_ side side 3"]]]:
        for group in groups:
            sizes.append(len(group))
            yield [group]

    waiting = np.zeros((0, len(classifier.class_ids)), np.float32)
    batches = (batch for (batch,) in rebatch(noted(), batch_size))
    for probs, _ in _answers(classifier, batches):
        waiting = np.concatenate([waiting, probs.cpu().numpy()])
        while sizes and sizes[0] <= len(waiting):
            size = sizes.popleft()
            yield waiting[:size]
            waiting = waiting[size:]
    yield from (waiting[:0] for _ in sizes)  # groups at the end that hold nothing


def _answers(
    classifier: TrainedClassifier, batches: Iterable[UInt8[np.ndarray, "b side side 3"]]
) -> Iterator[tuple[Float[Tensor, "b c"], Float[Tensor, "b d"]]]:
    """Probabilities and ``phi`` of each batch, on the classifier's device.

    On a GPU the next batch is under way when a batch is handed out.
    """
    waiting: tuple[Tensor, Tensor] | None = None
    for batch in batches:
        with torch.inference_mode():
            logits, vectors = logits_and_phi(classifier.network, to_input(batch, classifier.device))
            answer = logits.sigmoid(), vectors
        if waiting:
            yield waiting
        waiting = answer
    if waiting:
        yield waiting
