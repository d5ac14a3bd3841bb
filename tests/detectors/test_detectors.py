"""The contract that every registered detector keeps, each on its smallest network."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from empaste.artifacts.networks import save_network
from empaste.artifacts.shards import Shards
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, detect_files, load_detector
from empaste.detectors.exporting import export
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.models import CONFIG_KEYS, classes_of
from empaste.detectors.training import fit
from empaste.errors import InputError
from empaste.masks import decode_mask, mask_box_xywh
from tests.detectors.tiny_settings import shrink_detectron2, tiny_settings
from tests.optional_packages import needs_detectron2

TOP = Path(__file__).parents[2]
PARTS = "empaste.detectors.training, empaste.detectors.detecting, empaste.detectors.exporting, empaste.evaluation"
LOAD = DetectSettings(min_score=0.05, max_detections=10, batch_size=3, num_threads=1, device="cpu")


SMALLEST: dict[str, dict[str, Any]] = {
    "torchvision": {},
    "detectron2": {"architecture": "resnet18", "learning_rate": 0.001, "iterations": 20},
}
"""What a backend's smallest training changes."""


@pytest.fixture(
    params=[pytest.param(name, marks=needs_detectron2 if name == "detectron2" else ()) for name in BACKENDS]
)
def trained(
    request: pytest.FixtureRequest, composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, list[dict[str, float]]]:
    if request.param == "detectron2":
        shrink_detectron2(monkeypatch)
    model, work = tmp_path / "model", tmp_path / "work"
    model.mkdir()
    work.mkdir()
    settings = tiny_settings(backend=request.param, **SMALLEST[request.param])
    told: list[dict[str, float]] = []
    curve = fit(
        composites, model, work=work, settings=settings,
        on_step=lambda step, values: told.append({"iteration": step, **values}),
    )  # fmt: skip
    assert told == curve
    assert len(curve) == settings.iterations
    return model, curve


def test_every_backend_is_held_to_the_contract() -> None:
    assert set(SMALLEST) == set(BACKENDS)


def test_a_detector_learns_and_its_results_are_coco_results(
    trained: tuple[Path, list[dict[str, float]]], composites: Path, tmp_path: Path
) -> None:
    model, curve = trained
    assert [row["iteration"] for row in curve] == list(range(1, len(curve) + 1))
    assert {"loss", "learning_rate"} < set(curve[0])
    assert curve[-1]["loss"] < 0.75 * curve[0]["loss"]
    files = [(100 + k, tmp_path / f"{k}.png") for k in (3, 1, 2, 4)]
    for image_id, path in files:
        path.write_bytes(Shards(composites).read(f"{image_id - 100}.png"))
    detect = load_detector(model, LOAD)
    results = detect_files(detect, files, 3)
    assert results
    assert results == json.loads(json.dumps(results))
    order = [result["image_id"] for result in results]
    assert [image_id for k, image_id in enumerate(order) if image_id not in order[:k]] == [103, 101, 102, 104]
    for result in results:
        assert set(result) == {"image_id", "category_id", "bbox", "score", "segmentation"}
        assert result["category_id"] in (3, 7)
        assert LOAD.min_score <= result["score"] <= 1
        mask = decode_mask(result["segmentation"])
        assert mask.shape == (64, 64)
        assert mask.any()
        x, y, width, height = result["bbox"]
        left, top, mask_width, mask_height = mask_box_xywh(mask)
        assert left >= x - 1.5
        assert top >= y - 1.5
        assert left + mask_width <= x + width + 1.5
        assert top + mask_height <= y + height + 1.5
    assert all(order.count(image_id) <= LOAD.max_detections for image_id in order)
    assert detect_files(detect, [], 3) == []


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"config\.json does not exist; run: dvc repro train"):
        load_detector(tmp_path, LOAD)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not valid JSON"),
        ("[1]", "lacks architecture, backend, class"),
        ("{}", "lacks architecture, backend, class"),
    ],
)
def test_a_broken_config_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=rf"config\.json {said}.*run: dvc repro train"):
        load_detector(tmp_path, LOAD)


@pytest.mark.parametrize("text", ['{"classes": 3}', '{"classes": [{"id": 1}]}'])
def test_a_config_without_classes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json names no classes; run: dvc repro train"):
        classes_of(tmp_path)


