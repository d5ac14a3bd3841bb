"""Pretrained segmenters: what a grid of prompts finds, what queries find, and weights that do not fit."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from empaste.errors import InputError
from empaste.proposals import mask2former, pretrained, sam, sam2, sam3
from empaste.proposals.method import Method
from empaste.proposals.point_grid import _stability, grid_points, segment_everything
from tests.proposals import sources
from tests.proposals.sources import section_of
from tests.proposals.tiny_segmenters import save_mask2former, save_sam, save_sam2, save_sam3

EVERYTHING: dict[str, Any] = {
    "points_per_side": 4,
    "points_per_batch": 6,
    "min_quality": -9.0,
    "min_stability": 0.0,
    "max_box_iou": 1.0,
}
CPU: dict[str, Any] = {"device": "cpu", "num_threads": 1}
SAVE = {"sam": save_sam, "sam2": save_sam2, "sam3": save_sam3}
PROMPTED = {"sam": sam.METHOD, "sam2": sam2.METHOD, "sam3": sam3.METHOD}


def propose(method: Method[Any], image: np.ndarray, model: Path, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    return sources.propose(method, image, section_of(method, model=str(model), **CPU, **options))


@pytest.fixture
def square_image() -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    image[10:40, 10:40] = (200, 40, 60)
    return image


@pytest.mark.parametrize("method", SAVE)
def test_a_square_image_gives_what_transformers_own_pipeline_gives(
    method: str, tmp_path: Path, square_image: np.ndarray
) -> None:
    """Of other shapes that pipeline places SAM 2's and SAM 3's points wrongly, as if they kept the aspect."""
    import transformers
    from PIL import Image

    SAVE[method](tmp_path)
    network = {"sam": "SamModel", "sam2": "Sam2Model", "sam3": "Sam3TrackerModel"}[method]
    processor = {"sam": "SamImageProcessor", "sam2": "Sam2ImageProcessor", "sam3": "Sam3ImageProcessor"}[method]
    pipeline = transformers.pipeline(
        "mask-generation",
        model=getattr(transformers, network).from_pretrained(tmp_path),
        image_processor=getattr(transformers, processor).from_pretrained(tmp_path),
    )
    theirs = pipeline(
        Image.fromarray(square_image),
        points_per_crop=4,
        points_per_batch=6,
        pred_iou_thresh=-9.0,
        stability_score_thresh=0.0,
        crops_nms_thresh=1.0,
    )
    masks, scores = propose(PROMPTED[method], square_image, tmp_path, **EVERYTHING)
    expected = {np.asarray(mask).astype(bool).tobytes() for mask in theirs["masks"] if np.asarray(mask).any()}
    assert {mask.tobytes() for mask in masks} == expected
    assert scores[0] == pytest.approx(float(theirs["scores"].clip(0, 1).max()), abs=1e-5)


@pytest.mark.parametrize("method", SAVE)
def test_batches_of_prompts_do_not_show(method: str, tmp_path: Path, disc_image: np.ndarray) -> None:
    model = SAVE[method](tmp_path)
    several, one = (
        propose(PROMPTED[method], disc_image, model, **EVERYTHING | {"points_per_batch": size}) for size in (5, 16)
    )
    assert len(several[0]) == len(one[0])
    assert np.allclose(several[1], one[1], atol=1e-6)
    assert np.mean(several[0] == one[0]) > 0.999


def test_points_stand_in_the_middle_of_equal_parts() -> None:
    points = grid_points(2, 40, 100)
    assert points.tolist() == [[25, 10], [75, 10], [25, 30], [75, 30]]


def test_stability_is_the_iou_of_two_thresholds() -> None:
    logits = torch.full((3, 2, 2), -5.0)
    logits[0, 0] = torch.tensor([3.0, 0.5])
    logits[1, 0, 0] = -0.5
    assert _stability(logits).tolist() == [0.5, 0.0, 0.0]


class Halves:
    """A promptable network whose answers are known: every point in the left half asks for the left half, and so on."""

    device = "cpu"

    def get_image_embeddings(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels

    def __call__(self, input_points: torch.Tensor, **_: Any) -> Any:
        from types import SimpleNamespace

        left = input_points[0, :, 0, 0] < 8
        masks = torch.full((1, len(left), 3, 16, 16), -9.0)
        masks[0, left, 0, :, :8] = 9.0
        masks[0, ~left, 0, :, 8:] = 9.0
        masks[0, :, 1, 4:8, 4:12] = 0.5
        quality = torch.tensor([0.9, 0.8, 0.1]).repeat(len(left), 1)[None]
        return SimpleNamespace(pred_masks=masks, iou_scores=quality)


class Plain:
    """The processor of `Halves`, whose frame is 16 × 16 pixels whatever the image."""

    def __call__(self, **_: Any) -> dict[str, torch.Tensor]:
        return {"pixel_values": torch.zeros(1, 3, 16, 16)}

    def post_process_masks(self, masks: list[torch.Tensor], original_sizes: Any, **_: Any) -> list[torch.Tensor]:
        return [torch.nn.functional.interpolate(masks[0], tuple(original_sizes[0]), mode="nearest")]


@pytest.mark.parametrize(
    ("changed", "num"),
    [
        ({}, 2),  # the unstable masks and those of low quality are gone, and all repeats
        ({"min_stability": 0.0}, 3),
        ({"min_quality": 0.95}, 0),
        ({"min_quality": 0.85, "min_stability": 0.0}, 2),
    ],
)
def test_good_masks_are_kept_once(changed: dict[str, Any], num: int) -> None:
    options: dict[str, Any] = {"min_quality": 0.5, "min_stability": 0.9, "max_box_iou": 0.7}
    settings = section_of(sam.METHOD, points_per_side=3, points_per_batch=4, **options | changed)
    image = np.zeros((20, 60, 3), np.uint8)
    masks, scores = segment_everything(Halves(), Plain(), image, settings)
    assert masks.shape == (num, 20, 60)
    assert (np.diff(scores) <= 0).all()
    if num:
        assert {mask[:, :30].mean() for mask in masks[:2]} == {0, 1}


def test_queries_are_segments_with_scores(tmp_path: Path, disc_image: np.ndarray) -> None:
    model = save_mask2former(tmp_path)
    masks, scores = propose(mask2former.METHOD, disc_image, model, min_score=0.0)
    assert 0 < len(masks) <= 12
    assert (np.diff(scores) <= 0).all()
    fewer, higher = propose(mask2former.METHOD, disc_image, model, min_score=float(scores[2]) - 1e-6)
    assert len(fewer) == 3
    assert np.array_equal(fewer, masks[:3])
    assert np.allclose(higher, scores[:3])


def test_padding_of_the_input_is_no_part_of_the_image() -> None:
    """The input is 2 × as large as the image and padded below; what is left of a mask must lie where it lay."""
    logits = torch.full((1, 1, 8, 8), -9.0)
    logits[..., :2, :4] = 9.0
    pixel_mask = torch.zeros(32, 32, dtype=torch.long)
    pixel_mask[:16] = 1
    inside = mask2former._at_image_size(logits, pixel_mask, (8, 16))[0] > 0
    assert inside[:4, :8].all()
    assert not inside[5:].any()
    assert not inside[:, 9:].any()


def message(method: Method[Any], model: Path, **options: Any) -> str:
    with pytest.raises(InputError) as raised:
        propose(method, np.zeros((32, 32, 3), np.uint8), model, **options)
    return str(raised.value)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    text = message(sam.METHOD, tmp_path / "none", **EVERYTHING)
    assert f"proposals.sam.model is '{tmp_path / 'none'}'" in text
    assert "hf download" in text


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    text = message(sam2.METHOD, save_sam(tmp_path), **EVERYTHING)
    assert "a model of type sam; this method takes sam2 or sam2_video" in text


def test_weights_of_another_class_count_are_refused(tmp_path: Path) -> None:
    save_mask2former(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["id2label"] = {str(number): f"class {number}" for number in range(7)}
    config["label2id"] = {name: number for number, name in config["id2label"].items()}
    (tmp_path / "config.json").write_text(json.dumps(config))
    text = message(mask2former.METHOD, tmp_path, min_score=0.0)
    assert "class_predictor" in text
    assert "class count" in text


def test_weights_that_lack_a_layer_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_sam(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    state = {key: tensor for key, tensor in state.items() if "iou_prediction_head" not in key}
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    text = message(sam.METHOD, tmp_path, **EVERYTHING)
    assert "do not fit its configuration" in text
    assert "iou_prediction_head" in text


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    path = save_sam(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    assert "proposals.sam.model" in message(sam.METHOD, tmp_path, **EVERYTHING)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    text = message(sam.METHOD, tmp_path / "unseen", **EVERYTHING)
    assert "transformers is not installed; install it with: uv pip install -e '.[segmenters]'" in text


def test_weights_that_are_a_pickle_are_refused(
    tmp_path: Path, square_image: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = save_sam(tmp_path) / "model.safetensors"
    torch.save(load_file(weights), tmp_path / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(InputError, match=r"proposals\.sam\.model is .* whose weights pytorch_model\.bin are a pickle"):
        propose(sam.METHOD, square_image, tmp_path, **EVERYTHING)
    monkeypatch.setattr(pretrained, "refuse_pickles", lambda *_: None)  # as of a model on the hub
    with pytest.raises(InputError, match=r"no file named model\.safetensors"):
        propose(sam.METHOD, square_image, tmp_path, **EVERYTHING)
