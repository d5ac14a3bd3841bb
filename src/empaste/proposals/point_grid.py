"""Everything that a promptable network segments: one prompt per point of a regular grid, then the good masks of all.

A. Kirillov et al.: Segment anything, ICCV 2023, appendix B ("automatic mask generation"), without its crops: masks
whose estimated quality is high, which hardly change with the threshold, and of which no two have nearly the same box.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.pretrained import Segmenter, no_segments, pretrained_method, shows_nothing
from empaste.proposals.suppression import first_of_each
from empaste.settings import Fraction, Positive

if TYPE_CHECKING:  # the other methods need no torch
    from torch import Tensor

STABILITY_OFFSET = 1.0
"""Logits by which the threshold of a mask is moved up and down to see how stable it is."""


class PromptedSegmenter(Segmenter):
    """SAM and its successors, asked at every point of a grid."""

    points_per_side: Positive
    points_per_batch: Positive
    min_quality: Fraction
    min_stability: Fraction
    max_box_iou: Fraction


def prompted_method(
    name: str, network_class: str, processor_class: str, kinds: tuple[str, ...], learned_from: str
) -> Method[PromptedSegmenter]:
    """The record of a promptable network of transformers, of a checkpoint of the ``model_type`` ``kinds``."""
    return pretrained_method(name, propose, PromptedSegmenter, network_class, processor_class, kinds, learned_from)


def propose(image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter, context: Context) -> Segments:
    """Masks and their estimated quality, by `segment_everything`."""
    network, processor = context.network()
    return segment_everything(network, processor, image, settings)


def segment_everything(
    network: Any, processor: Any, image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter
) -> Segments:
    """Masks and their estimated quality, best first.

    The image is encoded once; ``points_per_batch`` prompts are decoded at a time, three masks each. A mask's stability
    is the IoU of what lies over a slightly higher and over a slightly lower threshold.
    """
    import torch
    from torchvision.ops import batched_nms, masks_to_boxes

    if shows_nothing(image):
        return no_segments(image)
    with torch.inference_mode():
        found = list(_decode(network, processor, image, settings))
        masks, quality = (torch.cat(parts) for parts in zip(*found, strict=True))
        order = torch.argsort(quality, descending=True, stable=True)
        masks, quality = masks[order], quality[order]
        boxes = masks_to_boxes(masks) if len(masks) else torch.zeros(0, 4, device=masks.device)
        kept = batched_nms(boxes, quality, torch.zeros_like(quality, dtype=torch.long), settings.max_box_iou)
    bitmaps = masks[kept].cpu().numpy()
    distinct = first_of_each(bitmaps)
    return bitmaps[distinct], quality[kept].clip(0, 1).double().cpu().numpy()[distinct]


def _decode(
    network: Any, processor: Any, image: UInt8[np.ndarray, "h w 3"], settings: PromptedSegmenter
) -> "Iterator[tuple[Bool[Tensor, 'n h w'], Float[Tensor, ' n']]]":
    """Good masks at the image's size and their quality, batch by batch."""
    import torch

    inputs = processor(images=image, return_tensors="pt")
    embeddings = network.get_image_embeddings(inputs["pixel_values"].to(network.device))
    # SAM keeps the aspect and pads, its successors stretch the image to a square.
    frame_hw = (
        inputs["reshaped_input_sizes"][0] if "reshaped_input_sizes" in inputs else inputs["pixel_values"].shape[-2:]
    )
    sizes = {"original_sizes": [image.shape[:2]], "reshaped_input_sizes": [[int(side) for side in frame_hw]]}
    points = grid_points(settings.points_per_side, int(frame_hw[0]), int(frame_hw[1])).to(network.device)
    for batch in points.split(settings.points_per_batch):
        output = network(
            image_embeddings=embeddings,
            input_points=batch[None, :, None],
            input_labels=torch.ones(1, len(batch), 1, dtype=torch.long, device=network.device),
            multimask_output=True,
        )
        quality = output.iou_scores[0].flatten()
        promising = quality >= settings.min_quality
        logits = output.pred_masks[0].flatten(0, 1)[promising]
        # A list for the processor: of the one image, its masks as so many images of one channel.
        logits = processor.post_process_masks([logits[:, None]], binarize=False, **sizes)[0][:, 0]
        good = _stability(logits) >= settings.min_stability
        yield logits[good] > 0, quality[promising][good]


def grid_points(per_side: int, height: int, width: int) -> "Float[Tensor, 'n 2']":
    """The points (x, y) in the middles of ``per_side`` × ``per_side`` equal parts of a frame, row by row."""
    import torch

    middles = (torch.arange(per_side) + 0.5) / per_side
    rows, columns = torch.meshgrid(middles * height, middles * width, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()], dim=1)


def _stability(logits: "Float[Tensor, 'n h w']") -> "Float[Tensor, ' n']":
    """IoU of the mask over the higher and over the lower threshold; 0 for a mask that is empty at the threshold."""
    inner = (logits > STABILITY_OFFSET).sum((1, 2))
    outer = (logits > -STABILITY_OFFSET).sum((1, 2))
    return (inner / outer.clamp(min=1)) * (logits > 0).any(2).any(1)
