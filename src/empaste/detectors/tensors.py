"""Images and instances as tensors, which is what detectors take."""

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from empaste.boxes import xywh_to_xyxy
from empaste.jittering import Sample


def image_tensor(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[Tensor, "3 h w"]:
    """``image``, channels first."""
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    cv2.split(image, list(planes))
    return torch.from_numpy(planes)


def target_tensors(sample: Sample) -> dict[str, Tensor]:
    """The boxes (xyxy, tight around the masks), labels and masks of ``sample``'s instances, and ``void`` where it has
    void pixels.
    """
    boxes_xywh = np.array([cv2.boundingRect(mask) for mask in sample.masks], float).reshape(-1, 4)
    targets = {
        "boxes": torch.from_numpy(xywh_to_xyxy(boxes_xywh)).float(),
        "labels": torch.from_numpy(sample.labels),
        "masks": torch.from_numpy(np.ascontiguousarray(sample.masks)),
    }
    if sample.void is not None:
        targets["void"] = torch.from_numpy(np.ascontiguousarray(sample.void))
    return targets
