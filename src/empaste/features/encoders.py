"""Frozen networks that turn what they are shown into vectors: the classifier's layers, torchvision, timm, CLIP.

Each is named by a text: ``classifier``, or ``SOURCE:MODEL`` with a source of `SOURCES`; of the
classifier and of torchvision's networks a layer may follow after ``#``.
"""

import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from empaste.artifacts.classifier import TrainedClassifier
from empaste.errors import TORCH_LOAD_ERRORS, InputError, first_line
from empaste.networks.anatomy import LAST, layer_vectors
from empaste.networks.architectures import ARCHITECTURES
from empaste.networks.clip import import_open_clip, name_and_weights
from empaste.networks.inputs import to_input
from empaste.networks.packages import find_weights
from empaste.networks.timm_networks import create_timm
from empaste.networks.weights import build_network, load_fitting, read_weight_file, renamed_by_order

KEY = "features.backbones"
CLASSIFIER = "classifier"
TORCHVISION_SIDE = 224
"""Side in pixels of what torchvision's networks are shown."""


class Encoder(NamedTuple):
    """A frozen network: the side of the squares that it takes, and what it gives for a batch of them.

    ``encode`` gives the classes' logits, which the classifier alone has, and for each of ``num_layers`` a tensor of
    vectors (n, d).
    """

    side: int
    num_layers: int
    encode: Callable[[UInt8[np.ndarray, "b side side 3"]], tuple[Tensor | None, list[Tensor]]]


Loader: TypeAlias = Callable[[str, Sequence[str], torch.device], Encoder]
"""Takes a model, the layers asked for, and the device."""


def split_name(name: str) -> tuple[str, str]:
    """The network and the layer that ``name`` names."""
    network, _, layer = name.partition("#")
    return network, layer or LAST


def layers_by_network(names: Sequence[str]) -> dict[str, list[str]]:
    """The layers asked for of each network, in the order in which the networks are first named."""
    layers: dict[str, list[str]] = {}
    for network, layer in map(split_name, names):
        layers.setdefault(network, []).append(layer)
    return layers


def load_encoders(names: Sequence[str], classifier: TrainedClassifier) -> list[Encoder]:
    """The classifier, which always comes first, then the other networks of ``names``, each once for all its layers.

    `InputError` for a name that says nothing, and where a network is not to be had.
    """
    layers = layers_by_network(names)
    encoders = [_classifier_encoder(classifier, layers.pop(CLASSIFIER, []))]
    for network, asked in layers.items():
        source, colon, model = network.partition(":")
        if not colon or source not in SOURCES or not model:
            known = ", ".join([CLASSIFIER, *(f"{source}:MODEL" for source in SOURCES)])
            raise InputError(f"{KEY} names {network!r}; choose from {known}")
        encoders.append(SOURCES[source](model, asked, classifier.device))
    return encoders


def _classifier_encoder(classifier: TrainedClassifier, layers: Sequence[str]) -> Encoder:
    def encode(squares: np.ndarray) -> tuple[Tensor, list[Tensor]]:
        return layer_vectors(classifier.network, to_input(squares, classifier.device), layers)

    return Encoder(classifier.image_size, len(layers), encode)


def load_torchvision(model: str, layers: Sequence[str], device: torch.device) -> Encoder:
    """The network ``NAME@WEIGHTS``: an architecture of torchvision, and the name of its weights or a file."""
    name, _, weights = model.partition("@")
    if name not in ARCHITECTURES or not weights or name.startswith("resnet_slim"):
        known = ", ".join(name for name in ARCHITECTURES if not name.startswith("resnet_slim"))
        raise InputError(
            f"{KEY} names torchvision:{model}; write torchvision:NAME@WEIGHTS with the name of "
            f"torchvision's weights (IMAGENET1K_V1) or a file, and a NAME of {known}"
        )
    network = build_network(name, 0, weights, image_size=TORCHVISION_SIDE, key=KEY).eval().to(device)

    def encode(squares: np.ndarray) -> tuple[None, list[Tensor]]:
        return None, layer_vectors(network, to_input(squares, device), layers)[1]

    return Encoder(TORCHVISION_SIDE, len(layers), encode)


def load_timm(model: str, layers: Sequence[str], device: torch.device) -> Encoder:
    """The network ``NAME`` with timm's published weights, ``NAME@FILE``, ``NAME@package:PACKAGE``, or
    ``local-dir:FOLDER`` as timm saves one.
    """
    _only_last("timm", model, layers)
    name, _, file = model.partition("@")
    if name.startswith("local-dir:"):
        network, shown = _timm_folder(Path(name.removeprefix("local-dir:")))
    else:
        network = _timm_file(name, file) if file else _timm_published(name)
        shown = network.pretrained_cfg
    return _encoder_of(network.eval().to(device), shown["input_size"][-1], shown["mean"], shown["std"], network, device)


