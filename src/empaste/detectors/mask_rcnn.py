"""Mask R-CNN (He et al. 2017) with a feature pyramid (Lin et al. 2017), built from torchvision's parts; its files.

torchvision's ResNets get torchvision's own heads. The slim ResNet gets small ones, for small images on a CPU.
"""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import FeaturePyramidNetwork, FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from empaste.artifacts.networks import fill_network, read_network
from empaste.backbones import IMAGENET_MEAN, IMAGENET_STD, build_resnet

ASPECT_RATIOS = (0.5, 1.0, 2.0)
MIN_STRIDE = 4
CONFIG_KEYS = ("architecture", "width", "image_size", "classes", "frozen_norm")


class PyramidBackbone(nn.Module):
    """A ResNet's stages from stride 4 on, and the feature pyramid over them: maps named "0", "1", …, fine to coarse."""

    def __init__(self, resnet: nn.Module, out_channels: int, pooled_level: bool) -> None:
        super().__init__()
        parts = dict(resnet.named_children())
        self.stem = nn.Sequential(OrderedDict((name, parts[name]) for name in ("conv1", "bn1", "relu", "maxpool")))
        self.stages = nn.ModuleList([parts[f"layer{k}"] for k in range(1, 5)])
        self.out_channels = out_channels
        maps = self._stage_maps(torch.zeros(1, 3, 128, 128))
        self.first = next(k for k, features in enumerate(maps) if 128 // features.shape[-1] >= MIN_STRIDE)
        self.strides = [128 // features.shape[-1] for features in maps[self.first :]]
        channels = [features.shape[1] for features in maps[self.first :]]
        self.fpn = FeaturePyramidNetwork(channels, out_channels, LastLevelMaxPool() if pooled_level else None)

    def _stage_maps(self, inputs: Tensor) -> list[Tensor]:
        features = self.stem(inputs)
        maps = []
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps

    def forward(self, inputs: Tensor) -> dict[str, Tensor]:
        """The pyramid's maps."""
        maps = self._stage_maps(inputs)[self.first :]
        return self.fpn(OrderedDict((str(k), features) for k, features in enumerate(maps)))


def build_mask_rcnn(
    architecture: str, width: int, weights: str | None, image_size: int, num_classes: int, freeze_norm: bool
) -> MaskRCNN:
    """A Mask R-CNN for ``num_classes`` classes (background not counted) on images whose longest side is ``image_size``.

    ``freeze_norm`` keeps the backbone's batch statistics, as is right for pretrained weights and small batches; from
    scratch it would diverge. Anchors keep their share of ``image_size``.
    """
    resnet = build_resnet(architecture, width, weights)
    if freeze_norm:
        resnet = _frozen_norm(resnet)
    resnet.eval()  # building runs the backbone once to learn its strides: its statistics must not move
    slim = architecture == "resnet_slim"
    model = _slim_detector(resnet, image_size, num_classes) if slim else _full_detector(resnet, image_size, num_classes)
    return model.to(memory_format=torch.channels_last).train()  # a tenth faster on a CPU


def _slim_detector(resnet: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    with torch.no_grad():
        backbone = PyramidBackbone(resnet, out_channels=64, pooled_level=False)
    anchors = _anchors(image_size, shares=(20 / 144, 40 / 144, 80 / 144))
    levels = [str(k) for k in range(len(backbone.strides))]
    mask_head = MaskRCNNHeads(64, (64, 64), 1)
    return MaskRCNN(
        backbone,
        rpn_anchor_generator=anchors,
        rpn_head=RPNHead(64, len(ASPECT_RATIOS)),
        rpn_pre_nms_top_n_train=300,
        rpn_pre_nms_top_n_test=300,
        rpn_post_nms_top_n_train=80,
        rpn_post_nms_top_n_test=80,
        rpn_batch_size_per_image=64,
        box_roi_pool=MultiScaleRoIAlign(levels, 7, sampling_ratio=1),
        box_head=TwoMLPHead(64 * 7 * 7, 192),
        box_predictor=FastRCNNPredictor(192, num_classes + 1),
        box_batch_size_per_image=48,
        mask_roi_pool=MultiScaleRoIAlign(levels, 14, sampling_ratio=2),
        mask_head=mask_head,
        mask_predictor=MaskRCNNPredictor(64, 64, num_classes + 1),
        **_input_options(image_size, backbone),
    )


def _full_detector(resnet: nn.Module, image_size: int, num_classes: int) -> MaskRCNN:
    with torch.no_grad():
        backbone = PyramidBackbone(resnet, out_channels=256, pooled_level=True)
    anchors = _anchors(image_size, shares=tuple(size / 1024 for size in (32, 64, 128, 256, 512)))
    return MaskRCNN(backbone, num_classes + 1, rpn_anchor_generator=anchors, **_input_options(image_size, backbone))


def _input_options(image_size: int, backbone: PyramidBackbone) -> dict[str, Any]:
    """Predicting, the longest side is resized to ``image_size``; training images come as they are to be seen."""
    return {
        "min_size": image_size,
        "max_size": image_size,
        "image_mean": list(IMAGENET_MEAN),
        "image_std": list(IMAGENET_STD),
        "size_divisible": backbone.strides[-1],
        "_skip_resize": True,
    }


def _anchors(image_size: int, shares: tuple[float, ...]) -> AnchorGenerator:
    sizes = tuple((image_size * share,) for share in shares)
    return AnchorGenerator(sizes, (ASPECT_RATIOS,) * len(sizes))


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


def load_mask_rcnn(folder: Path) -> tuple[MaskRCNN, dict[str, Any]]:
    """The model in ``folder``, in evaluation mode on the CPU, and its config.

    `InputError` where a file is missing or unreadable, or where the tensors do not fit the config.
    """
    config, state = read_network(folder, CONFIG_KEYS, "train")
    model = build_mask_rcnn(
        config["architecture"],
        config["width"],
        None,
        config["image_size"],
        len(config["classes"]),
        config["frozen_norm"],
    )
    fill_network(model, state, folder, "train")
    return model.eval(), config
