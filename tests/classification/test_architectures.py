"""A classifier of every family of networks: trains, comes back from disk, and drops the same each time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from empaste.artifacts.checkpoints import save_checkpoint
from empaste.artifacts.classifier import TrainedClassifier, classify, load_classifier, save_classifier
from empaste.classification import train as module
from empaste.classification.cam import locate_classes
from empaste.classification.labelled_images import LabelledImages
from empaste.classification.train import train_classifier
from empaste.networks.architectures import ARCHITECTURES
from tests.classification.conftest import cam_settings, settings_of
from tests.tiny_networks import BUILDERS


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the kinds stand for the tiny networks of these kinds."""
    for kind, build in BUILDERS.items():
        monkeypatch.setitem(ARCHITECTURES, kind, of_any_size(build))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two memory layouts of one network sum in the same order on one thread only."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def of_any_size(build: Callable[[int], nn.Module]) -> Callable[[int, int, int], nn.Module]:
    return lambda _width, num_classes, _side: build(num_classes)


def train(kind: str, images: LabelledImages, checkpoint: Path | None = None, seed: int = 0) -> TrainedClassifier:
    settings = settings_of(architecture=kind, epochs=2, seed=seed)
    return train_classifier(images, images, (3, 7), settings, checkpoint)[0]


@pytest.mark.parametrize("kind", BUILDERS)
def test_trained_saved_loaded_and_explained(kind: str, train_images: LabelledImages, tmp_path: Path) -> None:
    classifier = train(kind, train_images)
    save_classifier(classifier, tmp_path, architecture=kind, width=8, class_names=["red", "blue"])
    loaded = load_classifier(tmp_path)
    images = list(train_images.squares[:3])
    for first, second in zip(classify(classifier, images), classify(loaded, images), strict=True):
        np.testing.assert_array_equal(first, second)
    maps = locate_classes(loaded, images, [[0, 1], [], [1]], cam_settings())
    assert [len(found) for found in maps] == [2, 0, 1]


@pytest.mark.parametrize("kind", ["efficientnet", "mobilenet"])
def test_what_is_dropped_is_drawn_from_the_seed(
    kind: str, train_images: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the training goes on after its first epoch."""
    first_epoch = tmp_path / "first_epoch.pt"

    def save_once(_path: Path, content: dict[str, Any]) -> None:
        if not first_epoch.exists():
            save_checkpoint(first_epoch, content)

    monkeypatch.setattr(module, "save_checkpoint", save_once)
    whole = train(kind, train_images, tmp_path / "whole.pt").network.state_dict()
    assert len(torch.load(first_epoch)["history"]) == 1
    torch.rand(5)
    resumed = train(kind, train_images, first_epoch).network.state_dict()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    other = train(kind, train_images, seed=1).network.state_dict()
    assert not all(torch.equal(whole[key], other[key]) for key in whole)
