"""The trained classifier: the same numbers after saving and loading; clear errors for what does not fit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from empaste.artifacts.classifier import (
    TrainedClassifier,
    _classify_across,
    classify,
    classify_groups,
    classify_squares,
    load_classifier,
    save_classifier,
)
from empaste.errors import InputError
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_resnet
from empaste.squares import fit_square


@pytest.fixture
def classifier() -> TrainedClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TrainedClassifier(build_resnet("resnet_slim", 8, None, 3).eval(), (2, 5, 9), 32)


@pytest.fixture
def folder(classifier: TrainedClassifier, tmp_path: Path) -> Path:
    save_classifier(classifier, tmp_path, architecture="resnet_slim", width=8, class_names=["a", "b", "c"], epochs=4)
    return tmp_path


def some_images(num: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (20 + 7 * k, 40, 3), np.uint8) for k in range(num)]


def test_loaded_as_saved(classifier: TrainedClassifier, folder: Path) -> None:
    loaded = load_classifier(folder)
    assert (loaded.class_ids, loaded.image_size) == ((2, 5, 9), 32)
    assert not loaded.network.training
    for first, second in zip(classify(classifier, some_images(3)), classify(loaded, some_images(3)), strict=True):
        np.testing.assert_array_equal(first, second)
    assert json.loads((folder / "config.json").read_text())["class_names"] == ["a", "b", "c"]


def test_probabilities_and_phi_are_the_networks(classifier: TrainedClassifier) -> None:
    images = some_images(5)
    probs, phi = classify(classifier, images, batch_size=2)
    assert probs.dtype == phi.dtype == np.float32
    with torch.no_grad():
        logits = classifier.network(to_input(np.stack([fit_square(image, 32) for image in images]), "cpu"))
        expected = classifier.network.get_submodule("fc")(torch.from_numpy(phi))
    np.testing.assert_allclose(probs, logits.sigmoid().numpy(), atol=1e-5)
    np.testing.assert_allclose(logits.numpy(), expected.numpy(), atol=1e-4)


def test_no_image_gives_no_row(classifier: TrainedClassifier) -> None:
    probs, phi = classify(classifier, [])
    assert probs.shape == (0, 3)
    assert phi.shape == (0, 64)


GROUPS = (3, 0, 7, 1, 5)


def some_groups() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(0, 256, (size, 32, 32, 3), np.uint8) for size in GROUPS]


def test_on_a_cpu_a_group_has_the_same_bytes_whatever_stands_beside_it(classifier: TrainedClassifier) -> None:
    groups = some_groups()
    alone = [next(classify_groups(classifier, [group], 4)) for group in groups]
    together = list(classify_groups(classifier, groups, 4))
    assert [probs.tobytes() for probs in together] == [probs.tobytes() for probs in alone]


@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_batches_full_across_groups_give_every_group_its_answers(
    classifier: TrainedClassifier, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The way that a GPU takes, on this machine's CPU."""
    sizes: list[int] = []

    def noted(batch: np.ndarray, device: torch.device) -> torch.Tensor:
        sizes.append(len(batch))
        return to_input(batch, device)

    monkeypatch.setattr("empaste.artifacts.classifier.to_input", noted)
    groups = [*some_groups(), np.zeros((0, 32, 32, 3), np.uint8)]
    found = list(_classify_across(classifier, groups, batch_size))
    assert sizes[:-1] == [batch_size] * (sum(GROUPS) // batch_size - (sum(GROUPS) % batch_size == 0))
    assert [len(probs) for probs in found] == [len(group) for group in groups]
    expected, _ = classify_squares(classifier, iter([np.concatenate(groups)]))
    np.testing.assert_allclose(np.concatenate(found), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_or_broken_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"{nonsense")
    with pytest.raises(InputError, match=f"{name}.*run: dvc repro classifier"):
        load_classifier(folder)
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{name} does not exist; run: dvc repro classifier"):
        load_classifier(folder)


def test_a_config_that_lacks_a_key_is_named(folder: Path) -> None:
    (folder / "config.json").write_text('{"architecture": "resnet_slim", "width": 8}')
    with pytest.raises(InputError, match="lacks class_ids, image_size"):
        load_classifier(folder)


def test_weights_of_another_class_count_are_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"class_ids": [2, 5]}))
    with pytest.raises(
        InputError, match=r"does not fit .*config\.json.*size mismatch for fc.*run: dvc repro classifier"
    ):
        load_classifier(folder)


def test_weights_off_their_config_are_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"width": 16}))
    with pytest.raises(InputError, match=r"model\.safetensors does not fit .*config\.json.*size mismatch"):
        load_classifier(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"class_ids": None}, {"class_ids": [1.5, 2, 3]}, {"class_ids": "abc"}, {"width": "8"}, {"width": -4},
        {"width": 2**62}, {"width": True}, {"image_size": None},
        {"architecture": ["resnet_slim"]}, {"architecture": {}},
    ],
)  # fmt: skip
def test_a_config_of_other_types_is_named(folder: Path, changes: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json: architecture, width, image_size and class_ids are .*run: dvc"):
        load_classifier(folder)


def test_a_width_beyond_memory_is_named_before_any_is_taken(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text()) | {"width": 60_000}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"model\.safetensors does not fit .*size mismatch"):
        load_classifier(folder)
