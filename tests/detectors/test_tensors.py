import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.detectors.tensors import image_tensor, target_tensors
from empaste.jittering import Sample
from empaste.masks import mask_box_xywh


def test_an_image_by_hand() -> None:
    image = np.array([[[0, 51, 255], [102, 0, 0]]], np.uint8)
    torch.testing.assert_close(
        image_tensor(image), torch.tensor([[[0, 102]], [[51, 0]], [[255, 0]]], dtype=torch.uint8)
    )


@pytest.mark.parametrize("part", [np.s_[:, :, ::-1], np.s_[:, ::-1], np.s_[::2, 1:-1]], ids=["bgr", "mirrored", "cut"])
def test_an_image_may_be_a_view_of_another(part: tuple[slice, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)[part]
    channels_first = torch.from_numpy(image.transpose(2, 0, 1).copy())
    assert torch.equal(image_tensor(image), channels_first)


def test_targets_by_hand() -> None:
    masks = np.zeros((2, 6, 8), np.uint8)
    masks[0, 1:3, 2:7] = 1
    masks[1, 5, 0] = 1
    targets = target_tensors(Sample(np.zeros((6, 8, 3), np.uint8), masks, np.array([4, 9])))
    assert targets["boxes"].tolist() == [[2, 1, 7, 3], [0, 5, 1, 6]]
    assert targets["boxes"].dtype == torch.float32
    assert targets["labels"].tolist() == [4, 9]
    assert targets["labels"].dtype == torch.int64
    np.testing.assert_array_equal(targets["masks"].numpy(), masks)


def test_no_instance_gives_empty_targets() -> None:
    targets = target_tensors(Sample(np.zeros((6, 8, 3), np.uint8), np.zeros((0, 6, 8), np.uint8), np.zeros(0, int)))
    assert {key: tuple(value.shape) for key, value in targets.items()} == {
        "boxes": (0, 4), "labels": (0,), "masks": (0, 6, 8)
    }  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_boxes_are_tight(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.05
    mask[seed % height, seed % width] = True
    sample = Sample(np.zeros((height, width, 3), np.uint8), mask[None].view(np.uint8), np.array([1]))
    x, y, box_width, box_height = mask_box_xywh(mask)
    assert target_tensors(sample)["boxes"].tolist() == [[x, y, x + box_width, y + box_height]]
    assert image_tensor(sample.image).shape == (3, height, width)
