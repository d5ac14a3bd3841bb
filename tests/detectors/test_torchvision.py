import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from empaste.detectors import torchvision as backend
from empaste.errors import InputError

FIT: dict[str, Any] = {
    "architecture": "resnet_slim", "width": 8, "weights": None, "image_size": 64, "iterations": 5, "batch_size": 2,
    "learning_rate": 0.005, "weight_decay": 1e-4, "jitter": [0.6, 1.4], "checkpoint_every": 2, "seed": 0,
    "num_threads": 1, "device": "cpu",
}  # fmt: skip


def fit(composites: Path, root: Path, **changes: Any) -> list[dict[str, float]]:
    for folder in (root / "model", root / "work"):
        folder.mkdir(parents=True, exist_ok=True)
    return backend.fit(composites, root / "model", work=root / "work", **FIT | changes)


def model_bytes(root: Path) -> bytes:
    return (root / "model" / "model.safetensors").read_bytes()


class ProcessDiedError(Exception):
    """Stands for the end of the process."""


def test_an_interrupted_training_ends_with_the_same_bytes(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(composites, tmp_path / "whole")
    assert "going on" not in capsys.readouterr().err
    step, seen = backend._step, []

    def dies_at_the_fourth(*arguments: Any) -> dict[str, float]:
        seen.append(1)
        if len(seen) == 4:
            raise ProcessDiedError
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(backend, "_step", dies_at_the_fourth)
        with pytest.raises(ProcessDiedError):
            fit(composites, tmp_path / "cut")
    assert not (tmp_path / "cut" / "model" / "model.safetensors").exists()
    resumed = fit(composites, tmp_path / "cut")
    assert "at iteration 2" in capsys.readouterr().err
    assert resumed == whole
    assert model_bytes(tmp_path / "cut") == model_bytes(tmp_path / "whole")


def test_the_seed_and_nothing_else_decides(composites: Path, tmp_path: Path) -> None:
    torch.manual_seed(99)
    first = fit(composites, tmp_path / "first", iterations=2)
    torch.manual_seed(7)
    assert fit(composites, tmp_path / "second", iterations=2, checkpoint_every=50) == first
    assert fit(composites, tmp_path / "third", iterations=2, seed=1) != first
    assert model_bytes(tmp_path / "first") == model_bytes(tmp_path / "second") != model_bytes(tmp_path / "third")


def test_a_loss_that_is_no_number_names_the_images(composites: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the loss is (nan|inf) at iteration \d+, on .* image ids \d, \d; lower") as e:
        fit(composites, tmp_path, learning_rate=1e30)
    assert "train.learning_rate" in str(e.value)


def test_training_goes_on_over_images_without_instances(composites: Path, tmp_path: Path) -> None:
    path = composites / "instances.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"annotations": data["annotations"][:1]}))
    curve = fit(composites, tmp_path, iterations=4)
    assert all(np.isfinite(row["loss"]) for row in curve)


def test_every_item_is_seen_once_per_pass() -> None:
    places = [place for iteration in range(7) for place in backend.batch_places(14, 4, iteration, seed=3)]
    assert sorted(places[:14]) == sorted(places[14:]) == list(range(14))
    assert places[:14] != places[14:]
    assert backend.batch_places(14, 4, 0, seed=4) != places[:4]


def test_a_batch_may_hold_several_passes() -> None:
    assert backend.batch_places(1, 3, 5, seed=0) == [0, 0, 0]


def test_the_learning_rate_rises_then_falls() -> None:
    shares = [backend.schedule(iteration, 100) for iteration in range(100)]
    assert shares[0] == pytest.approx(0.1) and max(shares) == shares[9] == shares[10] == 1
    assert shares[:10] == sorted(shares[:10]) and shares[10:] == sorted(shares[10:], reverse=True)
    assert shares[55] == pytest.approx((1 + backend.FINAL_RATE) / 2)
    assert backend.FINAL_RATE <= shares[-1] < 0.02
    assert backend.schedule(0, 1) == 1


def test_too_little_memory_names_what_to_lower(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_much(*arguments: Any) -> dict[str, float]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(backend, "_step", too_much)
    with pytest.raises(
        InputError, match=r"a batch of 2 images of 64 pixels; lower train\.batch_size or train\.image_s"
    ):
        fit(composites, tmp_path)


def test_a_cut_off_checkpoint_gives_way_to_the_one_before(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(composites, tmp_path / "whole")
    fit(composites, tmp_path / "cut")
    checkpoint = tmp_path / "cut" / "work" / "checkpoint.pt"  # of the fourth step; the one before is of the second
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    (tmp_path / "cut" / "model" / "model.safetensors").unlink()
    assert fit(composites, tmp_path / "cut") == whole
    said = capsys.readouterr().err
    assert "trying the one before it" in said and "at iteration 2" in said
    assert model_bytes(tmp_path / "cut") == model_bytes(tmp_path / "whole")