def _timm_published(name: str) -> Any:
    """timm's network ``name`` with its published weights, downloaded where needed."""
    import timm

    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    except TORCH_LOAD_ERRORS as error:
        raise InputError(_unavailable("timm", name, error)) from error


def _timm_file(name: str, file: str) -> Any:
    """timm's network ``name`` with the weights in ``file``, which may be ``package:PACKAGE``."""
    network = create_timm(name, 0, KEY)
    with torch.device("meta"):  # names and shapes alone
        whole = create_timm(name, None, KEY).state_dict()
    _load_headless(network, find_weights(file, KEY), whole)
    return network


def _timm_folder(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The network in a folder as timm saves one for sharing, and how images are shown to it."""
    try:
        config = json.loads((folder / "config.json").read_text())
        name, shown = config["architecture"], config.get("pretrained_cfg", {})
        network = create_timm(name, 0, "architecture", **config.get("model_args", {}))
    except FileNotFoundError as error:
        raise InputError(f"{folder} holds no config.json; give a folder as timm saves one") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"{folder / 'config.json'} cannot be used ({error}); give a folder as timm saves one"
        ) from error
    files = [folder / file for file in ("model.safetensors", "pytorch_model.bin") if (folder / file).is_file()]
    if not files:
        raise InputError(f"{folder} holds neither model.safetensors nor pytorch_model.bin; put the weights there")
    _load_headless(network, files[0])
    return network, network.pretrained_cfg | shown


def _load_headless(network: Any, file: Path, whole: Mapping[str, Tensor] | None = None) -> None:
    """``network``, built without its head, carries the weights in ``file``, which may have one.

    Where the file has other names, the order of the tensors counts, if ``whole`` has the same ones, head and all.
    """
    heads = network.pretrained_cfg["classifier"]
    heads = (heads,) if isinstance(heads, str) else heads
    state = read_weight_file(file)
    state = renamed_by_order(state, dict(whole)) if whole else state
    state = {key: tensor for key, tensor in state.items() if key.rsplit(".", 1)[0] not in heads}
    load_fitting(network, state, str(file))


def load_clip(model: str, layers: Sequence[str], device: torch.device) -> Encoder:
    """The image tower of the CLIP ``NAME@WEIGHTS`` of open_clip, ``hf-hub:NAME``, or ``local-dir:FOLDER``."""
    _only_last("clip", model, layers)
    open_clip = import_open_clip()
    name, weights = name_and_weights(model)
    if ":" not in model and not weights:
        raise InputError(f"{KEY} names clip:{model} without weights; write clip:{model}@openai or the like")
    try:
        network = open_clip.create_model(name, pretrained=weights, device=device, weights_only=True)
    except TORCH_LOAD_ERRORS as error:
        raise InputError(_unavailable("clip", model, error)) from error
    shown = network.visual.preprocess_cfg
    side = shown["size"] if isinstance(shown["size"], int) else shown["size"][0]
    return _encoder_of(network.eval(), side, shown["mean"], shown["std"], network.encode_image, device)


def _encoder_of(
    network: nn.Module,
    side: int,
    mean: Sequence[float],
    std: Sequence[float],
    apply: Callable[[Tensor], Tensor],
    device: torch.device,
) -> Encoder:
    def encode(squares: np.ndarray) -> tuple[None, list[Tensor]]:
        return None, [apply(to_input(squares, device, mean, std))]

    return Encoder(side, 1, encode)


def _only_last(source: str, model: str, layers: Sequence[str]) -> None:
    others = [layer for layer in layers if layer != LAST]
    if others:
        raise InputError(
            f"{KEY} names the layer {others[0]} of {source}:{model}; layers can be chosen of classifier "
            "and torchvision alone: leave it out"
        )


def _unavailable(source: str, model: str, error: Exception) -> str:
    reason = textwrap.shorten(first_line(error), 200, placeholder=" …")  # some list every model there is
    return (
        f"{KEY} names {source}:{model}, which is not to be had ({reason}); on a machine with a network "
        f"download it, then write {source}:local-dir:FOLDER"
    )


SOURCES: dict[str, Loader] = {"torchvision": load_torchvision, "timm": load_timm, "clip": load_clip}
"""Where networks other than the classifier come from."""
