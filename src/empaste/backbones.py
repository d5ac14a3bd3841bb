"""Backbones: networks with weights by name, from a local file or none, taken apart into maps, ``phi`` and logits.

``resnet_slim`` and ``resnet_slim_pooled`` are for small images and small machines: one basic block per stage and a
total stride of 16. The others are torchvision's: ResNet (He et al. 2016), MobileNet V3 (Howard et al. 2019),
EfficientNet (Tan & Le 2019, 2021), ConvNeXt (Liu et al. 2022), ViT (Dosovitskiy et al. 2021).
"""

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
import torchvision
from jaxtyping import Bool, Float, UInt8
from torch import Tensor, nn
from torchvision.models import ConvNeXt, EfficientNet, MobileNetV3, VisionTransformer
from torchvision.models.resnet import BasicBlock, ResNet

from empaste.errors import TORCH_LOAD_ERRORS, InputError
from empaste.images import GRAY, blurred

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
BLUR = 0.1
"""Sigma of `blur_square`, as a share of the square's side: objects dissolve, the scene's colours stay."""
LAST = "last"
"""The layer that gives ``phi``."""
_WEIGHT_SUFFIXES = (".pth", ".pt", ".safetensors")
_POSITIONS = "encoder.pos_embedding"


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
        return _classify_resnet(self, _resnet_maps(self, inputs))[0]


ResNetLike: TypeAlias = ResNet | SlimResNet
"""A network with the parts of torchvision's ResNets."""
Backbone: TypeAlias = nn.Module
"""A network of one of the `FAMILIES`."""


def _stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    if stride == 1 and channels_in == channels:
        return nn.Sequential(BasicBlock(channels_in, channels))
    shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))
    return nn.Sequential(BasicBlock(channels_in, channels, stride, shortcut))


class Maps(NamedTuple):
    """What the last stage of a network leaves: maps over the grid, and what the head reads beside them.

    A ViT's grid holds its patches' tokens as the last block's attention reads them (after its first norm); ``beside``
    is its class token before and after that norm. The other networks have nothing beside their maps.
    """

    grid: Float[Tensor, "n d gh gw"]
    beside: Float[Tensor, "n 2 d"] | None = None

    def rows(self, index: Tensor) -> "Maps":
        """The maps of the rows ``index``."""
        return Maps(self.grid[index], None if self.beside is None else self.beside[index])


class Family(NamedTuple):
    """How the networks of one kind are taken apart.

    ``reads_phi`` is the linear layer that takes ``phi``, ``head`` the one that gives the logits; ``layers`` names the
    modules, from input to output, whose output is a map or tokens.
    """

    maps: Callable[[Any, Tensor], Maps]
    classify: Callable[[Any, Maps], tuple[Tensor, Tensor]]
    reads_phi: str
    head: str
    layers: Callable[[Any], list[str]]


def _resnet_maps(network: ResNetLike, inputs: Tensor) -> Maps:
    out = network.maxpool(network.relu(network.bn1(network.conv1(inputs))))
    return Maps(network.layer4(network.layer3(network.layer2(network.layer1(out)))))


def _classify_resnet(network: ResNetLike, maps: Maps) -> tuple[Tensor, Tensor]:
    phi = network.avgpool(maps.grid).flatten(1)
    return network.fc(phi), phi


def _convolutional_maps(network: MobileNetV3 | EfficientNet | ConvNeXt, inputs: Tensor) -> Maps:
    return Maps(network.features(inputs))


def _classify_pooled(network: MobileNetV3 | EfficientNet, maps: Maps) -> tuple[Tensor, Tensor]:
    phi = network.avgpool(maps.grid).flatten(1)
    return network.classifier(phi), phi


def _classify_convnext(network: ConvNeXt, maps: Maps) -> tuple[Tensor, Tensor]:
    norm, flatten, head = network.classifier
    phi = flatten(norm(network.avgpool(maps.grid)))
    return head(phi), phi


def _token_maps(network: VisionTransformer, inputs: Tensor) -> Maps:
    grid_hw = inputs.shape[2] // network.patch_size, inputs.shape[3] // network.patch_size
    patches = network.conv_proj(inputs).flatten(2).transpose(1, 2)
    tokens = torch.cat([network.class_token.expand(len(inputs), -1, -1), patches], 1)
    tokens = network.encoder.dropout(tokens + resize_positions(network.encoder.pos_embedding, grid_hw))
    *blocks, last = network.encoder.layers
    for block in blocks:
        tokens = block(tokens)
    normed = last.ln_1(tokens)
    grid = normed[:, 1:].transpose(1, 2).unflatten(2, grid_hw)
    return Maps(grid, torch.stack([tokens[:, 0], normed[:, 0]], 1))


