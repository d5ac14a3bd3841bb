"""Mask R-CNN (He et al. 2017) with a feature pyramid (Lin et al. 2017), built from torchvision's parts.

torchvision's ResNets and timm's networks get torchvision's own heads, or light ones for a CPU. The slim ResNet gets
small ones of its own.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from empaste.detectors.backend import Network, anchor_sides
from empaste.detectors.region_proposals import Float32Anchors, Float32Head, InputsReady, RegionProposals
from empaste.errors import InputError
from empaste.networks.inputs import IMAGENET_MEAN, IMAGENET_STD
from empaste.networks.names import TIMM
from empaste.networks.timm_networks import TimmNetwork
from empaste.networks.timm_stages import TimmStages, freeze_norms
from empaste.networks.weights import build_network, build_resnet

ASPECT_RATIOS = (0.5, 1.0, 2.0)
MIN_STRIDE = 4
PYRAMID = 256
"""Channels of the pyramid of the full detectors."""
Norm: TypeAlias = Callable[[int], nn.Module]


class Pyramid(nn.Module):
    """A feature pyramid over a network's stages from stride 4 on: maps named "0", "1", …, fine to coarse."""

    fpn: FeaturePyramidNetwork
    strides: list[int]
    out_channels: int

    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        """The stages' maps, which the pyramid stands on."""
        raise NotImplementedError

    def _add_pyramid(
        self, channels: list[int], strides: list[int], out_channels: int, pooled_level: bool, norm_layer: Norm | None
    ) -> None:
        """To be called when the stages are there: their tensors come first."""
        self.strides, self.out_channels = strides, out_channels
        coarsest = LastLevelMaxPool() if pooled_level else None
        self.fpn = FeaturePyramidNetwork(channels, out_channels, coarsest, norm_layer)

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """The pyramid's maps."""
        maps = OrderedDict((str(k), features) for k, features in enumerate(self.stage_maps(inputs)))
        pyramid: dict[str, Tensor] = self.fpn(maps)
        return pyramid


class ResNetPyramid(Pyramid):
    """The pyramid over a ResNet."""

    def __init__(self, resnet: nn.Module, out_channels: int, pooled_level: bool, norm_layer: Norm | None) -> None:
        super().__init__()
        parts = dict(resnet.named_children())
        self.stem = nn.Sequential(OrderedDict((name, parts[name]) for name in ("conv1", "bn1", "relu", "maxpool")))
        self.stages = nn.ModuleList([parts[f"layer{k}"] for k in range(1, 5)])
        self.first = 0
        with torch.no_grad():
            maps = self.stage_maps(torch.zeros(1, 3, 128, 128))
        strides = [128 // features.shape[-1] for features in maps]
        self.first = next(k for k, stride in enumerate(strides) if stride >= MIN_STRIDE)
        channels = [features.shape[1] for features in maps[self.first :]]
        self._add_pyramid(channels, strides[self.first :], out_channels, pooled_level, norm_layer)

    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        features = self.stem(inputs)
        maps = []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps[self.first :]


class TimmPyramid(Pyramid):
    """The pyramid over one of timm's networks."""

    def __init__(self, network: TimmNetwork, out_channels: int, pooled_level: bool, norm_layer: Norm | None) -> None:
        super().__init__()
        self.body = TimmStages(network, MIN_STRIDE)
        self._add_pyramid(self.body.channels, self.body.strides, out_channels, pooled_level, norm_layer)

    def stage_maps(self, inputs: Tensor) -> list[Tensor]:
        maps: list[Tensor] = self.body(inputs)
        return maps


def _pyramid(network: nn.Module, out_channels: int, pooled_level: bool, norm_layer: Norm | None = None) -> Pyramid:
    if isinstance(network, TimmNetwork):
        return TimmPyramid(network, out_channels, pooled_level, norm_layer)
    return ResNetPyramid(network, out_channels, pooled_level, norm_layer)


def build_mask_rcnn(network: Network, num_classes: int, weights: str | None) -> MaskRCNN:
    """A Mask R-CNN for ``num_classes`` classes (background not counted) on images whose longest side is ``image_size``.

    It takes images of 0 to 255. Where ``frozen_norm`` is off the backbone's batch statistics move, without which a
    training from scratch would diverge.
    """
    build = build_network if network.architecture.startswith(TIMM) else build_resnet
    backbone = build(network.architecture, network.width, weights, key="train.weights")
    if network.frozen_norm:
        backbone = freeze_norms(backbone) if isinstance(backbone, TimmNetwork) else _frozen_norm(backbone)
    backbone.eval()  # building runs the backbone once to learn its strides: its statistics must not move
    model = _family(network)(backbone, network.image_size, num_classes)
    if network.class_agnostic:
        _share_outputs(model, num_classes + 1)
    if network.architecture != "resnet_slim":
        _draw_heads(model)
    model.transform = ByteTransform(network.image_size, network.image_size, list(IMAGENET_MEAN), list(IMAGENET_STD),
                                    model.backbone.strides[-1], _skip_resize=True)  # fmt: skip
    model.rpn = RegionProposals(model.rpn, model.transform)
    return model.train()


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
    """Which heads there are: the slim ResNet has its own."""
    if network.architecture != "resnet_slim":
        return HEADS[network.heads]
    if network.heads != "standard":
        raise InputError(f"train.heads is {network.heads!r}, but resnet_slim has heads of its own; set it to standard")
    return partial(_small_detector, heads=SLIM)


def _standard_detector(network: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    return MaskRCNN(
        _pyramid(network, out_channels=PYRAMID, pooled_level=True),
        num_classes + 1,
        rpn_anchor_generator=_anchors(anchor_sides(image_size)),
        rpn_head=Float32Head(PYRAMID, len(ASPECT_RATIOS)),
    )


def _v2_detector(network: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    """Heads of Li et al. 2021 (torchvision's v2, detectron2's new baselines): deeper, normalised."""
    return MaskRCNN(
        _pyramid(network, out_channels=PYRAMID, pooled_level=True, norm_layer=nn.BatchNorm2d),
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
    backbone = _pyramid(network, channels, heads.pooled_level)
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


def _frozen_norm(module: nn.Module) -> nn.Module:
    """``module`` with every batch normalisation replaced by the fixed affine map that it is when evaluated."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features, child.eps)
            frozen.load_state_dict(child.state_dict())
            setattr(module, name, frozen)
        else:
            _frozen_norm(child)
    return module
