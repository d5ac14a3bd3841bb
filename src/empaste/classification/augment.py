"""Random affine and colour changes of a batch of square images; what an affine map uncovers is gray.

Gray surroundings in training are what lets the classifier judge a segment that is shown on gray (EM-Paste §3.1,
Step 1). The draws of an image depend on the seed, the epoch and the image's id alone.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Float, UInt8
from torch import Tensor

from empaste.images import GRAY

MAX_ANGLE = np.deg2rad(15)
MAX_SHIFT = 0.12
"""Of the image's side."""
ZOOM = (0.7, 1.35)
COLOUR = 0.2
"""Largest relative change of brightness, contrast and saturation."""
_PURPOSE = 1
"""Sets these draws apart from the order's."""


class Draw(NamedTuple):
    """What is done to one image: angle in radians, shifts as shares of the side, factors."""

    angle: float
    shift_x: float
    shift_y: float
    zoom: float
    flip: float
    brightness: float
    contrast: float
    saturation: float


def draw_augmentation(seed: int, epoch: int, image_id: int, repeat: int) -> Draw:
    """The draw for the ``repeat``-th showing of an image in an epoch."""
    rng = np.random.default_rng([_PURPOSE, seed % 2**32, epoch, image_id % 2**64, repeat])
    angle, shift_x, shift_y, brightness, contrast, saturation = rng.uniform(-1, 1, 6)
    return Draw(
        angle * MAX_ANGLE,
        shift_x * MAX_SHIFT,
        shift_y * MAX_SHIFT,
        float(np.exp(rng.uniform(*np.log(ZOOM)))),
        float(rng.choice([-1, 1])),
        1 + COLOUR * brightness,
        1 + COLOUR * contrast,
        1 + COLOUR * saturation,
    )


def augment(
    images: UInt8[np.ndarray, "n side side 3"], draws: Sequence[Draw], device: torch.device | str
) -> Float[Tensor, "n 3 side side"]:
    """The changed images in [0, 1], on ``device``."""
    values = torch.tensor(np.array(draws, np.float32), device=device)
    floats = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
    return move(change_colour(floats, values), values)


def change_colour(images: Float[Tensor, "n 3 h w"], draws: Float[Tensor, "n 8"]) -> Float[Tensor, "n 3 h w"]:
    """Brightness scaled, then contrast about the image's mean, then saturation about each pixel's mean; clipped."""
    brightness, contrast, saturation = (draws[:, column].view(-1, 1, 1, 1) for column in (5, 6, 7))
    images = (images * brightness).clamp(0, 1)
    images = torch.lerp(images.mean((1, 2, 3), keepdim=True), images, contrast).clamp(0, 1)
    return torch.lerp(images.mean(1, keepdim=True), images, saturation).clamp(0, 1)


def move(images: Float[Tensor, "n 3 h w"], draws: Float[Tensor, "n 8"]) -> Float[Tensor, "n 3 h w"]:
    """Rotated, zoomed, flipped and shifted, bilinear; gray where the image does not reach."""
    angle, shift_x, shift_y, zoom, flip = draws[:, :5].unbind(1)
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    linear = torch.stack([torch.stack([flip * cos, flip * sin], 1), torch.stack([-sin, cos], 1)], 1)
    offset = -(linear @ torch.stack([2 * shift_x, 2 * shift_y], 1)[:, :, None])
    grid = F.affine_grid(torch.cat([linear, offset], 2), list(images.shape), align_corners=False)
    # grid_sample fills with zero, so gray is made the zero.
    return F.grid_sample(images - GRAY / 255, grid, align_corners=False) + GRAY / 255