def _classify_tokens(network: VisionTransformer, maps: Maps) -> tuple[Tensor, Tensor]:
    """The last block for the class token alone, which is all that the head reads."""
    assert maps.beside is not None
    last, beside = network.encoder.layers[-1], maps.beside
    normed = torch.cat([beside[:, 1:], maps.grid.flatten(2).transpose(1, 2)], 1)
    attended, _ = last.self_attention(normed[:, :1], normed, normed, need_weights=False)
    token = beside[:, :1] + last.dropout(attended)
    token = token + last.mlp(last.ln_2(token))
    phi = network.encoder.ln(token)[:, 0]
    return network.heads(phi), phi


def resize_positions(positions: Float[Tensor, "1 k d"], grid_hw: tuple[int, int]) -> Float[Tensor, "1 k2 d"]:
    """A ViT's position embedding for a grid of another size, bicubic; the class token's, which comes first, is kept."""
    side = math.isqrt(positions.shape[1] - 1)
    if (side, side) == grid_hw:
        return positions
    grid = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    resized = F.interpolate(grid, grid_hw, mode="bicubic", align_corners=True)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], 1)


def _stages_of_features(network: MobileNetV3 | EfficientNet | ConvNeXt) -> list[str]:
    return [f"features.{number}" for number in range(len(network.features))]


def _blocks(network: VisionTransformer) -> list[str]:
    """All but the last block, whose class token is `LAST`."""
    return [f"encoder.layers.{name}" for name, _ in list(network.encoder.layers.named_children())[:-1]]


def _resnet_layers(network: ResNetLike) -> list[str]:
    return ["layer1", "layer2", "layer3", "layer4"]


_RESNETS = Family(_resnet_maps, _classify_resnet, "fc", "fc", _resnet_layers)
FAMILIES: dict[type[nn.Module], Family] = {
    SlimResNet: _RESNETS,
    ResNet: _RESNETS,
    MobileNetV3: Family(_convolutional_maps, _classify_pooled, "classifier.0", "classifier.3", _stages_of_features),
    EfficientNet: Family(_convolutional_maps, _classify_pooled, "classifier.1", "classifier.1", _stages_of_features),
    ConvNeXt: Family(_convolutional_maps, _classify_convnext, "classifier.2", "classifier.2", _stages_of_features),
    VisionTransformer: Family(_token_maps, _classify_tokens, "heads.head", "heads.head", _blocks),
}
"""The kinds of networks, by their class."""


def _slim(width: int, num_classes: int, image_size: int, pooled: bool) -> nn.Module:
    return SlimResNet(width, num_classes, pooled)


def _of_torchvision(width: int, num_classes: int, image_size: int, name: str) -> nn.Module:
    return getattr(torchvision.models, name)(weights=None, num_classes=num_classes)


def _vit(width: int, num_classes: int, image_size: int, name: str) -> nn.Module:
    patch = int(name.rsplit("_", 1)[1])
    if image_size % patch:
        near = max(1, round(image_size / patch)) * patch
        raise InputError(
            f"image_size is {image_size}, but {name} cuts an image into patches of {patch} pixels; "
            f"choose a multiple of {patch}, such as {near}"
        )
    return getattr(torchvision.models, name)(weights=None, num_classes=num_classes, image_size=image_size)


Builder: TypeAlias = Callable[[int, int, int], nn.Module]
"""Takes width, number of classes and image size."""
_PLAIN = (
    *("resnet18", "resnet34", "resnet50", "resnet101"),
    *("mobilenet_v3_small", "mobilenet_v3_large"),
    *("efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4"),
    *("efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base"),
)
ARCHITECTURES: dict[str, Builder] = {
    "resnet_slim": partial(_slim, pooled=False),
    "resnet_slim_pooled": partial(_slim, pooled=True),
    **{name: partial(_of_torchvision, name=name) for name in _PLAIN},
    **{name: partial(_vit, name=name) for name in ("vit_b_16", "vit_b_32", "vit_l_16")},
}
RESNETS = tuple(name for name in ARCHITECTURES if name.startswith("resnet"))


def family_of(network: nn.Module) -> Family:
    """The family that ``network`` belongs to."""
    return FAMILIES[type(network)]


