import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from empaste.artifacts.networks import save_network
from empaste.backbones import build_resnet
from empaste.detectors.mask_rcnn import build_mask_rcnn, load_mask_rcnn
from empaste.errors import InputError

CONFIG: dict[str, Any] = {
    "backend": "torchvision", "architecture": "resnet_slim", "width": 8, "image_size": 64, "frozen_norm": False,
    "classes": [{"id": 3, "name": "square"}, {"id": 7, "name": "disc"}],
}  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_network(build_mask_rcnn("resnet_slim", 8, None, 64, 2, False), tmp_path, CONFIG)
    return tmp_path


@pytest.mark.parametrize(
    ("architecture", "strides", "anchors"),
    [
        ("resnet_slim", [4, 8, 16], [40, 80, 160]),
        ("resnet18", [4, 8, 16, 32], [9, 18, 36, 72, 144]),
        ("resnet50", [4, 8, 16, 32], [9, 18, 36, 72, 144]),
    ],
)
def test_the_pyramid_starts_at_stride_four(architecture: str, strides: list[int], anchors: list[int]) -> None:
    model = build_mask_rcnn(architecture, 8, None, 288, 3, False)
    assert model.backbone.strides == strides
    assert [size for (size,) in model.rpn.anchor_generator.sizes] == pytest.approx(anchors)
    maps = model.backbone(torch.zeros(1, 3, 128, 128))
    assert [128 // maps[name].shape[-1] for name in sorted(maps) if name.isdigit()] == strides
    assert len(maps) == len(anchors)


def test_an_image_of_any_shape_is_detected_on(saved: Path) -> None:
    model, _ = load_mask_rcnn(saved)
    model.roi_heads.score_thresh = 0.0
    for size_hw in ((64, 64), (1, 1), (20, 200), (300, 17)):
        (output,) = model([torch.rand(3, *size_hw)])
        assert output["masks"].shape[1:] == (1, *size_hw)


def test_building_moves_no_batch_statistic() -> None:
    torch.manual_seed(0)
    plain = build_resnet("resnet_slim", 8, None)
    torch.manual_seed(0)
    model = build_mask_rcnn("resnet_slim", 8, None, 64, 2, False)
    assert torch.equal(model.backbone.stem.bn1.running_mean, plain.bn1.running_mean)
    assert torch.equal(model.backbone.stem.conv1.weight, plain.conv1.weight)
    assert all(module.training for module in model.modules())


def test_pretrained_weights_are_used_and_keep_their_statistics(tmp_path: Path) -> None:
    resnet = build_resnet("resnet_slim", 8, None)
    nn.init.uniform_(resnet.bn1.running_mean)
    torch.save(resnet.state_dict(), tmp_path / "weights.pth")
    model = build_mask_rcnn("resnet_slim", 8, str(tmp_path / "weights.pth"), 64, 2, True)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in model.backbone.modules())
    assert isinstance(model.backbone.stem.bn1, FrozenBatchNorm2d)
    assert torch.equal(model.backbone.stem.bn1.running_mean, resnet.bn1.running_mean)
    inputs = torch.rand(1, 3, 64, 64)
    resnet.eval()
    expected = resnet.layer1(resnet.relu(resnet.bn1(resnet.conv1(inputs))))
    torch.testing.assert_close(model.backbone.stages[0](model.backbone.stem(inputs)), expected)


def test_a_saved_model_comes_back(saved: Path) -> None:
    model, config = load_mask_rcnn(saved)
    assert config == CONFIG and not model.training
    state = load_file(saved / "model.safetensors")
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())


def test_tensors_that_do_not_fit_the_config_are_refused(saved: Path) -> None:
    (saved / "config.json").write_text(json.dumps(CONFIG | {"width": 16}))
    with pytest.raises(InputError, match=r"model\.safetensors does not fit .*config\.json: .*run: dvc repro train"):
        load_mask_rcnn(saved)


def test_a_missing_tensor_is_named(saved: Path) -> None:
    state = load_file(saved / "model.safetensors")
    del state["rpn.head.cls_logits.bias"]
    save_file(state, saved / "model.safetensors")
    with pytest.raises(InputError, match=r"rpn\.head\.cls_logits\.bias"):
        load_mask_rcnn(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=rf"{name} does not exist; run: dvc repro train \(or dvc pull\)"):
        load_mask_rcnn(saved)


def test_a_truncated_model_is_refused(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes((saved / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read .*; run: dvc repro train"):
        load_mask_rcnn(saved)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not valid JSON"), ("{}", "lacks architecture, classes"), ("[]", "lacks")]
)
def test_a_broken_config_is_refused(saved: Path, text: str, message: str) -> None:
    (saved / "config.json").write_text(text)
    with pytest.raises(InputError, match=rf"config\.json {message}.*run: dvc repro train"):
        load_mask_rcnn(saved)
