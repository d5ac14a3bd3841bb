"""Mask R-CNN (He et al. 2017) with a feature pyramid (Lin et al. 2017), built from torchvision's parts.

torchvision's ResNets and timm's networks get torchvision's own heads, or light ones for a CPU. The slim ResNets get
small ones of their own.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import initLevelMapper

from empaste.detectors.backend import Network, anchor_sides
from empaste.detectors.region_heads import RegionHeads
from empaste.detectors.region_proposals import Float32Anchors, Float32Head, InputsReady, RegionProposals
from empaste.errors import InputError
from empaste.networks.inputs import IMAGENET_MEAN, IMAGENET_STD
from empaste.networks.names import SLIM_RESNETS
from empaste.networks.pyramids import build_backbone, build_pyramid

ASPECT_RATIOS = (0.5, 1.0, 2.0)
PYRAMID = 256
"""Channels of the pyramid of the full detectors."""


def build_mask_rcnn(network: Network, num_classes: int, weights: str | None) -> MaskRCNN:
    """A Mask R-CNN for ``num_classes`` classes (background not counted) on images whose longest side is ``image_size``.

    It takes images of 0 to 255. Where ``frozen_norm`` is off the backbone's batch statistics move, without which a
    training from scratch would diverge.
    """
    backbone = build_backbone(network.architecture, network.width, weights, network.frozen_norm, "train.weights")
    model = _family(network)(backbone, network.image_size, num_classes)
    if network.class_agnostic:
        _share_outputs(model, num_classes + 1)
    if network.architecture not in SLIM_RESNETS:
        _draw_heads(model)
    model.transform = ByteTransform(network.image_size, network.image_size, list(IMAGENET_MEAN), list(IMAGENET_STD),
                                    model.backbone.strides[-1], _skip_resize=True)  # fmt: skip
    model.rpn = RegionProposals(model.rpn, model.transform)
    model.roi_heads = RegionHeads(model.roi_heads)
    for pool in (model.roi_heads.box_roi_pool, model.roi_heads.mask_roi_pool):
        _set_levels(pool, model.backbone.strides)
    return model.train()


def _set_levels(pool: MultiScaleRoIAlign, strides: Sequence[int]) -> None:
    """``pool`` knows how much smaller each level is; it would go by the first image, which of a thin one is wrong."""
    used = strides[: len(pool.featmap_names)]
    pool.scales = [1 / stride for stride in used]
    first, last = (int(math.log2(stride)) for stride in (used[0], used[-1]))
    pool.map_levels = initLevelMapper(first, last, pool.canonical_scale, pool.canonical_level)


def _share_outputs(model: MaskRCNN, num_classes: int) -> None:
    """``model`` has one output for the boxes and one for the masks of all classes."""
    boxes, masks = model.roi_heads.box_predictor, model.roi_heads.mask_predictor
    boxes.bbox_pred = OneForAll(nn.Linear(boxes.bbox_pred.in_features, 4), num_classes)
    masks.mask_fcn_logits = OneForAll(nn.Conv2d(masks.mask_fcn_logits.in_channels, 1, 1), num_classes)


def _draw_heads(model: MaskRCNN) -> None:
    """The heads' first weights are as published: last layers near zero (Girshick 2015, §2.3), the others by Xavier."""
    for layer in model.roi_heads.box_head.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            _zero_bias(layer)
    boxes, masks = model.roi_heads.box_predictor, model.roi_heads.mask_predictor
    for last, deviation in ((boxes.cls_score, 0.01), (boxes.bbox_pred, 0.001), (masks.mask_fcn_logits, 0.001)):
        for layer in last.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.normal_(layer.weight, std=deviation)
                _zero_bias(layer)