def num_features(network: nn.Module) -> int:
    """The length of ``phi``."""
    reader = network.get_submodule(family_of(network).reads_phi)
    assert isinstance(reader, nn.Linear)
    return reader.in_features


def feature_maps(network: nn.Module, inputs: Float[Tensor, "n 3 h w"]) -> Maps:
    """The output of the last convolutional stage of ``network``; of a ViT, which takes any multiple of its patch
    size, the tokens that its last block reads."""
    return family_of(network).maps(network, inputs)


def classify_maps(network: nn.Module, maps: Maps) -> tuple[Float[Tensor, "n c"], Float[Tensor, "n d"]]:
    """Logits and ``phi`` of the maps that `feature_maps` gave: these maps pooled to a vector, or a ViT's class token,
    after the norm that the network applies to it."""
    return family_of(network).classify(network, maps)


def layer_vectors(
    network: nn.Module, inputs: Float[Tensor, "n 3 h w"], layers: Sequence[str]
) -> tuple[Float[Tensor, "n c"], list[Float[Tensor, "n _"]]]:
    """The logits, and one vector per input of every one of ``layers``, in one pass.

    `LAST` gives ``phi``; of any other layer maps are averaged over the grid, of tokens the class token is taken.
    `InputError` for a layer that the network does not have; it lists those there are.
    """
    known = family_of(network).layers(network)
    for layer in layers:
        if layer not in (LAST, *known):
            raise InputError(f"layer {layer!r} is none of the network's; choose from {', '.join((LAST, *known))}")
    with _outputs_of(network, [layer for layer in layers if layer != LAST]) as outputs:
        logits, phi = classify_maps(network, feature_maps(network, inputs))
    pooled = {layer: out.mean((2, 3)) if out.ndim == 4 else out[:, 0] for layer, out in outputs.items()}
    return logits, [pooled.get(layer, phi) for layer in layers]