def test_an_empty_config_lacks_classes(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"config\.json lacks classes; run: dvc repro train"):
        classes_of(tmp_path)


def test_an_unknown_backend_is_refused(tmp_path: Path) -> None:
    save_network(nn.Linear(1, 1), tmp_path, dict.fromkeys(CONFIG_KEYS, 1) | {"backend": "yolo"})
    with pytest.raises(InputError, match=r"backend is 'yolo'; choose from torchvision, detectron2"):
        load_detector(tmp_path, LOAD)


def test_the_computing_parts_import_without_the_pipelines_packages() -> None:
    """On a machine with torch alone, which has none of them, the detectors can still be imported."""
    blocked = ("dvc", "mlflow", "pandera", "pycocotools", "faster_coco_eval", "detectron2")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); import {PARTS}"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP / "src", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_torchvision_alone_opens_what_is_exported(tmp_path: Path) -> None:
    """The same instances from torchvision's own classes, without a line of ours."""
    torch.manual_seed(0)
    network = Network("resnet18", "v2", False, 0, 128, frozen_norm=False, msra=False)
    config = {"backend": "torchvision", **asdict(network), "classes": [{"id": 3, "name": "square"}]}
    ours = build_mask_rcnn(network, 1, None).eval()
    save_network(ours, tmp_path / "model", config)
    num_tensors = export(tmp_path / "model", tmp_path / "exported.pth")
    content = torch.load(tmp_path / "exported.pth", weights_only=True)
    assert content["classes"] == [{"id": 3, "name": "square"}]
    assert content["config"]["heads"] == "v2"
    assert len(content["model"]) == num_tensors
    body = resnet_fpn_backbone(backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5)
    body.fpn = FeaturePyramidNetwork([64, 128, 256, 512], 256, LastLevelMaxPool(), nn.BatchNorm2d)
    sizes = tuple((side / 2,) for side in (32, 64, 128, 256, 512))
    theirs = MaskRCNN(
        body,
        2,
        min_size=128,
        max_size=128,
        rpn_anchor_generator=AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5),
        rpn_head=RPNHead(256, 3, conv_depth=2),
        box_head=FastRCNNConvFCHead((256, 7, 7), [256] * 4, [1024], norm_layer=nn.BatchNorm2d),
        mask_head=MaskRCNNHeads(256, [256] * 4, 1, norm_layer=nn.BatchNorm2d),
        box_score_thresh=0.0,
        box_detections_per_img=5,
    ).eval()
    theirs.load_state_dict(content["model"])
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    with torch.inference_mode():
        (found,) = BACKENDS["torchvision"].find(ours, [image], 0.0, 5)
        (output,) = theirs([torch.from_numpy(image).permute(2, 0, 1) / 255])
    assert len(found.scores) == 5
    np.testing.assert_allclose(found.scores, output["scores"], atol=1e-5)
    np.testing.assert_allclose(found.boxes_xyxy, output["boxes"], atol=1e-2)


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "there.pth").touch()
    with pytest.raises(InputError, match=r"there\.pth exists; give another file, or remove it"):
        export(tmp_path, tmp_path / "there.pth")
    with pytest.raises(InputError, match=r"config\.json does not exist; run: dvc repro train"):
        export(tmp_path, tmp_path / "new.pth")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"backend": ["torchvision"]},
            r"config\.json: backend is \['torchvision'\]; choose from torchvision, detectron2",
        ),
        ({"width": "8"}, r"config\.json: width is '8'"),
        ({"width": 0}, r"config\.json: width is '0'"),
        ({"class_agnostic": None}, r"config\.json: class_agnostic is 'None'"),
        ({"architecture": ["resnet_slim"]}, r"config\.json: architecture is "),
        ({"width": 2**62}, r"config\.json: width is '4611686018427387904'"),
        ({"width": 60_000}, r"model\.safetensors does not fit .*config\.json: size mismatch"),
    ],
)
def test_a_config_of_other_types_or_sizes_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    network = Network("resnet_slim", "standard", True, 4, 64, False, False)
    config = {"backend": "torchvision", "classes": [{"id": 2, "name": "cat"}], **asdict(network)}
    save_network(BACKENDS["torchvision"].build(network, 1, None), tmp_path, config)
    load_detector(tmp_path, LOAD)
    (tmp_path / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(InputError, match=rf"{message}.*; run: dvc repro train"):
        load_detector(tmp_path, LOAD)
