"""Backbones: ResNets with weights by name, from a local file or none, and what an image looks like to them.

``resnet_slim`` and ``resnet_slim_pooled`` are for small images and small machines: one basic block per stage and a
total stride of 16. The others are torchvision's (He et al. 2016).
"""

import os
import pickle
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import torch
import torchvision
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, ResNet

from empaste.errors import InputError
from empaste.images import GRAY

ARCHITECTURES = ("resnet_slim", "resnet_slim_pooled", "resnet18", "resnet34", "resnet50", "resnet101")
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_SLIM = ("resnet_slim", "resnet_slim_pooled")
_WEIGHT_SUFFIXES = (".pth", ".pt", ".safetensors")


class GeneralisedMean(nn.Module):
    """Pools a map into one value per channel, ``mean(x^3)^(1/3)`` (Radenović et al. 2019): strong places count more.

    Small objects hardly show in a plain mean; from scratch a classifier learns them sooner from this one.
    """

    def forward(self, maps: Float[Tensor, "n d h w"]) -> Float[Tensor, "n d 1 1"]:
        """The pooled maps; negative values count as zero."""
        return maps.clamp(min=1e-6).pow(3).mean((2, 3), keepdim=True).pow(1 / 3)


class SlimResNet(nn.Module):
    """A ResNet of one `BasicBlock` per stage with torchvision's attribute names.

    Channels ``width * (1, 2, 4, 8)`` at strides 2, 4, 8, 16: the stem halves the image once and does not pool. With
    ``pooled`` the stem pools as torchvision's does, the strides are 4, 8, 16, 16 (half the work), and the last maps are
    pooled by a generalised mean.
    """

    def __init__(self, width: int, num_classes: int = 1000, pooled: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if pooled else nn.Identity()
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 1 if pooled else 2)
        self.avgpool = GeneralisedMean() if pooled else nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """The logits."""
        return classify_maps(self, feature_maps(self, inputs))[0]


Backbone: TypeAlias = ResNet | SlimResNet
"""A network that `build_resnet` made."""


def _stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels_in == channels:
        return nn.Sequential(BasicBlock(channels_in, channels))
    shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return nn.Sequential(BasicBlock(channels_in, channels, stride, shortcut))


