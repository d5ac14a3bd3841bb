"""Images as networks take them: in [0, 1], normalised by a mean and a deviation per channel."""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def to_input(
    images: UInt8[np.ndarray, "n h w 3"],
    device: torch.device | str,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Float[Tensor, "n 3 h w"]:
    """The images as a network takes them: scaled to [0, 1], then normalised by ``mean`` and deviation ``std``."""
    unit = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255
    return normalise(unit, mean, std)


def normalise(
    images: Float[Tensor, "n 3 h w"], mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> Float[Tensor, "n 3 h w"]:
    """Images in [0, 1] normalised by mean and deviation per channel, ImageNet's unless others are given."""
    centre = torch.tensor(mean, device=images.device).view(1, 3, 1, 1)
    return (images - centre) / torch.tensor(std, device=images.device).view(1, 3, 1, 1)
