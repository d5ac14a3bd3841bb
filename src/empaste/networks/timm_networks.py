"""timm's networks: convolutional ones, whose last features are a map, and plain vision transformers.

They take images normalised by ImageNet's mean and deviation, as all networks here do, and turn them into what their own
weights know: these numbers are part of the weights.
"""

from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from empaste.errors import TORCH_LOAD_ERRORS, InputError, first_line
from empaste.networks.family import Family, Maps
from empaste.networks.inputs import IMAGENET_MEAN, IMAGENET_STD
from empaste.networks.names import TIMM

PREFIX = "network."
"""What stands before the names of timm's tensors."""
PROBE_SIDE = 64
"""Side in pixels of an image that shows what a network gives."""


@runtime_checkable
class TimmModel(Protocol):
    """What all of timm's classifiers have."""

    pretrained_cfg: dict[str, Any]

    def forward_features(self, inputs: Tensor) -> Tensor: ...
    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor: ...
    def get_classifier(self) -> nn.Module: ...


class TimmNetwork(nn.Module):
    """``network``, one of timm's, for images normalised as for torchvision's networks.

    ``mean`` and ``std`` are those of the images that its weights were trained on, in [0, 1] per channel. ``head_name``
    names the linear layer that gives the logits.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        assert isinstance(network, TimmModel)
        self.network: Any = network
        self.head_name = _name_of(network.get_classifier(), network)
        shown = network.pretrained_cfg
        self.register_buffer("mean", torch.tensor(shown["mean"], dtype=torch.float32))
        self.register_buffer("std", torch.tensor(shown["std"], dtype=torch.float32))

    def adapt(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """The images normalised by the network's own mean and deviation in place of ImageNet's.

        Channels lie last in memory: depthwise convolutions on a CPU are half as fast again so.
        """
        mean, std = (torch.tensor(value, device=inputs.device) for value in (IMAGENET_MEAN, IMAGENET_STD))
        scale, offset = std / self.std, (mean - self.mean) / self.std
        adapted = inputs * scale.view(3, 1, 1) + offset.view(3, 1, 1)
        return adapted.contiguous(memory_format=torch.channels_last)

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c"]:
        """The logits."""
        logits: Tensor = self.network(self.adapt(inputs))
        return logits


def build_timm(name: str, num_classes: int, weights: str | None = None) -> TimmNetwork:
    """timm's network ``name``, random, for the images that its weights of the tag ``weights`` (or its first) know.

    `InputError` where timm has no such network or tag, or the network cannot be taken apart.
    """
    tagged = f"{name}.{weights}" if weights and weights in _tags(name) else name
    network = create_timm(tagged, num_classes, "architecture", **_any_size(name))
    if not (_is_convolutional(network) or _is_vit(network)) or not isinstance(network.get_classifier(), nn.Linear):
        raise InputError(
            f"architecture is {TIMM + name!r}, a {type(network).__name__}, which cannot be taken apart into maps, a "
            "vector and a linear layer; choose a convolutional network or a plain vision transformer, such as "
            f"{TIMM}resnet50, {TIMM}convnext_tiny or {TIMM}vit_small_patch16_224"
        )
    return TimmNetwork(network)


def create_timm(name: str, num_classes: int | None, key: str, **options: Any) -> Any:
    """timm's network ``name`` as timm builds it, random; with None the number of classes is that of its first weights.

    `InputError`, which names the parameter ``key``, where timm has no such network or it does not take ``options``.
    """
    import timm

    try:
        return timm.create_model(name, pretrained=False, num_classes=num_classes, **options)
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(_unknown(name, key, error)) from error


def read_timm_weights(name: str, tag: str) -> dict[str, Tensor]:
    """timm's published weights ``tag`` of its network ``name``, downloaded where needed.

    `InputError` where there are none of that tag, or they cannot be had.
    """
    import timm

    tags = _tags(name)
    if tag not in tags:
        known = f", or for {TIMM}{name}: {', '.join(tags)}" if tags else ""
        raise InputError(f"weights is {tag!r}; choose from null, a file, package:NAME{known}")
    try:
        state: dict[str, Tensor] = timm.create_model(f"{name}.{tag}", pretrained=True).state_dict()
    except TORCH_LOAD_ERRORS as error:
        raise InputError(
            f"weights {tag!r} of {TIMM}{name} could not be downloaded or read ({first_line(error)[:200]}); set "
            "weights to the path of a local copy (.safetensors or .pth)"
        ) from error
    return state


@lru_cache
def _tags(name: str) -> tuple[str, ...]:
    """The tags of timm's published weights of its network ``name``."""
    import timm

    return tuple(one.removeprefix(f"{name}.") for one in timm.list_pretrained(f"{name}.*"))


def family_of_timm(network: TimmNetwork) -> Family:
    """How ``network`` is taken apart."""
    head = PREFIX + network.head_name
    parts = (_vit_maps, _classify_vit) if _is_vit(network.network) else (_maps, _classify)
    return Family(*parts, head, head, _layers, PREFIX)