def feature_maps(network: Backbone, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n d gh gw"]:
    """The output of the last convolutional stage of ``network``."""
    out = network.maxpool(network.relu(network.bn1(network.conv1(inputs))))
    return network.layer4(network.layer3(network.layer2(network.layer1(out))))


def classify_maps(
    network: Backbone, maps: Float[Tensor, "n d gh gw"]
) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d"]]:
    """Logits and ``phi``, the pooled vector, of the maps that `feature_maps` gave."""
    phi = network.avgpool(maps).flatten(1)
    return network.fc(phi), phi


def build_resnet(architecture: str, width: int, weights: str | None, num_classes: int = 1000) -> Backbone:
    """A ResNet with torchvision's attribute names, and ``num_features``, the channels of its last stage.

    ``width`` counts for the slim ones alone. ``weights`` is None (random), the name of torchvision's weights, or a
    file (``.pth`` or ``.safetensors``); a head of another size than ``num_classes`` is left random. `InputError` where
    they are not to be had or do not fit.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(f"architecture is {architecture!r}; choose from {', '.join(ARCHITECTURES)}")
    if architecture in _SLIM:
        network: Backbone = SlimResNet(width, num_classes, architecture == "resnet_slim_pooled")
    else:
        network = getattr(torchvision.models, architecture)(weights=None, num_classes=num_classes)
    network.num_features = network.fc.in_features
    if weights is not None:
        load_weights(network, read_weights(architecture, weights), weights)
    return network


def read_weights(architecture: str, weights: str) -> dict[str, Tensor]:
    """The tensors of the file ``weights``, or of torchvision's weights of that name, downloaded where needed."""
    path = Path(weights)
    if path.is_file():
        return _read_file(path)
    if path.suffix in _WEIGHT_SUFFIXES or "/" in weights:
        raise InputError(f"weights is {weights!r}, but there is no such file; correct the path, or set it to null")
    return _read_named(architecture, weights)


def load_weights(network: Backbone, state: dict[str, Tensor], source: str) -> None:
    """``network`` carries ``state``; a head (``fc``) that does not fit is dropped, any other misfit is `InputError`."""
    wanted = network.state_dict()
    if any(key not in state or state[key].shape != wanted[key].shape for key in ("fc.weight", "fc.bias")):
        head = {key: wanted[key] for key in ("fc.weight", "fc.bias")}
        state = {key: tensor for key, tensor in state.items() if not key.startswith("fc.")} | head
    counters = {key: wanted[key] for key in wanted if key.endswith("num_batches_tracked") and key not in state}
    state = state | counters
    misfits = list(_misfits(state, wanted))
    if misfits:
        raise InputError(
            f"weights {source!r} do not fit the network ({len(misfits)} misfits): {'; '.join(misfits[:4])}. "
            "Give weights of the same architecture and width, or set weights to null"
        )
    network.load_state_dict(state)


def _misfits(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[str]:
    missing = [f"{key} is missing, expected {tuple(wanted[key].shape)}" for key in wanted if key not in state]
    shapes = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    return shapes + missing + [f"{key} is unknown" for key in state if key not in wanted]


def _read_file(path: Path) -> dict[str, Tensor]:
    """The state dict in ``path``, also where it lies under ``state_dict`` or ``model``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError, SafetensorError) as error:
        raise InputError(f"weights {path} cannot be read ({type(error).__name__}); replace the file") from error
    for key in ("state_dict", "model"):
        inner = state.get(key) if isinstance(state, dict) else None
        state = inner if isinstance(inner, dict) else state
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"weights {path} hold no state dict (name -> tensor); save network.state_dict() to it")
    return state


def _read_named(architecture: str, name: str) -> dict[str, Tensor]:
    """Torchvision's weights ``name`` of ``architecture``, from its cache or its download."""
    names = (
        [] if architecture == "resnet_slim" else [w.name for w in torchvision.models.get_model_weights(architecture)]
    )
    if name not in names:
        known = f"null, a file, or for {architecture}: {', '.join(names)}" if names else "null or a file"
        raise InputError(f"weights is {name!r}; choose from {known}")
    chosen = torchvision.models.get_model_weights(architecture)[name]
    try:
        return chosen.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        target = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
        raise InputError(
            f"weights {name!r} of {architecture} could not be downloaded ({error}); "
            f"put the file {chosen.url} at {target}, or set weights to the path of a local copy"
        ) from error


def torch_device(name: str) -> torch.device:
    """The device ``name``; ``auto`` is the first there is of cuda, mps, cpu. `InputError` where it is not there."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    if not available.get(name, False):
        there = ", ".join(["auto", *(kind for kind in available if available[kind])])
        raise InputError(f"device is {name!r}, which this machine does not offer; choose from {there}")
    return torch.device(name)


def limit_threads(num_threads: int) -> None:
    """torch computes with ``num_threads`` CPU threads (0: one per core), OpenCV with one."""
    torch.set_num_threads(num_threads or os.cpu_count() or 1)
    cv2.setNumThreads(1)


def to_input(images: UInt8[np.ndarray, "n h w 3"], device: torch.device | str) -> Float[Tensor, "n 3 h w"]:
    """The images as a network takes them: scaled to [0, 1], then normalised by ImageNet's mean and deviation."""
    return normalise(torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255)


def normalise(images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Images in [0, 1] normalised by ImageNet's mean and deviation."""
    mean = torch.tensor(IMAGENET_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=images.device).view(1, 3, 1, 1)
    return (images - mean) / std


class SquareFrame(NamedTuple):
    """Where `fit_square` puts an image: its size in the square, and its upper left corner there, in pixels."""

    height: int
    width: int
    top: int
    left: int


def square_frame(height: int, width: int, side: int) -> SquareFrame:
    """The place of an image of ``height`` × ``width`` in a square: the longest side fills it, the rest is centred."""
    scale = side / max(height, width)
    inner_h, inner_w = max(1, round(height * scale)), max(1, round(width * scale))
    return SquareFrame(inner_h, inner_w, (side - inner_h) // 2, (side - inner_w) // 2)


def fit_square(image: UInt8[np.ndarray, "h w 3"], side: int) -> UInt8[np.ndarray, "side side 3"]:
    """``image`` resized to fill a square of ``side`` pixels with its longest side, the rest gray."""
    height, width = image.shape[:2]
    frame = square_frame(height, width, side)
    shrinks = frame.height < height or frame.width < width
    inner = cv2.resize(
        image, (frame.width, frame.height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    if inner.shape[:2] == (side, side):
        return inner
    square = np.full((side, side, 3), GRAY, np.uint8)
    square[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width] = inner
    return square
