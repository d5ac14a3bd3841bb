"""The backend detectron2. What runs a network of its own needs detectron2 and is skipped without it."""

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from empaste.detectors import detectron2, training
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.errors import InputError
from empaste.jittering import Sample
from empaste.networks.weights import build_resnet
from tests.detectors.tiny_settings import fit_tiny, model_bytes, shrink_detectron2, tiny_settings
from tests.optional_packages import needs_detectron2

SMALL = Network("resnet18", "standard", False, 8, 64, frozen_norm=False, msra=False)
FEW: dict[str, Any] = {
    "architecture": "resnet18", "iterations": 4, "batch_size": 2, "learning_rate": 1e-3, "checkpoint_every": 2,
}  # fmt: skip
LOAD = DetectSettings(min_score=0.0, max_detections=5, batch_size=3, num_threads=1, device="cpu")


@pytest.fixture
def small_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink_detectron2(monkeypatch)


def fit(composites: Path, root: Path, **changes: Any) -> list[dict[str, float]]:
    return fit_tiny("detectron2", composites, root, **FEW | changes)


def image(size_hw: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*size_hw, 3), np.uint8)


def test_its_absence_names_its_own_page(composites: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    monkeypatch.setitem(sys.modules, "detectron2.config", None)
    with pytest.raises(
        InputError, match=r"detectron2 is not installed .*https://detectron2\.readthedocs\.io/tutorials/install\.html"
    ):
        fit(composites, tmp_path)


def test_torchvisions_own_network_is_refused() -> None:
    with pytest.raises(
        InputError,
        match=r"architecture is 'resnet_slim', which train\.backend detectron2 lacks; choose from resnet18, resnet34, "
        "resnet50, resnet101, or set train.backend to torchvision",
    ):
        detectron2.build(replace(SMALL, architecture="resnet_slim"), 2, None)


def test_what_detectron2_lacks_is_refused() -> None:
    for architecture, heads, message in (
        (
            "timm:tf_efficientnet_lite0",
            "standard",
            r"'timm:tf_efficientnet_lite0', which train\.backend detectron2 lacks",
        ),
        (
            "resnet18",
            "light",
            r"train\.heads is 'light', which .* lacks; choose from standard, v2, or set train\.backend",
        ),
    ):
        with pytest.raises(InputError, match=message):
            detectron2.build(Network(architecture, heads, False, 32, 64, frozen_norm=False, msra=False), 2, None)


@pytest.mark.parametrize("weights", ["MSRA", "some/R-50.pkl"])
def test_msra_has_no_small_network(weights: str) -> None:
    with pytest.raises(InputError, match=r"MSRA has no resnet18; choose train\.architecture from resnet50, resnet101"):
        detectron2.build(replace(SMALL, frozen_norm=True, msra=True), 2, weights)


@pytest.mark.parametrize("weights", ["MSRA", "some/R-50.pkl"])
def test_msras_weights_are_not_for_torchvision(composites: Path, tmp_path: Path, weights: str) -> None:
    for name in ("model", "work"):
        (tmp_path / name).mkdir()
    settings = tiny_settings(architecture="resnet50", weights=weights)
    with pytest.raises(
        InputError, match=rf"train\.weights is '{weights}', MSRA's, which train\.backend detectron2 alone takes; set"
    ):
        training.fit(composites, tmp_path / "model", work=tmp_path / "work", settings=settings)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [(None, False), ("IMAGENET1K_V2", False), ("a.pth", False), ("MSRA", True), ("a/R-50.pkl", True)],
)
def test_msras_weights_are_known_by_name(weights: str | None, expected: bool) -> None:
    assert BACKENDS["detectron2"].takes_msra(weights) is expected
    assert BACKENDS["torchvision"].takes_msra(weights) is False


@needs_detectron2
@pytest.mark.parametrize(
    ("architecture", "heads", "frozen"),
    [("resnet18", "standard", False), ("resnet34", "v2", True), ("resnet101", "v2", False)],
)
def test_the_configuration_becomes_a_network(architecture: str, heads: str, frozen: bool) -> None:
    from detectron2.layers import FrozenBatchNorm2d

    network = Network(architecture, heads, False, 8, 512, frozen_norm=frozen, msra=False)
    module: Any = detectron2.build(network, 3, None)
    resnet = module.backbone.bottom_up
    counts = {"resnet18": 2, "resnet34": 6, "resnet101": 23}
    assert len(resnet.res4) == counts[architecture]
    norms = {type(part) for part in resnet.modules() if hasattr(part, "running_mean")}
    assert norms == {FrozenBatchNorm2d if frozen else nn.BatchNorm2d}
    others = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    in_heads = len(others) - (0 if frozen else sum(isinstance(part, nn.BatchNorm2d) for part in resnet.modules()))
    assert in_heads == (0 if heads == "standard" else 8 + 4 + 4)  # pyramid, boxes, masks
    assert all(type(part) is nn.BatchNorm2d for part in others)
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert [cell[0].prod().sqrt() for cell in _anchor_sizes(module)] == pytest.approx([16, 32, 64, 128, 256])
    assert module.roi_heads.box_predictor.cls_score.out_features == 4
    assert module.training
    assert module.input_format == "RGB"
    assert module.pixel_std.flatten().tolist() == pytest.approx([58.395, 57.12, 57.375])