@contextmanager
def _outputs_of(network: nn.Module, layers: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """What the modules ``layers`` last put out, filled in as the network runs."""
    outputs: dict[str, Tensor] = {}

    def keep(module: nn.Module, inputs: object, output: Tensor, layer: str) -> None:
        outputs[layer] = output

    hooks = [network.get_submodule(layer).register_forward_hook(partial(keep, layer=layer)) for layer in layers]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def input_step(network: nn.Module) -> int:
    """The side of an input is a multiple of so many pixels: a ViT's patch, else one."""
    return getattr(network, "patch_size", 1)


def build_network(
    architecture: str, width: int, weights: str | None, num_classes: int = 1000, image_size: int = 224
) -> nn.Module:
    """The network ``architecture``, one of `ARCHITECTURES`.

    ``width`` counts for the slim ones alone, ``image_size`` for ViTs alone. ``weights`` is None (random), the name of
    torchvision's weights, or a file (``.pth`` or ``.safetensors``); a head of another size than ``num_classes`` is left
    random, a ViT's position embedding is resized. `InputError` where they are not to be had or do not fit.
    """
    if architecture not in ARCHITECTURES:
        raise InputError(f"architecture is {architecture!r}; choose from {', '.join(ARCHITECTURES)}")
    network = ARCHITECTURES[architecture](width, num_classes, image_size)
    if weights is not None:
        load_weights(network, read_weights(architecture, weights), weights)
    return network


def build_resnet(architecture: str, width: int, weights: str | None, num_classes: int = 1000) -> Any:
    """A ResNet with torchvision's attribute names; otherwise as `build_network`."""
    if architecture not in RESNETS:
        raise InputError(f"architecture is {architecture!r}; choose from {', '.join(RESNETS)}")
    return build_network(architecture, width, weights, num_classes)


def read_weights(architecture: str, weights: str) -> dict[str, Tensor]:
    """The tensors of the file ``weights``, or of torchvision's weights of that name, downloaded where needed."""
    path = Path(weights)
    if path.is_file():
        return read_weight_file(path)
    if path.suffix in _WEIGHT_SUFFIXES or "/" in weights:
        raise InputError(f"weights is {weights!r}, but there is no such file; correct the path, or set it to null")
    return _read_named(architecture, weights)


def load_weights(network: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """``network`` carries ``state``; a head that does not fit is dropped, any other misfit is `InputError`."""
    wanted = network.state_dict()
    state = _renamed(state)
    head = {key: wanted[key] for key in wanted if key.startswith(f"{family_of(network).head}.")}
    if any(key not in state or state[key].shape != head[key].shape for key in head):
        state = {key: tensor for key, tensor in state.items() if key.rsplit(".", 1)[0] != family_of(network).head}
        state |= head
    if _POSITIONS in state and _POSITIONS in wanted:
        side = math.isqrt(wanted[_POSITIONS].shape[1] - 1)
        state[_POSITIONS] = resize_positions(state[_POSITIONS], (side, side))
    load_fitting(network, state, source)


def load_fitting(network: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """``network`` carries ``state``; `InputError` names the tensors that are missing, unknown or of another shape."""
    wanted = network.state_dict()
    counters = {key: wanted[key] for key in wanted if key.endswith("num_batches_tracked") and key not in state}
    state = state | counters
    misfits = list(_misfits(state, wanted))
    if misfits:
        raise InputError(
            f"weights {source!r} do not fit the network ({len(misfits)} misfits): {'; '.join(misfits[:4])}. "
            "Give weights of the same architecture and width, or set weights to null"
        )
    network.load_state_dict(state)


def _renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with today's names; torchvision's published ViTs carry the names of its first version."""
    linear = {"1": "0", "2": "3"}
    return {
        re.sub(r"\.mlp\.linear_([12])\.", lambda found: f".mlp.{linear[found[1]]}.", key): state[key] for key in state
    }


def _misfits(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> list[str]:
    missing = [f"{key} is missing, expected {tuple(wanted[key].shape)}" for key in wanted if key not in state]
    shapes = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(wanted[key].shape)}"
        for key in wanted
        if key in state and state[key].shape != wanted[key].shape
    ]
    return shapes + missing + [f"{key} is unknown" for key in state if key not in wanted]


def read_weight_file(path: Path) -> dict[str, Tensor]:
    """The state dict in ``path``, also where it lies under ``state_dict`` or ``model``."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (*TORCH_LOAD_ERRORS, SafetensorError) as error:
        raise InputError(f"weights {path} cannot be read ({type(error).__name__}); replace the file") from error
    for key in ("state_dict", "model"):
        inner = state.get(key) if isinstance(state, dict) else None
        state = inner if isinstance(inner, dict) else state
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise InputError(f"weights {path} hold no state dict (name -> tensor); save network.state_dict() to it")
    return state


def _read_named(architecture: str, name: str) -> dict[str, Tensor]:
    """Torchvision's weights ``name`` of ``architecture``, from its cache or its download."""
    slim = architecture.startswith("resnet_slim")
    names = [] if slim else [weights.name for weights in torchvision.models.get_model_weights(architecture)]
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


def to_input(
    images: UInt8[np.ndarray, "n h w 3"],
    device: torch.device | str,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
) -> Float[Tensor, "n 3 h w"]:
    """The images as a network takes them: scaled to [0, 1], then normalised by ``mean`` and deviation ``std``."""
    unit = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255
    return normalise(unit, mean, std)


def normalise(
    images: Float[Tensor, "n 3 h w"], mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> Float[Tensor, "n 3 h w"]:
    """Images in [0, 1] normalised by mean and deviation per channel, ImageNet's unless others are given."""
    centre = torch.tensor(mean, device=images.device).view(1, 3, 1, 1)
    return (images - centre) / torch.tensor(std, device=images.device).view(1, 3, 1, 1)


class SquareFrame(NamedTuple):
    """Where `fit_square` puts an image: its size in the square, and its upper left corner there, in pixels."""

    height: int
    width: int
    top: int
    left: int

    @property
    def inside(self) -> tuple[slice, slice]:
        """The rows and columns of the square that the image takes up."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


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
    square[frame.inside] = inner
    return square


def blur_square(square: UInt8[np.ndarray, "side side 3"], frame: SquareFrame) -> UInt8[np.ndarray, "side side 3"]:
    """``square`` of `fit_square` with its image blurred by `BLUR`, what pads it as it was."""
    soft = square.copy()
    soft[frame.inside] = blurred(np.ascontiguousarray(square[frame.inside]), BLUR * len(square))
    return soft


def fit_square_mask(mask: Bool[np.ndarray, "h w"], side: int) -> Float[np.ndarray, "side side"]:
    """How much of each pixel of `fit_square`'s square ``mask`` covers, in [0, 1] (float32); nothing outside the image.

    What is narrower than a pixel of the square covers its share of it, so that it does not vanish.
    """
    height, width = mask.shape
    frame = square_frame(height, width, side)
    shrinks = frame.height < height or frame.width < width
    size_wh = (frame.width, frame.height)
    inner = cv2.resize(mask.astype(np.float32), size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    square = np.zeros((side, side), np.float32)
    square[frame.inside] = inner
    return square
