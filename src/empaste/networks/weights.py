"""Weights: by torchvision's or timm's name, from a file or an installed package, or none.

What does not fit is refused with the tensors' names.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from empaste.errors import TORCH_LOAD_ERRORS, InputError, first_line
from empaste.layout import in_main_repository
from empaste.networks.architectures import ARCHITECTURES, family_of
from empaste.networks.names import RESNETS, TIMM, check_architecture
from empaste.networks.packages import IMAGENET, PACKAGE, find_weights
from empaste.networks.timm_networks import build_timm, read_timm_weights
from empaste.networks.vit import POSITIONS, resize_positions


def build_network(
    architecture: str,
    width: int,
    weights: str | None,
    num_classes: int = 1000,
    image_size: int = 224,
    key: str = "weights",
) -> nn.Module:
    """The network ``architecture``, one of `ARCHITECTURES` or ``timm:NAME``.

    ``width`` counts for the slim ones alone, ``image_size`` for torchvision's ViTs alone. ``weights`` is None (random),
    the name of torchvision's weights or timm's tag, a file (``.pth`` or ``.safetensors``), or ``package:NAME``; a head
    of another size than ``num_classes`` is left random, a ViT's position embedding is resized. `InputError` where they
    are not to be had or do not fit; one about a file names the parameter ``key``.
    """
    if architecture not in ARCHITECTURES:
        _refuse_unknown(architecture)
        network: nn.Module = build_timm(architecture.removeprefix(TIMM), num_classes, _tag(weights, key))
    else:
        network = ARCHITECTURES[architecture](width, num_classes, image_size)
    if weights is not None:
        load_weights(network, read_weights(architecture, weights, key), weights)
    return network


def build_resnet(
    architecture: str, width: int, weights: str | None, num_classes: int = 1000, key: str = "weights"
) -> Any:
    """A ResNet with torchvision's attribute names; otherwise as `build_network`."""
    if architecture not in RESNETS:
        raise InputError(f"architecture is {architecture!r}; choose from {', '.join(RESNETS)}")
    return build_network(architecture, width, weights, num_classes, key=key)


def read_weights(architecture: str, weights: str, key: str) -> dict[str, Tensor]:
    """The tensors of the file or package ``weights``, or of torchvision's or timm's weights of that name.

    The latter are downloaded where needed. ``key`` is the parameter that an error about the file names.
    """
    file = weight_file(weights, key)
    if file is not None:
        return read_weight_file(file)
    if architecture.startswith(TIMM):
        return read_timm_weights(architecture.removeprefix(TIMM), weights)
    return _read_named(architecture, weights)


def weight_file(weights: str, key: str) -> Path | None:
    """The file that ``weights`` names, as `find_weights` finds it; None where it is the name of weights."""
    is_path = Path(weights).suffix in IMAGENET.suffixes or "/" in weights or in_main_repository(weights).is_file()
    return find_weights(weights, key) if is_path or weights.startswith(PACKAGE) else None


def load_weights(network: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """``network`` carries ``state``; a head that does not fit is dropped, any other misfit is `InputError`."""
    wanted, family = network.state_dict(), family_of(network)
    state = _with_prefix(_renamed(state), wanted, family.prefix)
    head = {key: wanted[key] for key in wanted if key.startswith(f"{family.head}.")}
    if any(key not in state or state[key].shape != head[key].shape for key in head):
        state = {key: tensor for key, tensor in state.items() if key.rsplit(".", 1)[0] != family.head}
        state |= head
    if POSITIONS in state and POSITIONS in wanted:
        side = math.isqrt(wanted[POSITIONS].shape[1] - 1)
        state[POSITIONS] = resize_positions(state[POSITIONS], (side, side))
    load_fitting(network, state, source)


def _with_prefix(state: dict[str, Tensor], wanted: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """``state`` under the names of ``wanted``, whose published names lack ``prefix``; the rest of them is as it is.

    What this project saved has the names of ``wanted`` already.
    """
    if not prefix or wanted.keys() <= state.keys():
        return state
    published = {key.removeprefix(prefix): wanted[key] for key in wanted if key.startswith(prefix)}
    named = renamed_by_order(state, published)
    own = {key: wanted[key] for key in wanted if not key.startswith(prefix)}
    return own | {prefix + key: tensor for key, tensor in named.items()}


def renamed_by_order(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` under the names of ``wanted``, where it has other names throughout but the same tensors in order.

    The same: as many, with equal last parts of their names (weight, bias, running_mean, …) and, but for the last two,
    which may be a head for other classes, of equal shapes. Otherwise ``state`` as it is.
    """
    pairs = list(zip(state.items(), wanted.items(), strict=False))
    alike = [
        _last(ours) == _last(theirs) and (given.shape == asked.shape or at >= len(pairs) - 2)
        for at, ((ours, given), (theirs, asked)) in enumerate(pairs)
    ]
    if len(state) != len(wanted) or state.keys() & wanted.keys() or not all(alike):
        return state
    return {theirs: given for (_, given), (theirs, _) in pairs}


def _last(name: str) -> str:
    return name.rsplit(".", 1)[-1]


def _refuse_unknown(architecture: str) -> None:
    try:
        check_architecture(architecture)
    except ValueError as error:
        raise InputError(f"architecture is {architecture!r}; {error}") from error


def _tag(weights: str | None, key: str) -> str | None:
    """``weights`` where they are the name of weights, None where they are a file or none."""
    return None if weights is None or weight_file(weights, key) else weights


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
        # The hash is that of a download: a file that lies there already is read as it is.
        state: dict[str, Tensor] = chosen.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except TORCH_LOAD_ERRORS as error:
        target = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
        raise InputError(
            f"weights {name!r} of {architecture} could not be downloaded or read ({first_line(error)}); "
            f"put the file {chosen.url} at {target}, or set weights to the path of a local copy"
        ) from error
    return state