def _anchor_sizes(module: Any) -> list[Tensor]:
    return [cell[1:2, 2:] - cell[1:2, :2] for cell in module.proposal_generator.anchor_generator.cell_anchors]


@needs_detectron2
def test_msras_networks_see_bgr_and_stride_early() -> None:
    module: Any = detectron2.build(Network("resnet50", "standard", False, 8, 64, frozen_norm=True, msra=True), 2, None)
    assert module.backbone.bottom_up.res3[0].conv1.stride == (2, 2)
    red = torch.zeros(3, 64, 64)
    red[0] = 255
    seen = module.preprocess_image([{"image": red}]).tensor[0, :, 0, 0]
    assert seen.tolist() == pytest.approx([-103.53, -116.28, 255 - 123.675])
    assert red[0].min() == 255


@needs_detectron2
def test_torchvisions_images_are_normalised_as_there() -> None:
    from empaste.networks.inputs import normalise

    pixels = torch.from_numpy(image((64, 64))).permute(2, 0, 1)
    seen = detectron2.build(SMALL, 2, None).preprocess_image([{"image": pixels}]).tensor  # type: ignore[operator]
    torch.testing.assert_close(seen, normalise(pixels[None].float() / 255), atol=1e-5, rtol=0)


@needs_detectron2
def test_samples_become_instances() -> None:
    masks = np.zeros((1, 20, 30), np.uint8)
    masks[0, 3:7, 5:11] = 1
    one = Sample(image((20, 30)), masks, np.array([2]))
    none = Sample(image((20, 30)), masks[:0], np.array([], int))
    ((first, second),) = detectron2.to_inputs([one, none])
    assert first["image"].shape == (3, 20, 30)
    assert first["image"].dtype == torch.uint8
    assert first["instances"].gt_boxes.tensor.tolist() == [[5, 3, 11, 7]]
    assert first["instances"].gt_classes.tolist() == [1]
    assert first["instances"].gt_masks.tensor.sum() == 24
    assert len(second["instances"]) == 0


@needs_detectron2
def test_torchvisions_weights_give_the_same_maps(tmp_path: Path) -> None:
    resnet = build_resnet("resnet18", 8, None).eval()
    for part in resnet.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.get_buffer("running_mean"), -0.1, 0.1)
            nn.init.uniform_(part.get_buffer("running_var"), 0.5, 1.5)
    torch.save(resnet.state_dict(), tmp_path / "weights.pth")
    module: Any = detectron2.build(replace(SMALL, frozen_norm=True), 2, str(tmp_path / "weights.pth"))
    inputs = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        maps = module.backbone.bottom_up(inputs)
        features = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(inputs))))
        for stage in range(1, 5):
            features = getattr(resnet, f"layer{stage}")(features)
            torch.testing.assert_close(maps[f"res{stage + 1}"], features, atol=1e-4, rtol=1e-4)


@needs_detectron2
def test_weights_that_lack_a_layer_are_refused(tmp_path: Path) -> None:
    state = build_resnet("resnet18", 8, None).state_dict()
    del state["layer3.0.downsample.1.weight"]
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"do not fit .*res4\.0\.shortcut\.norm\.weight is missing"):
        detectron2.build(replace(SMALL, frozen_norm=True), 2, str(tmp_path / "weights.pth"))


MSRA50 = Network("resnet50", "standard", False, 8, 64, frozen_norm=True, msra=True)


def msra_arrays(resnet: nn.Module) -> dict[str, np.ndarray]:
    """Random arrays with the names and shapes of MSRA's file for ``resnet``, a network of detectron2's."""
    rng, arrays = np.random.default_rng(0), {"fc1000_w": np.zeros((2, 3), np.float32)}
    branches = {"shortcut": "branch1", "conv1": "branch2a", "conv2": "branch2b", "conv3": "branch2c"}
    for key, tensor in resnet.state_dict().items():
        if "running" in key:
            continue
        parts, end = key.split("."), "w"
        if "norm" in parts:
            end = {"weight": "bn_s", "bias": "bn_b"}[parts[-1]]
        if parts[0] == "stem":
            name = "conv1" if end == "w" else "res_conv1"
        else:
            name = f"{parts[0]}_{parts[1]}_{branches[parts[2]]}"
        arrays[f"{name}_{end}"] = rng.standard_normal(tuple(tensor.shape)).astype(np.float32)
    return arrays


