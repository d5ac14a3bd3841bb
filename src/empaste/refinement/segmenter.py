"""A network that says of every pixel which class it shows: a feature pyramid, summed, and two convolutions.

The semantic branch of panoptic feature pyramids (A. Kirillov et al., CVPR 2019), reduced: the levels are enlarged to
the finest one (stride 4) and summed.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate

from empaste.networks.inputs import to_input
from empaste.networks.pyramids import build_backbone, build_pyramid
from empaste.refinement.settings import RefineSettings

CHANNELS = 64
NUM_GROUPS = 8
"""Channels of the pyramid and the head, and the groups in which the head normalises them."""
MULTIPLE = 32
"""Sides of an image are padded to a multiple of this, the coarsest stride, with what normalises to nothing."""


class Segmenter(nn.Module):
    """Logits of background and ``num_classes`` classes, at the stride of the finest map."""

    def __init__(self, backbone: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.pyramid = build_pyramid(backbone, CHANNELS, pooled_level=False)
        self.stride = self.pyramid.strides[0]
        self.head = nn.Sequential(
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.GroupNorm(NUM_GROUPS, CHANNELS),
            nn.ReLU(),
            nn.Conv2d(CHANNELS, 1 + num_classes, 1),
        )

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h2 w2"]:
        """The logits; background comes first. ``inputs`` are normalised images with sides of multiples of 32."""
        finest, *coarser = self.pyramid(inputs).values()
        enlarged = [interpolate(level, finest.shape[2:], mode="bilinear", align_corners=False) for level in coarser]
        logits: Tensor = self.head(torch.stack([finest, *enlarged]).sum(0))
        return logits


def build_segmenter(settings: RefineSettings, num_classes: int) -> Segmenter:
    """The network that ``settings`` ask for, in training mode on the CPU, its head drawn by torch's random state.

    `InputError` where the backbone is not to be had or has no maps of stride 4.
    """
    backbone = build_backbone(
        settings.architecture, settings.width, settings.weights, settings.weights is not None, "refine.weights"
    )
    return Segmenter(backbone, num_classes).train()


@torch.inference_mode()
def class_maps(
    network: Segmenter, image: UInt8[np.ndarray, "h w 3"], places: Sequence[int], size: int, flip: bool
) -> Float[np.ndarray, "n h w"]:
    """How surely every pixel shows each of the classes at ``places``, in [0, 1], in pixels of ``image``.

    Only these classes and the background share the probability: no label that the image does not have is seen in it.
    The network sees the image with a longest side of ``size`` pixels, as it learned it at zoom 1; a smaller one is
    enlarged. With ``flip`` it sees the mirror image, too.
    """
    device = next(network.parameters()).device
    inputs, (height, width) = _padded(image, size, device)
    logits = network(inputs)
    if flip:
        logits = (logits + network(inputs.flip(3)).flip(3)) / 2
    shown = logits[:, [0, *(1 + place for place in places)]]
    at_input = interpolate(shown, inputs.shape[2:], mode="bilinear", align_corners=False)[..., :height, :width]
    at_image = interpolate(at_input, image.shape[:2], mode="bilinear", align_corners=False)
    maps: Float[np.ndarray, "n h w"] = at_image.softmax(1)[0, 1:].cpu().numpy()
    return maps


def _padded(
    image: UInt8[np.ndarray, "h w 3"], size: int, device: torch.device
) -> tuple[Float[Tensor, "1 3 h2 w2"], tuple[int, int]]:
    """``image`` as the network takes it, padded at the right and the bottom, and its own height and width there."""
    height, width = (max(1, round(side * size / max(image.shape[:2]))) for side in image.shape[:2])
    shrinks = size < max(image.shape[:2])
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    inputs = to_input(scaled[None], device)
    padding = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
    return nn.functional.pad(inputs, padding), (height, width)
