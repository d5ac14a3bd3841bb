"""Mask R-CNN by torchvision: its networks, fed with samples and asked for instances."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.roi_heads import paste_masks_in_image

from empaste.detectors.affinity import add_affinity
from empaste.detectors.backend import Backend, Found, Network, is_msra
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.tensors import image_tensor, target_tensors
from empaste.errors import InputError
from empaste.images import RGB
from empaste.jittering import Sample

MASK_THRESHOLD = 0.5


def build(network: Network, num_classes: int, weights: str | None) -> MaskRCNN:
    """As `build_mask_rcnn`; `InputError` for MSRA's weights."""
    if is_msra(weights):
        raise InputError(
            f"train.weights is {weights!r}, MSRA's, which train.backend detectron2 alone takes; set train.backend to "
            "detectron2, or weights to null, a torchvision name or a .pth or .safetensors file"
        )
    return build_mask_rcnn(network, num_classes, weights)


def to_inputs(samples: Sequence[Sample]) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Images and targets; boxes are the tight ones of the masks."""
    return [image_tensor(sample.image) for sample in samples], [target_tensors(sample) for sample in samples]


def find(module: nn.Module, images: Sequence[RGB], min_score: float, max_detections: int) -> list[Found]:
    """The instances in every image; a batch may hold images of several sizes."""
    assert isinstance(module, MaskRCNN)
    module.roi_heads.score_thresh, module.roi_heads.detections_per_img = min_score, max_detections
    device = next(module.parameters()).device
    return [_found(output) for output in module([image_tensor(image).to(device) for image in images])]


def paste(
    mask: Float[Tensor, "m m"], box_xyxy: Float[Tensor, " 4"], size_hw: tuple[int, int]
) -> Bool[np.ndarray, "h w"]:
    """The mask as torchvision pastes it; all of an image at once would take as many images' memory, in floats."""
    pasted = paste_masks_in_image(mask[None, None], box_xyxy[None], size_hw)
    inside: Bool[np.ndarray, "h w"] = (pasted[0, 0] > MASK_THRESHOLD).cpu().numpy()
    return inside


def takes_msra(weights: str | None) -> bool:
    """torchvision's networks never do."""
    return False


def library_name(name: str) -> str:
    """The name of a tensor in torchvision's own Mask R-CNNs, which keep a ResNet's stages under ``backbone.body``."""
    name = name.replace("backbone.stem.", "backbone.body.")
    return re.sub(r"^backbone\.stages\.(\d)", lambda found: f"backbone.body.layer{int(found[1]) + 1}", name)


def _found(output: dict[str, Tensor]) -> Found:
    return Found(output["boxes"], output["scores"], output["labels"] - 1, output["masks"][:, 0])


BACKEND = Backend(
    build, to_inputs, find, paste, takes_msra, library_name, builds_on_meta=True, takes_void=True,
    add_affinity=add_affinity,
)  # fmt: skip
