"""The training loop of all backends, on torchvision's smallest network."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file

from empaste.detectors import training
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.errors import InputError
from empaste.masks import encode_mask
from tests.detectors.tiny_settings import fit_tiny, model_bytes

FEW: dict[str, Any] = {"iterations": 5, "batch_size": 2, "jitter": [0.6, 1.4], "checkpoint_every": 2}


def fit(composites: Path, root: Path, **changes: Any) -> list[dict[str, float]]:
    return fit_tiny("torchvision", composites, root, **FEW | changes)


class ProcessDiedError(Exception):
    """Stands for the end of the process."""


def test_an_interrupted_training_ends_with_the_same_bytes(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(composites, tmp_path / "whole")
    assert "going on" not in capsys.readouterr().err
    step, seen = training.train_step, []

    def dies_at_the_fourth(*arguments: Any) -> dict[str, float]:
        seen.append(1)
        if len(seen) == 4:
            raise ProcessDiedError
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_step", dies_at_the_fourth)
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


def test_a_backend_that_learns_void_as_background_says_so(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = composites / "instances.json"
    data = json.loads(path.read_text())
    data["images"][0]["void"] = encode_mask(np.ones((64, 64), bool))
    path.write_text(json.dumps(data))
    fit(composites, tmp_path / "passes", iterations=1)
    assert "void" not in capsys.readouterr().err
    monkeypatch.setitem(BACKENDS, "torchvision", BACKENDS["torchvision"]._replace(takes_void=False))
    fit(composites, tmp_path / "learns", iterations=1)
    assert (
        "WARNING: 1 of 8 composites have void pixels, which train.backend torchvision learns as background; set "
        "train.backend to torchvision, which passes over them" in capsys.readouterr().err
    )


def test_training_goes_on_over_images_without_instances(composites: Path, tmp_path: Path) -> None:
    path = composites / "instances.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"annotations": data["annotations"][:1]}))
    curve = fit(composites, tmp_path, iterations=4)
    assert all(np.isfinite(row["loss"]) for row in curve)


@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "GPU's"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "machine's"),
    ],
)
def test_too_little_memory_names_what_to_lower(
    composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError, whose: str
) -> None:
    def too_much(*_arguments: Any, **_options: Any) -> dict[str, float]:
        raise error

    monkeypatch.setattr(training, "_backward", too_much)
    with pytest.raises(
        InputError,
        match=rf"the {whose} memory does not hold a batch of 2 images of 64 pixels; lower train\.batch_size or "
        r"train\.image_size, or raise train\.accumulate \(1\), and run: dvc repro",
    ):
        fit(composites, tmp_path)


def test_any_other_fault_stays_what_it_is(composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> dict[str, float]:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(training, "_backward", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        fit(composites, tmp_path)


@pytest.mark.usefixtures("monkeypatch")
def test_a_cut_off_checkpoint_gives_way_to_the_one_before(
    composites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(composites, tmp_path / "whole")
    fit(composites, tmp_path / "cut")
    checkpoint = tmp_path / "cut" / "work" / "checkpoint.pt"  # of the fourth step; the one before is of the second
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    (tmp_path / "cut" / "model" / "model.safetensors").unlink()
    assert fit(composites, tmp_path / "cut") == whole
    said = capsys.readouterr().err
    assert "trying the one before it" in said
    assert "at iteration 2" in said
    assert model_bytes(tmp_path / "cut") == model_bytes(tmp_path / "whole")


def test_a_checkpoint_of_another_detector_is_refused(composites: Path, tmp_path: Path) -> None:
    fit(composites, tmp_path)
    path = composites / "instances.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"categories": [*data["categories"], {"id": 9, "name": "star"}]}))
    with pytest.raises(
        InputError,
        match=r"checkpoint\.pt is of another detector: torchvision, resnet_slim, 2 classes, where params\.yaml and the "
        r"composites ask for torchvision, resnet_slim, 3 classes; remove .*work and run: dvc repro",
    ):
        fit(composites, tmp_path)


def test_parts_of_a_batch_give_the_same_steps(composites: Path, tmp_path: Path) -> None:
    """Losses of parts are means over them: the same as of the whole, but for what is drawn and for batch statistics."""
    whole = fit(composites, tmp_path / "whole", batch_size=8, iterations=3, learning_rate=1e-3)
    parts = fit(composites, tmp_path / "parts", batch_size=8, iterations=3, learning_rate=1e-3, accumulate=4)
    np.testing.assert_allclose([row["loss"] for row in parts], [row["loss"] for row in whole], rtol=0.1)
    assert parts != whole


def test_preparing_ahead_in_processes_changes_nothing(composites: Path, tmp_path: Path) -> None:
    fit(composites, tmp_path / "alone")
    fit(composites, tmp_path / "ahead", num_workers=2)
    assert model_bytes(tmp_path / "alone") == model_bytes(tmp_path / "ahead")


def test_the_papers_optimiser_learns(composites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers = {"optimizer": "sgd", "learning_rate": 0.64, "reference_batch": 128, "schedule": "steps"}
    curve = fit(composites, tmp_path, **papers, batch_size=4, iterations=40, jitter=[0.8, 1.2])
    assert "learning rate 0.64 at batches of 128 is 0.02 at batches of 4" in capsys.readouterr().err
    assert np.mean([row["loss"] for row in curve[-5:]]) < 0.75 * np.mean([row["loss"] for row in curve[:5]])


def test_half_precision_stays_near(composites: Path, tmp_path: Path) -> None:
    exact = fit(composites, tmp_path / "exact")
    rounded = fit(composites, tmp_path / "rounded", precision="bfloat16")
    assert rounded != exact
    assert rounded[0]["loss"] == pytest.approx(exact[0]["loss"], rel=0.05)
    assert load_file(tmp_path / "rounded/model/model.safetensors")["backbone.stem.conv1.weight"].dtype == torch.float32


def test_the_average_lags_behind_and_is_resumed(composites: Path, tmp_path: Path) -> None:
    fit(composites, tmp_path / "last")
    fit(composites, tmp_path / "average", ema=0.9)
    fit(composites, tmp_path / "cut", ema=0.9)
    (tmp_path / "cut/model/model.safetensors").unlink()
    fit(composites, tmp_path / "cut", ema=0.9)  # goes on at iteration 4
    assert model_bytes(tmp_path / "cut") == model_bytes(tmp_path / "average") != model_bytes(tmp_path / "last")


@pytest.mark.skipif(shutil.which("g++") is None, reason="compiling wants a C++ compiler, which is not installed")
def test_a_compiled_backbone_learns_the_same(composites: Path, tmp_path: Path) -> None:
    plain = fit(composites, tmp_path / "plain", iterations=2)
    compiled = fit(composites, tmp_path / "compiled", iterations=2, compile=True)
    np.testing.assert_allclose([row["loss"] for row in compiled], [row["loss"] for row in plain], rtol=1e-3)
    names = set(load_file(tmp_path / "plain/model/model.safetensors"))
    assert set(load_file(tmp_path / "compiled/model/model.safetensors")) == names


def test_a_pretrained_backbone_of_timms_trains_and_comes_back(composites: Path, tmp_path: Path) -> None:
    """Its norms keep their statistics, its other layers learn, and its weights lie in a file of timm's names."""
    torch.manual_seed(0)
    weights = timm.create_model("test_efficientnet").state_dict()
    torch.save(weights, tmp_path / "weights.pth")
    backbone = {"architecture": "timm:test_efficientnet", "weights": str(tmp_path / "weights.pth")}
    curve = fit(composites, tmp_path, iterations=3, backbone_rate=0.5, heads="light", **backbone)
    assert all(np.isfinite(row["loss"]) for row in curve)
    state = load_file(tmp_path / "model/model.safetensors")
    body = "backbone.body.network.network."
    assert torch.equal(state[f"{body}bn1.running_mean"], weights["bn1.running_mean"])
    assert not torch.equal(state[f"{body}conv_stem.weight"], weights["conv_stem.weight"])
    load_detector(tmp_path / "model", DetectSettings(0.1, 5, batch_size=1, num_threads=1, device="cpu"))


def test_a_class_agnostic_detector_comes_back(composites: Path, tmp_path: Path) -> None:
    curve = fit(composites, tmp_path, class_agnostic=True, iterations=30, batch_size=4, jitter=[0.8, 1.2])
    assert curve[-1]["loss"] < 0.75 * curve[0]["loss"]
    detect = load_detector(tmp_path / "model", DetectSettings(0.0, 9, batch_size=1, num_threads=1, device="cpu"))
    assert detect([np.zeros((64, 64, 3), np.uint8)])[0]
