"""Void pixels, of which nobody knows what they show: a detector is not told that they are background.

Image-level labels say that an image shows a class, not how often. What is not outlined of it would be learned as
background. COCO's and VOC's own rules pass over crowds and void pixels in the same way when they measure.
"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn.functional import pad

BACKGROUND, PASSED_OVER = 0, -1
"""What torchvision calls an anchor or a region that shows no object, and one that teaches nothing."""
MAX_VOID = 0.5
"""Share of a box up to which void pixels in it do not matter."""


def void_of(targets: Sequence[Mapping[str, Tensor]]) -> list[Tensor | None]:
    """The void pixels (h, w) of every image; None where it has none."""
    return [target.get("void") for target in targets]


def pass_over_void(
    labels: Sequence[Tensor], boxes: Sequence[Tensor], void: Sequence[UInt8[Tensor, "_ _"] | None]
) -> list[Tensor]:
    """``labels`` of every image's ``boxes``, in which what was background and lies in void is passed over."""
    return [
        of_image if pixels is None else _passed_over(of_image, void_shares(corners, pixels))
        for of_image, corners, pixels in zip(labels, boxes, void, strict=True)
    ]


def void_shares(boxes_xyxy: Float[Tensor, "n 4"], void: UInt8[Tensor, "h w"]) -> Float[Tensor, " n"]:
    """The share of the pixels of each box, as far as it lies in the image, that are ``void``; corners are rounded."""
    height, width = void.shape
    sums = pad(void.int().cumsum(0).cumsum(1), (1, 0, 1, 0))
    left, right = (boxes_xyxy[:, side].round().long().clamp(0, width) for side in (0, 2))
    top, bottom = (boxes_xyxy[:, side].round().long().clamp(0, height) for side in (1, 3))
    inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return inside / ((right - left) * (bottom - top)).clamp(min=1)


def _passed_over(labels: Tensor, shares: Tensor) -> Tensor:
    in_void = (labels == BACKGROUND) & (shares > MAX_VOID)
    return torch.where(in_void, torch.full_like(labels, PASSED_OVER), labels)