def patch_side(network: TimmNetwork) -> int:
    """The side of a ViT's patches in pixels; 1 for other networks."""
    return int(network.network.patch_embed.patch_size[0]) if _is_vit(network.network) else 1


def _any_size(name: str) -> dict[str, Any]:
    """Makes a ViT take inputs of any whole number of patches; its positions are interpolated."""
    from timm.models import model_entrypoint
    from timm.models import vision_transformer as vits

    try:
        module = model_entrypoint(name.split(".", maxsplit=1)[0]).__module__
    except (RuntimeError, KeyError, ValueError):
        return {}  # create_model says what is wrong with the name
    return {"dynamic_img_size": True} if module in (vits.__name__, "timm.models.deit") else {}


def _is_vit(network: Any) -> bool:
    """Whether ``network`` is a ViT whose last block is a plain one."""
    from timm.models.vision_transformer import Block, VisionTransformer

    return isinstance(network, VisionTransformer) and isinstance(network.blocks[-1], Block)


def _is_convolutional(network: Any) -> bool:
    """Whether the last features of ``network`` are a map, channels first, that is coarser than the image."""
    try:
        features = _last_features(network, PROBE_SIDE)
    except (RuntimeError, AssertionError, ValueError):
        return False  # it takes images of one size alone
    if not isinstance(features, Tensor) or features.ndim != 4:
        return False
    return features.shape[1] == network.num_features and features.shape[2] < PROBE_SIDE


class _LastFeatures(nn.Module):
    """``network`` as far as its last features."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, inputs: Tensor) -> Any:
        return self.network.forward_features(inputs)


def _last_features(network: nn.Module, side: int) -> Any:
    """The last features of ``network`` for an image of so many pixels: mostly one tensor, of a shape and no values.

    Nothing is computed: tensors without memory stand for the weights meanwhile.
    """
    part = _LastFeatures(network)
    own = {**dict(part.named_parameters()), **dict(part.named_buffers())}
    training = network.training
    try:
        with torch.no_grad():
            shapes = {name: tensor.to("meta") for name, tensor in own.items()}
            inputs = torch.zeros(1, 3, side, side, device="meta")
            features = torch.func.functional_call(part.eval(), shapes, inputs)
    finally:
        network.train(training)
    return features


def _name_of(part: nn.Module, network: nn.Module) -> str:
    names: list[str] = [name for name, module in network.named_modules() if module is part]
    return names[0]


def _maps(network: TimmNetwork, inputs: Tensor) -> Maps:
    return Maps(network.network.forward_features(network.adapt(inputs)))


def _classify(network: TimmNetwork, maps: Maps) -> tuple[Tensor, Tensor]:
    phi = network.network.forward_head(maps.grid, pre_logits=True)
    return network.network.get_classifier()(phi), phi


def _vit_maps(network: TimmNetwork, inputs: Tensor) -> Maps:
    """The tokens of the patches that the last block's attention reads; beside them all tokens, and the read prefix."""
    vit, side = network.network, patch_side(network)
    tokens = vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(network.adapt(inputs)))))
    tokens = vit.blocks[:-1](tokens)
    normed = vit.blocks[-1].norm1(tokens)
    prefix = vit.num_prefix_tokens
    grid = normed[:, prefix:].transpose(1, 2).unflatten(2, (inputs.shape[2] // side, inputs.shape[3] // side))
    return Maps(grid, torch.cat([tokens, normed[:, :prefix]], 1))


def _classify_vit(network: TimmNetwork, maps: Maps) -> tuple[Tensor, Tensor]:
    """The last block, the norm and the head."""
    assert maps.beside is not None
    vit, last = network.network, network.network.blocks[-1]
    patches = maps.grid.flatten(2).transpose(1, 2)
    tokens, prefix = maps.beside.split([patches.shape[1] + vit.num_prefix_tokens, vit.num_prefix_tokens], 1)
    tokens = tokens + last.drop_path1(last.ls1(last.attn(torch.cat([prefix, patches], 1))))
    tokens = tokens + last.drop_path2(last.ls2(last.mlp(last.norm2(tokens))))
    phi = vit.forward_head(vit.norm(tokens), pre_logits=True)
    return vit.head(phi), phi


def _layers(network: TimmNetwork) -> list[str]:
    """The modules that timm itself lists as ends of stages, or a ViT's blocks."""
    if _is_vit(network.network):
        return [f"{PREFIX}blocks.{number}" for number in range(len(network.network.blocks) - 1)]
    modules = dict(network.network.named_modules())
    names = [info["module"] for info in network.network.feature_info]
    return [PREFIX + name for name in names if name in modules]


def _unknown(name: str, key: str, error: Exception) -> str:
    import timm

    base = name.split(".", maxsplit=1)[0]
    near = timm.list_models(f"{base[:8]}*")[:6]
    reason = first_line(error)[:200]
    listed = f"; near it: {', '.join(near)}" if near else ""
    return f"{key} names {TIMM + name!r}, which timm does not build ({reason}){listed}"
