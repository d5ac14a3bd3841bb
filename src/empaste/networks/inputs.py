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
    device = torch.device(device)
    pixels = torch.from_numpy(np.ascontiguousarray(images))
    if device.type == "cuda":  # from pinned memory the copy goes on beside the GPU's work
        pixels = pixels.pin_memory()
    unit = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)
    centre, spread = _per_channel(mean, unit), _per_channel(std, unit)
    return unit.sub_(centre).div_(spread)


def normalise(
    images: Float[Tensor, "n 3 h w"], mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> Float[Tensor, "n 3 h w"]:
    """Images in [0, 1] normalised by mean and deviation per channel, ImageNet's unless others are given."""
    return (images - _per_channel(mean, images)) / _per_channel(std, images)


def _per_channel(values: Sequence[float], images: Tensor) -> Float[Tensor, "1 3 1 1"]:
    return torch.tensor(values, device=images.device).view(1, 3, 1, 1)
