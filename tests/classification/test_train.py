"""Training: learns a toy problem, the same bytes after an interruption, honest metrics, clear errors."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.classifier import TrainedClassifier
from empaste.classification import train as module
from empaste.classification.labelled_images import LabelledImages, label_matrix, load_squares, room_for
from empaste.classification.settings import ClassifierSettings
from empaste.classification.train import (
    History,
    average_precisions,
    epoch_batches,
    mean_ap,
    one_cycle,
    predict,
    train_classifier,
)
from empaste.errors import InputError
from empaste.images import write_rgb
from tests.classification.conftest import SETTINGS, settings_of


def run(train: LabelledImages, val: LabelledImages, settings: ClassifierSettings = SETTINGS, **more: Any) -> tuple[
    TrainedClassifier, History
]:  # fmt: skip
    return train_classifier(train, val, (3, 7), settings, **more)


def same(first: TrainedClassifier, second: TrainedClassifier) -> bool:
    others = second.network.state_dict()
    return all(torch.equal(tensor, others[key]) for key, tensor in first.network.state_dict().items())


def test_a_toy_problem_is_learned(train_images: LabelledImages, val_images: LabelledImages) -> None:
    classifier, history = run(train_images, val_images, settings_of(epochs=24, batch_size=8))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["val_mAP"] > 90
    assert classifier.class_ids == (3, 7)
    assert not classifier.network.training
    assert [row["epoch"] for row in history] == list(range(1, 25))
    probs = predict(classifier, val_images.squares)
    assert mean_ap(average_precisions(val_images.labels, probs)) == history[-1]["val_mAP"]


def test_an_interrupted_training_ends_with_the_same_bytes(
    train_images: LabelledImages, val_images: LabelledImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, history = run(train_images, val_images)
    checkpoint, steps = tmp_path / "checkpoint.pt", iter(range(7))
    finite = module._finite

    def stop_in_the_third_epoch(*args: Any) -> float:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return finite(*args)

    monkeypatch.setattr(module, "_finite", stop_in_the_third_epoch)
    with pytest.raises(KeyboardInterrupt):
        run(train_images, val_images, checkpoint=checkpoint)
    assert len(torch.load(checkpoint)["history"]) == 2
    monkeypatch.setattr(module, "_finite", finite)
    resumed, resumed_history = run(train_images, val_images, checkpoint=checkpoint)
    assert same(resumed, undisturbed)
    assert resumed_history == history
    again, _ = run(train_images, val_images, checkpoint=checkpoint)
    assert same(again, undisturbed)


def test_an_interrupted_training_goes_on_from_its_probe(
    train_images: LabelledImages, val_images: LabelledImages, tmp_path: Path
) -> None:
    settings = settings_of(head="probe", epochs=2, frozen_norm=True, backbone_rate=0.5)
    undisturbed, history = run(train_images, val_images, settings)
    assert [row["epoch"] for row in history] == [0, 1, 2]
    checkpoint = tmp_path / "checkpoint.pt"

    def fail(*_args: Any) -> float:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        epochs = iter([module._train_epoch, fail])
        patch.setattr(module, "_train_epoch", lambda *args: next(epochs)(*args))
        with pytest.raises(KeyboardInterrupt):
            run(train_images, val_images, settings, checkpoint=checkpoint)
    resumed, resumed_history = run(train_images, val_images, settings, checkpoint=checkpoint)
    assert same(resumed, undisturbed)
    assert resumed_history == history


def test_frozen_norms_keep_their_statistics_and_a_still_backbone_its_weights(
    train_images: LabelledImages, val_images: LabelledImages
) -> None:
    start, _ = run(train_images, val_images, settings_of(head="probe", epochs=0))
    before = start.network.state_dict()
    for changes, moved in (
        ({"frozen_norm": True, "backbone_rate": 0.0}, {"fc"}),
        ({"frozen_norm": False, "backbone_rate": 0.0}, {"fc", "statistics"}),
        ({"frozen_norm": True, "backbone_rate": 1.0}, {"fc", "weights"}),
    ):
        after, _ = run(train_images, val_images, settings_of(head="probe", epochs=1, **changes))
        changed = {key for key, tensor in after.network.state_dict().items() if not torch.equal(tensor, before[key])}
        kinds = {
            "fc" if key.startswith("fc.") else "statistics" if "running" in key or "num_batches" in key else "weights"
            for key in changed
        }
        assert kinds == moved


def test_seeds_differ(train_images: LabelledImages, val_images: LabelledImages) -> None:
    short = settings_of(epochs=1)
    first, _ = run(train_images, val_images, short)
    assert not same(first, run(train_images, val_images, settings_of(epochs=1, seed=1))[0])
    assert same(first, run(train_images, val_images, short)[0])


def test_training_leaves_the_global_seed_alone(train_images: LabelledImages, val_images: LabelledImages) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    run(train_images, val_images, settings_of(epochs=1))
    assert torch.equal(torch.rand(1), expected)


def test_a_class_without_images_and_no_validation_images(train_images: LabelledImages) -> None:
    labels = train_images.labels.copy()
    labels[:, 1] = False
    nothing = LabelledImages(train_images.squares[:0], labels[:0], train_images.image_ids[:0])
    _, history = run(train_images._replace(labels=labels), nothing, settings_of(epochs=1))
    assert history[-1]["val_mAP"] is None
    assert np.isfinite(history[-1]["loss"])


def test_fewer_images_than_a_batch(train_images: LabelledImages, val_images: LabelledImages) -> None:
    one = LabelledImages(*(part[:1] for part in train_images))
    _, history = run(one, val_images, settings_of(epochs=2))
    assert np.isfinite(history[-1]["loss"])


def test_a_loss_that_is_no_number_names_the_images(train_images: LabelledImages, val_images: LabelledImages) -> None:
    with pytest.raises(
        InputError, match=r"loss is (nan|inf) in epoch \d.*images \[\d+.*lower classifier.learning_rate"
    ):
        run(train_images, val_images, settings_of(learning_rate=1e30))


@given(st.integers(1, 60), st.integers(1, 20), st.integers(-3, 3), st.integers(0, 5))
def test_every_epoch_shows_every_image_in_full_batches(num_images: int, batch_size: int, seed: int, epoch: int) -> None:
    batches = list(epoch_batches(num_images, batch_size, seed, epoch))
    assert all(len(rows) == len(repeats) == batch_size for rows, repeats in batches)
    shown = [pair for rows, repeats in batches for pair in zip(rows.tolist(), repeats, strict=True)]
    assert len(set(shown)) == len(shown) < num_images + batch_size
    assert {row for row, repeat in shown if repeat == 0} == set(range(num_images))


def test_orders_differ_between_epochs() -> None:
    orders = [np.concatenate([rows for rows, _ in epoch_batches(50, 10, 0, epoch)]).tolist() for epoch in range(3)]
    assert orders[0] != orders[1] != orders[2]


def test_one_cycle_rises_to_the_peak_and_falls_to_nearly_nothing() -> None:
    rates = [one_cycle(step, 400, 0.1) for step in range(400)]
    assert max(rates) == pytest.approx(0.1, rel=1e-3)
    assert rates.index(max(rates)) in (99, 100)
    assert rates[0] == pytest.approx(0.1 / 25, rel=0.01)
    assert rates[-1] < 1e-4
    assert np.diff(rates[:100]).min() > 0 > np.diff(rates[100:]).max()
    assert one_cycle(0, 1, 0.1) > 0


def test_average_precision_by_hand() -> None:
    labels = np.array([[True, False], [False, False], [True, False]])
    probs = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]])
    precisions = average_precisions(labels, probs)
    assert precisions[0] == pytest.approx(100 * (1 / 1 + 2 / 3) / 2)
    assert precisions[1] is None
    assert mean_ap(precisions) == precisions[0]
    assert mean_ap([None]) is None


def test_images_come_as_squares_in_memory_or_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store.npy"
    for number in range(3):
        write_rgb(tmp_path / f"{number}.png", np.full((4, 8, 3), 50 * number, np.uint8))
    paths = [tmp_path / f"{number}.png" for number in (2, 0, 1)]
    squares = load_squares(paths, 16, store)
    assert not store.exists()
    assert squares.shape == (3, 16, 16, 3)
    assert squares[:, 8, 8, 0].tolist() == [100, 0, 50]
    monkeypatch.setattr("empaste.classification.labelled_images.MAX_BYTES_IN_MEMORY", squares.nbytes - 1)
    np.testing.assert_array_equal(load_squares(paths, 16, store), squares)
    np.testing.assert_array_equal(np.load(store), squares)
    np.testing.assert_array_equal(load_squares(paths[:1], 16, store), squares[:1], "of other images, in its place")
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        load_squares([*paths, tmp_path / "gone.png"], 16, store)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room on disks")
def test_room_in_a_file_is_reserved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page without room on the disk would end the process without a word."""

    def full(_descriptor: int, _offset: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr("empaste.classification.labelled_images.MAX_BYTES_IN_MEMORY", 23)
    with pytest.raises(OSError, match="No space left"):
        room_for((3, 2), np.float32, tmp_path / "store.npy")
    assert not list(tmp_path.iterdir())


def test_labels_become_a_matrix() -> None:
    pairs = np.array([[4, 2], [1, 1], [99, 1]])
    matrix = label_matrix([1, 4], [1, 2], pairs)
    assert matrix.tolist() == [[True, False], [False, True]]
    assert label_matrix([1], [1, 2], np.zeros((0, 2), int)).tolist() == [[False, False]]
    with pytest.raises(InputError, match=r"image 4 has the class 2, which is none of \[1\]; run: dvc repro prepare"):
        label_matrix([1, 4], [1], pairs)
