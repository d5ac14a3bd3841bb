import json
import weakref
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision.models.detection import maskrcnn_resnet50_fpn_v2
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Network
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.detectors.mask_rcnn import ByteTransform, build_mask_rcnn
from empaste.detectors.tensors import image_tensor
from empaste.errors import InputError
from empaste.masks import decode_mask, mask_box_xywh
from empaste.networks.inputs import normalise
from empaste.networks.weights import build_resnet

SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
CONFIG: dict[str, Any] = {
    "backend": "torchvision", **asdict(SLIM), "classes": [{"id": 3, "name": "square"}, {"id": 7, "name": "disc"}],
}  # fmt: skip
LOAD = DetectSettings(min_score=0.0, max_detections=10, batch_size=3, num_threads=1, device="cpu")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_network(build_mask_rcnn(SLIM, 2, None), tmp_path, CONFIG)
    return tmp_path


@pytest.mark.parametrize("class_agnostic", [False, True])
def test_the_last_layers_start_near_zero(class_agnostic: bool) -> None:
    torch.manual_seed(0)
    network = replace(SLIM, architecture="resnet18", class_agnostic=class_agnostic)
    state = build_mask_rcnn(network, 3, None).roi_heads.state_dict()
    layer = ".layer" if class_agnostic else ""
    deviations = {"box_predictor.cls_score": 0.01, f"box_predictor.bbox_pred{layer}": 0.001,
                  f"mask_predictor.mask_fcn_logits{layer}": 0.001}  # fmt: skip
    for name, deviation in deviations.items():
        assert state[f"{name}.weight"].std() == pytest.approx(deviation, rel=0.15)
        assert not state[f"{name}.bias"].any()
    bound = (3 / state["box_head.fc6.weight"].shape[1]) ** 0.5  # Xavier's, by the inputs
    assert state["box_head.fc6.weight"].abs().max() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize(
    ("architecture", "heads", "strides", "anchors"),
    [
        ("resnet_slim", "standard", [4, 8, 16], [40, 80, 160]),
        ("resnet18", "standard", [4, 8, 16, 32], [16, 32, 64, 128, 256]),
        ("resnet50", "v2", [4, 8, 16, 32], [16, 32, 64, 128, 256]),
        ("timm:test_efficientnet", "light", [4, 8, 16, 32], [16, 32, 64, 128, 256]),
        ("timm:test_resnet", "standard", [4, 8, 16, 32], [16, 32, 64, 128, 256]),
    ],
)
def test_the_pyramid_starts_at_stride_four(
    architecture: str, heads: str, strides: list[int], anchors: list[int]
) -> None:
    network = replace(SLIM, architecture=architecture, image_size=288, heads=heads)
    model = build_mask_rcnn(network, 3, None)
    assert model.backbone.strides == strides
    assert [size for (size,) in model.rpn.anchor_generator.sizes] == pytest.approx(anchors)
    maps = model.backbone(torch.zeros(1, 3, 128, 128))
    assert [128 // maps[name].shape[-1] for name in sorted(maps) if name.isdigit()] == strides
    assert len(maps) == len(anchors)


def test_an_image_of_any_shape_is_detected_on(saved: Path) -> None:
    detect = load_detector(saved, LOAD)
    sizes = ((64, 64), (1, 1), (20, 200), (300, 17), (20, 3000), (1, 3000), (3000, 1))
    found = detect([np.random.default_rng(0).integers(0, 256, (*size_hw, 3), np.uint8) for size_hw in sizes])
    for size_hw, rows in zip(sizes, found, strict=True):
        assert all(tuple(row["segmentation"]["size"]) == size_hw for row in rows)
    assert any(found)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_thin_first_image_changes_nothing_for_those_after_it(saved: Path) -> None:
    fresh, used = load_detector(saved, LOAD), load_detector(saved, LOAD)
    used([noise(6, 64)])
    assert used([noise(64, 64)]) == fresh([noise(64, 64)]) != [[]]


@pytest.mark.parametrize(
    ("architecture", "heads"), [("resnet_slim", "standard"), ("resnet18", "v2"), ("timm:test_efficientnet", "light")]
)
def test_levels_are_those_that_torchvision_finds_with_a_square_image(architecture: str, heads: str) -> None:
    network = replace(SLIM, architecture=architecture, heads=heads, image_size=128)
    model = build_mask_rcnn(network, 2, None).eval()
    pools = model.roi_heads.box_roi_pool, model.roi_heads.mask_roi_pool
    set_here = [(pool.scales, vars(pool.map_levels)) for pool in pools]
    for pool in pools:
        pool.scales = pool.map_levels = None
    torch.nn.init.zeros_(model.roi_heads.box_predictor.cls_score.weight)  # so that every class is seen somewhere
    with torch.inference_mode():
        model([torch.zeros(3, 128, 128)])
    assert [(pool.scales, vars(pool.map_levels)) for pool in pools] == set_here


def test_masks_are_pasted_as_torchvision_pastes_them(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = [noise(64, 64), noise(30, 50), noise(50, 9)]  # none is longer than the network's side
    found = load_detector(saved, LOAD)(images)
    monkeypatch.setattr(ByteTransform, "postprocess", GeneralizedRCNNTransform.postprocess)
    whole: Any = build_mask_rcnn(SLIM, 2, None).eval()
    whole.load_state_dict(load_file(saved / "model.safetensors"))
    whole.roi_heads.score_thresh, whole.roi_heads.detections_per_img = 0.0, 10
    with torch.inference_mode():
        outputs = whole([image_tensor(image) for image in images])
    for rows, output in zip(found, outputs, strict=True):
        kept = [k for k, mask in enumerate(output["masks"]) if (mask > 0.5).any()]
        assert len(rows) == len(kept) > 0
        for row, k in zip(rows, kept, strict=True):
            np.testing.assert_array_equal(decode_mask(row["segmentation"]), output["masks"][k, 0].numpy() > 0.5)
            x, y, width, height = row["bbox"]
            np.testing.assert_allclose([x, y, x + width, y + height], output["boxes"][k], atol=0.011)


def test_a_long_image_is_shrunk_by_averaging_and_its_instances_are_in_its_own_pixels(saved: Path) -> None:
    small = noise(48, 64)
    large = small.repeat(10, axis=0).repeat(10, axis=1)  # whose areas average to the small one
    detect = load_detector(saved, LOAD)
    (rows,), (large_rows,) = detect([small]), detect([large])
    assert len(rows) == len(large_rows) > 0
    for row, large_row in zip(rows, large_rows, strict=True):
        assert (row["score"], row["category_id"]) == (large_row["score"], large_row["category_id"])
        np.testing.assert_allclose(large_row["bbox"], 10 * np.array(row["bbox"]), atol=0.11)
        assert large_row["segmentation"]["size"] == [480, 640]
        mask = decode_mask(large_row["segmentation"])
        x, y, width, height = mask_box_xywh(mask)
        left, top, box_width, box_height = large_row["bbox"]
        assert x >= left - 12
        assert y >= top - 12
        assert x + width <= left + box_width + 12
        assert y + height <= top + box_height + 12


def test_one_image_at_a_time_is_in_memory_at_full_size(saved: Path) -> None:
    alive: list[Any] = []
    held: list[int] = []

    def photographs() -> Iterator[np.ndarray]:
        for _ in range(3):
            held.append(sum(one() is not None for one in alive))
            yield kept_weakly(noise(300, 400))

    def kept_weakly(image: np.ndarray) -> np.ndarray:
        alive.append(weakref.ref(image))
        return image

    assert len(load_detector(saved, LOAD)(photographs())) == 3
    assert held == [0, 0, 0]


def test_no_image_has_no_result(saved: Path) -> None:
    assert load_detector(saved, LOAD)([]) == []


def test_v2_is_torchvisions() -> None:
    """The same tensors by shape as torchvision's own model of that name, but for the names of the backbone's parts."""
    ours = build_mask_rcnn(Network("resnet50", "v2", False, 0, 1024, frozen_norm=False, msra=False), 90, None)
    theirs = maskrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    assert sorted(tuple(one.shape) for one in ours.parameters()) == sorted(
        tuple(one.shape) for one in theirs.parameters()
    )


def test_the_slim_network_has_heads_of_its_own() -> None:
    with pytest.raises(
        InputError, match=r"train\.heads is 'v2', but resnet_slim has heads of its own; set it to stand"
    ):
        build_mask_rcnn(replace(SLIM, heads="v2"), 2, None)


def test_class_agnostic_outputs_are_the_same_for_all_classes() -> None:
    heads = build_mask_rcnn(replace(SLIM, class_agnostic=True), 2, None).roi_heads
    scores, boxes = heads.box_predictor(torch.rand(5, heads.box_predictor.bbox_pred.layer.in_features))
    assert scores.shape == (5, 3)
    assert boxes.shape == (5, 12)
    torch.testing.assert_close(boxes.view(5, 3, 4), boxes.view(5, 3, 4)[:, :1].expand(-1, 3, -1))
    masks = heads.mask_predictor(torch.rand(5, 64, 14, 14))
    assert masks.shape == (5, 3, 28, 28)
    torch.testing.assert_close(masks, masks[:, :1].expand(-1, 3, -1, -1))


def test_images_of_bytes_are_normalised_as_others_are() -> None:
    transform = build_mask_rcnn(SLIM, 2, None).transform
    assert isinstance(transform, ByteTransform)
    image = torch.randint(0, 256, (3, 8, 8), dtype=torch.uint8)
    torch.testing.assert_close(transform.normalize(image), normalise(image[None].float() / 255)[0])


def test_building_moves_no_batch_statistic() -> None:
    torch.manual_seed(0)
    plain = build_resnet("resnet_slim", 8, None)
    torch.manual_seed(0)
    model = build_mask_rcnn(SLIM, 2, None)
    assert torch.equal(model.backbone.stem.bn1.running_mean, plain.bn1.running_mean)
    assert torch.equal(model.backbone.stem.conv1.weight, plain.conv1.weight)
    assert all(module.training for module in model.modules())


def test_a_backbone_of_timms_comes_back_from_its_folder(tmp_path: Path) -> None:
    network = replace(SLIM, architecture="timm:test_efficientnet", heads="light", frozen_norm=True)
    model = build_mask_rcnn(network, 2, None)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.backbone.body.modules())
    save_network(model, tmp_path, CONFIG | asdict(network))
    image = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    assert len(load_detector(tmp_path, LOAD)([image])) == 1


def test_tensors_that_do_not_fit_the_config_are_refused(saved: Path) -> None:
    (saved / "config.json").write_text(json.dumps(CONFIG | {"width": 16}))
    with pytest.raises(InputError, match=r"model\.safetensors does not fit .*config\.json: .*run: dvc repro train"):
        load_detector(saved, LOAD)


def test_a_missing_tensor_is_named(saved: Path) -> None:
    state = load_file(saved / "model.safetensors")
    del state["rpn.head.cls_logits.bias"]
    save_file(state, saved / "model.safetensors")
    with pytest.raises(InputError, match=r"rpn\.head\.cls_logits\.bias"):
        load_detector(saved, LOAD)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(InputError, match=rf"{name} does not exist; run: dvc repro train \(or dvc pull\)"):
        load_detector(saved, LOAD)


def test_a_truncated_model_is_refused(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes((saved / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read .*; run: dvc repro train"):
        load_detector(saved, LOAD)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not valid JSON"),
        ("{}", "lacks architecture, backend"),
        ("[]", "lacks"),
        ('{"backend": "torchvision"}', "lacks architecture, class_agnostic, classes"),
    ],
)
def test_a_broken_config_is_refused(saved: Path, text: str, message: str) -> None:
    (saved / "config.json").write_text(text)
    with pytest.raises(InputError, match=rf"config\.json {message}.*run: dvc repro train"):
        load_detector(saved, LOAD)