@needs_detectron2
@pytest.mark.parametrize("under_blobs", [False, True])
def test_msras_file_fills_the_backbone(tmp_path: Path, under_blobs: bool) -> None:
    arrays = msra_arrays(_resnet50())
    path = tmp_path / "R-50.pkl"
    path.write_bytes(pickle.dumps({"blobs": arrays} if under_blobs else arrays, protocol=2))
    module: Any = detectron2.build(MSRA50, 2, str(path))
    resnet = module.backbone.bottom_up
    assert np.array_equal(resnet.stem.conv1.weight.detach(), arrays["conv1_w"])
    assert np.array_equal(resnet.stem.conv1.norm.bias, arrays["res_conv1_bn_b"])
    assert np.array_equal(resnet.res4[0].shortcut.norm.weight, arrays["res4_0_branch1_bn_s"])
    assert np.array_equal(resnet.res5[2].conv2.weight.detach(), arrays["res5_2_branch2b_w"])
    assert resnet.res5[2].conv2.norm.running_mean.abs().max() == 0


def _resnet50() -> nn.Module:
    module: Any = detectron2.build(MSRA50, 2, None)
    bottom_up: nn.Module = module.backbone.bottom_up
    return bottom_up


@needs_detectron2
def test_msras_file_comes_from_detectron2s_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    path = tmp_path / "detectron2" / "ImageNetPretrained" / "MSRA" / "R-50.pkl"
    path.parent.mkdir(parents=True)
    arrays = msra_arrays(_resnet50())
    path.write_bytes(pickle.dumps(arrays))
    module: Any = detectron2.build(MSRA50, 2, "MSRA")
    assert np.array_equal(module.backbone.bottom_up.stem.conv1.weight.detach(), arrays["conv1_w"])


@needs_detectron2
def test_msras_file_that_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from detectron2.utils.file_io import PathManager

    def offline(_path: str, *_arguments: Any, **_options: Any) -> str:
        raise OSError("no route to host")

    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    monkeypatch.setattr(PathManager, "get_local_path", offline)
    with pytest.raises(
        InputError,
        match=rf"weights 'MSRA' of resnet101 could not be downloaded \(no route to host\); put detectron2's "
        rf"ImageNetPretrained/MSRA/R-101\.pkl at {tmp_path}/detectron2/ImageNetPretrained/MSRA/R-101\.pkl, or set",
    ):
        detectron2.build(replace(MSRA50, architecture="resnet101"), 2, "MSRA")


class Harmful:
    """Would run a command where its pickle is read."""

    def __reduce__(self) -> Any:
        return print, ("run",)


@needs_detectron2
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"cannot be read \(.*\); replace the file"),
        (b"not a pickle", r"cannot be read \(.*\); replace the file"),
        (pickle.dumps({"conv1_w": Harmful()}), r"cannot be read \(builtins\.print is no array\); replace the file"),
        (pickle.dumps([1, 2]), r"are none of MSRA's: they hold .*no conv1_w; give R-50\.pkl"),
        (pickle.dumps({"stem.conv1.weight": np.zeros(3, np.float32)}), r"they hold stem\.conv1\.weight, …, no conv1_w"),
        (pickle.dumps({"conv1_w": np.zeros((64, 3, 7, 7), np.float32)}), r"do not fit .*res2\.0\..* is missing"),
    ],
)
def test_a_file_that_is_not_msras_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "R-50.pkl").write_bytes(content)
    with pytest.raises(InputError, match=said):
        detectron2.build(MSRA50, 2, str(tmp_path / "R-50.pkl"))


