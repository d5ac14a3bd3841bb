"""What Mask2Former takes for things and regions, its classes left aside.

B. Cheng et al.: Masked-attention mask transformer for universal image segmentation, CVPR 2022; instance and panoptic
checkpoints alike. Each query is one segment; its score is the probability of its best class (not "nothing") times the
mean probability of its pixels. It learned from *masks* of named classes: a run on it is not supervised by image-level
labels alone. Weights by hub name (facebook/mask2former-swin-tiny-coco-instance, …) or from a local folder.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, UInt8

from empaste.proposals.method import Context, Segments
from empaste.proposals.pretrained import Segmenter, no_segments, pretrained_method, shows_nothing
from empaste.proposals.suppression import first_of_each
from empaste.settings import Fraction

if TYPE_CHECKING:
    from torch import Tensor


class QuerySegmenter(Segmenter):
    """Mask2Former, each of its queries one segment."""

    min_score: Fraction


def propose(image: UInt8[np.ndarray, "h w 3"], settings: QuerySegmenter, context: Context) -> Segments:
    """Masks and scores of at least ``min_score``, best first."""
    import torch

    network, processor = context.network()
    if shows_nothing(image):
        return no_segments(image)
    inputs = processor(images=image, return_tensors="pt").to(network.device)
    with torch.inference_mode():
        output = network(pixel_values=inputs["pixel_values"], pixel_mask=inputs["pixel_mask"])
        classes = output.class_queries_logits[0].softmax(-1)[:, :-1].amax(-1)
        logits = _at_image_size(output.masks_queries_logits, inputs["pixel_mask"][0], image.shape[:2])
        inside = logits > 0
        certainty = (logits.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp(min=1)
        scores = classes * certainty
        order = torch.argsort(scores, descending=True, stable=True)
        order = order[scores[order] >= settings.min_score]
    masks = inside[order].cpu().numpy()
    distinct = first_of_each(masks)
    return masks[distinct], scores[order].double().cpu().numpy()[distinct]


def _at_image_size(
    logits: "Float[Tensor, '1 n h w']", pixel_mask: "Int[Tensor, 'padded_h padded_w']", size_hw: tuple[int, int]
) -> "Float[Tensor, 'n height width']":
    """``logits`` of the padded input, as those of the image."""
    from torch.nn.functional import interpolate

    padded = interpolate(logits, pixel_mask.shape, mode="bilinear", align_corners=False)
    height, width = int(pixel_mask.any(1).sum()), int(pixel_mask.any(0).sum())
    return interpolate(padded[..., :height, :width], size_hw, mode="bilinear", align_corners=False)[0]


METHOD = pretrained_method(
    "mask2former",
    propose,
    QuerySegmenter,
    "Mask2FormerForUniversalSegmentation",
    "Mask2FormerImageProcessor",
    ("mask2former",),
    learned_from="masks and classes (COCO)",
)