def _zero_bias(layer: nn.Linear | nn.Conv2d) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class OneForAll(nn.Module):
    """What ``layer`` puts out, once for each of ``num_classes`` classes along the second axis."""

    def __init__(self, layer: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.layer, self.num_classes = layer, num_classes

    def forward(self, inputs: Tensor) -> Tensor:
        """The one output repeated."""
        output = self.layer(inputs)
        repeated: Tensor = output.repeat(1, self.num_classes, *[1] * (output.ndim - 2))
        return repeated


class ByteTransform(InputsReady):
    """Takes images of 0 to 255, which are a quarter of the bytes to bring to a GPU.

    Predicting, the longest side is resized to the network's size; training images come as they are to be seen. Masks
    come out as the network draws them in their boxes, to be pasted one at a time.
    """

    def normalize(self, image: Tensor) -> Tensor:
        """``image`` scaled to [0, 1], then normalised."""
        normalised: Tensor = super().normalize(image.float() / 255)
        return normalised

    def postprocess(
        self,
        result: list[dict[str, Tensor]],
        image_shapes: list[tuple[int, int]],
        original_image_sizes: list[tuple[int, int]],
    ) -> list[dict[str, Tensor]]:
        """The instances with their boxes in pixels of the images that were given."""
        masks = [one.pop("masks", None) for one in result]  # none in training
        pasted = super().postprocess(result, image_shapes, original_image_sizes)
        return [one if drawn is None else {**one, "masks": drawn} for one, drawn in zip(pasted, masks, strict=True)]


def _family(network: Network) -> Callable[[nn.Module, int, int], MaskRCNN]:
    """Which heads there are: the slim ResNets have their own."""
    if network.architecture not in SLIM_RESNETS:
        return HEADS[network.heads]
    if network.heads != "standard":
        raise InputError(
            f"train.heads is {network.heads!r}, but {network.architecture} has heads of its own; set it to standard"
        )
    return partial(_small_detector, heads=SLIM)


def _standard_detector(network: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    return MaskRCNN(
        build_pyramid(network, out_channels=PYRAMID, pooled_level=True),
        num_classes + 1,
        rpn_anchor_generator=_anchors(anchor_sides(image_size)),
        rpn_head=Float32Head(PYRAMID, len(ASPECT_RATIOS)),
    )


def _v2_detector(network: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    """Heads of Li et al. 2021 (torchvision's v2, detectron2's new baselines): deeper, normalised."""
    return MaskRCNN(
        build_pyramid(network, out_channels=PYRAMID, pooled_level=True, norm_layer=nn.BatchNorm2d),
        num_classes + 1,
        rpn_anchor_generator=_anchors(anchor_sides(image_size)),
        rpn_head=Float32Head(PYRAMID, len(ASPECT_RATIOS), conv_depth=2),
        box_head=FastRCNNConvFCHead((PYRAMID, 7, 7), [PYRAMID] * 4, [1024], norm_layer=nn.BatchNorm2d),
        mask_head=MaskRCNNHeads(PYRAMID, [PYRAMID] * 4, 1, norm_layer=nn.BatchNorm2d),
    )


class SmallHeads(NamedTuple):
    """Numbers of heads for a CPU: a narrow pyramid, few regions, two layers where the published heads have four."""

    channels: int
    """Of the pyramid and of the mask head."""
    pooled_level: bool
    anchor_sides: Callable[[int], Sequence[float]]
    """By the image's side."""
    num_ranked: int
    """Regions that are compared with each other."""
    num_regions: tuple[int, int]
    """Regions that are looked at, in training and after it."""
    num_sampled: int
    """Of these, how many are learned from."""
    num_samples: int
    """Samples per side and part of a region, for its box."""
    hidden: int
    """Length of the vectors of the box head."""
    mask_first: bool
    """Whether the mask head is drawn before the others, so that a seed goes on to give what it gave."""


SLIM = SmallHeads(64, False, lambda side: [side * share for share in (20 / 144, 40 / 144, 80 / 144)], 300, (80, 80),
                  48, 1, 192, mask_first=True)  # fmt: skip
LIGHT = SmallHeads(96, True, anchor_sides, 400, (150, 100), 64, 2, 256, mask_first=False)


def _small_detector(network: nn.Module, image_size: int, num_classes: int, heads: SmallHeads) -> MaskRCNN:
    channels, (in_training, after) = heads.channels, heads.num_regions
    backbone = build_pyramid(network, channels, heads.pooled_level)
    levels = [str(k) for k in range(len(backbone.strides))]
    mask_head = MaskRCNNHeads(channels, (channels, channels), 1) if heads.mask_first else None
    return MaskRCNN(
        backbone,
        rpn_anchor_generator=_anchors(heads.anchor_sides(image_size)),
        rpn_head=Float32Head(channels, len(ASPECT_RATIOS)),
        rpn_pre_nms_top_n_train=heads.num_ranked,
        rpn_pre_nms_top_n_test=heads.num_ranked,
        rpn_post_nms_top_n_train=in_training,
        rpn_post_nms_top_n_test=after,
        rpn_batch_size_per_image=64,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, heads.num_samples),
        box_head=TwoMLPHead(channels * 7 * 7, heads.hidden),
        box_predictor=FastRCNNPredictor(heads.hidden, num_classes + 1),
        box_batch_size_per_image=heads.num_sampled,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, sampling_ratio=2),
        mask_head=mask_head or MaskRCNNHeads(channels, (channels, channels), 1),
        mask_predictor=MaskRCNNPredictor(channels, channels, num_classes + 1),
    )


HEADS: dict[str, Callable[[nn.Module, int, int], MaskRCNN]] = {
    "standard": _standard_detector,
    "v2": _v2_detector,
    "light": partial(_small_detector, heads=LIGHT),
}


def _anchors(sides: Sequence[float]) -> Float32Anchors:
    """Square, wide and tall anchors, those of a level of one size."""
    return Float32Anchors(tuple((side,) for side in sides), (ASPECT_RATIOS,) * len(sides))