@needs_detectron2
def test_an_absent_file_of_msras_is_named() -> None:
    with pytest.raises(InputError, match=r"weights is 'none/R-50\.pkl', but there is no such file; correct the path"):
        detectron2.build(MSRA50, 2, "none/R-50.pkl")


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_an_interrupted_training_ends_with_the_same_bytes(
    composites: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = fit(composites, tmp_path / "whole", iterations=5)
    fit(composites, tmp_path / "again", iterations=5)
    (tmp_path / "again" / "model" / "model.safetensors").unlink()
    assert fit(composites, tmp_path / "again", iterations=5) == whole
    assert "at iteration 4" in capsys.readouterr().err
    assert model_bytes(tmp_path / "again") == model_bytes(tmp_path / "whole")


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_preparing_ahead_in_processes_changes_nothing(composites: Path, tmp_path: Path) -> None:
    fit(composites, tmp_path / "alone", iterations=2)
    fit(composites, tmp_path / "ahead", iterations=2, num_workers=2)
    assert model_bytes(tmp_path / "alone") == model_bytes(tmp_path / "ahead")


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_parts_of_a_batch_and_averages(composites: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": 4, "iterations": 2, "learning_rate": 1e-4}
    whole = fit(composites, tmp_path / "whole", **settings)
    parts = fit(composites, tmp_path / "parts", **settings, accumulate=2, ema=0.9)
    assert parts[0]["loss"] == pytest.approx(whole[0]["loss"], rel=0.1)
    assert parts != whole


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_half_precision_stays_near(composites: Path, tmp_path: Path) -> None:
    exact = fit(composites, tmp_path / "exact", iterations=2)
    rounded = fit(composites, tmp_path / "rounded", iterations=2, precision="bfloat16")
    assert rounded != exact
    assert rounded[0]["loss"] == pytest.approx(exact[0]["loss"], rel=0.05)


@needs_detectron2
def test_two_processes_share_a_batch(composites: Path, tmp_path: Path) -> None:
    curve = fit(composites, tmp_path, iterations=2, batch_size=4, image_size=32, num_processes=2)
    assert len(curve) == 2
    assert np.isfinite([row["loss"] for row in curve]).all()
    assert (tmp_path / "model" / "model.safetensors").is_file()


@needs_detectron2
def test_images_without_instances_teach_the_background(composites: Path, tmp_path: Path) -> None:
    """The heads' norms too, which then see nothing in the mask head."""
    path = composites / "instances.json"
    data = json.loads(path.read_text())
    path.write_text(json.dumps(data | {"annotations": data["annotations"][:1]}))
    curve = fit(composites, tmp_path, heads="v2", image_size=32, iterations=3)
    assert any(row["loss_mask"] == 0 for row in curve)
    assert all(np.isfinite(row["loss"]) for row in curve)
    state = load_file(tmp_path / "model" / "model.safetensors")
    assert all(tensor.isfinite().all() for tensor in state.values())


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_a_loss_that_is_no_number_names_the_images(composites: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the loss is (nan|inf) at iteration \d+, on .* image ids \d, \d; lower"):
        fit(composites, tmp_path, learning_rate=1e30)


@needs_detectron2
@pytest.mark.usefixtures("small_heads")
def test_a_saved_detector_finds_the_same_in_an_image_of_any_shape(composites: Path, tmp_path: Path) -> None:
    fit(composites, tmp_path)
    sizes = ((64, 64), (1, 1), (20, 200), (300, 17), (20, 3000), (3000, 1))
    images = [image(size_hw) for size_hw in sizes]
    found = load_detector(tmp_path / "model", LOAD)(images)
    assert found == load_detector(tmp_path / "model", LOAD)(images)
    assert any(found)
    for size_hw, rows in zip(sizes, found, strict=True):
        assert len(rows) <= LOAD.max_detections
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
        assert all(tuple(row["segmentation"]["size"]) == size_hw and row["category_id"] in (3, 7) for row in rows)
    names = set(load_file(tmp_path / "model" / "model.safetensors"))
    assert {"backbone.bottom_up.stem.conv1.weight", "roi_heads.mask_head.predictor.weight"} < names


@needs_detectron2
def test_masks_are_pasted_as_detectron2_pastes_them() -> None:
    torch.manual_seed(0)
    module: Any = detectron2.build(SMALL, 2, None).eval()
    images = [image((64, 64)), image((30, 50)), image((17, 64))]
    with torch.inference_mode():
        found = detectron2.find(module, images, 0.0, 5)
        inputs = [{**detectron2._to_input(one, 64), "height": one.shape[0], "width": one.shape[1]} for one in images]
        outputs = module.inference(inputs, do_postprocess=True)
    for one, output, shown in zip(found, outputs, images, strict=True):
        whole = output["instances"]
        assert torch.equal(one.boxes_xyxy, whole.pred_boxes.tensor)
        assert len(whole) == len(one.masks) > 0
        for k, mask in enumerate(one.masks):
            pasted = detectron2.paste(mask, one.boxes_xyxy[k], shown.shape[:2])
            np.testing.assert_array_equal(pasted, whole.pred_masks[k].numpy())


@needs_detectron2
def test_class_agnostic_outputs_are_one_for_all_classes() -> None:
    heads: Any = detectron2.build(replace(SMALL, class_agnostic=True), 3, None).roi_heads
    assert heads.box_predictor.bbox_pred.out_features == 4
    assert heads.mask_head.predictor.out_channels == 1
