"""What a run would download: weights and models that its settings name, and whether they are here already.

Nothing is asked of any server: what counts are the caches of torch and of the hub on this machine.
"""

import importlib.util
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from empaste.backgrounds.diffusion import GENERATOR as DIFFUSION
from empaste.captions import CAPTIONERS
from empaste.errors import InputError
from empaste.networks.clip import name_and_weights
from empaste.networks.names import NAMES, TIMM
from empaste.networks.packages import PACKAGE
from empaste.params import Params
from empaste.proposals.settings import running_methods

FLOAT = 4
"""Bytes of a number, as weights are published."""
HUB, FOLDER = "hf-hub:", "local-dir:"
"""What stands before a model of the hub, and before one in a folder."""
BACKBONES = "features.backbones"
PARAMETERS = {
    "Salesforce/blip-image-captioning-base": 247_414_076,
    "stable-diffusion-v1-5/stable-diffusion-v1-5": 859_520_964 + 83_653_863 + 123_060_480 + 303_966_208,
    "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": 151_277_313,
}
"""Of models, counted in networks of their published configurations."""


class Download(NamedTuple):
    """What the parameters ``key`` name; ``size`` in bytes, None where not known; whether it is on this machine."""

    key: str
    name: str
    size: float | None
    is_here: bool


def list_downloads(params: Params) -> list[Download]:
    """Everything that ``params`` name by a name of its publisher, each once."""
    found: dict[str, Download] = {}
    for one in (*_weights(params), *_backbones(params), *_models(params)):
        known = found.get(one.name)
        found[one.name] = one._replace(key=f"{known.key}, {one.key}") if known else one
    return list(found.values())


def _weights(params: Params) -> Iterator[Download]:
    used = {
        "classifier.weights": (params.classifier.architecture, params.classifier.weights),
        "train.weights": (params.train.architecture, params.train.weights_from_elsewhere),
        "refine.weights": (params.refine.architecture, params.refine.weights if params.refine.rounds else None),
    }
    for key, (architecture, weights) in used.items():
        if weights is not None and _is_name(weights, key):
            yield _named_weights(key, architecture, weights)


def _is_name(weights: str, key: str) -> bool:
    """Whether these are weights of a publisher's name; a file that is missing is what the doctor reports."""
    from empaste.networks.weights import weight_file

    try:
        return weight_file(weights, key) is None
    except InputError:
        return False


def _named_weights(key: str, architecture: str, weights: str) -> Download:
    """Weights of torchvision's or timm's name."""
    if architecture.startswith(TIMM):
        network = architecture.removeprefix(TIMM)
        return _timm_weights(key, f"{architecture} {weights}", network, weights)
    import torch
    import torchvision

    known = torchvision.models.get_model_weights(architecture)
    if weights not in known.__members__:
        raise _no_weights(key, weights, architecture, known.__members__)
    chosen = known[weights]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    return Download(key, f"{architecture} {weights}", 1e6 * chosen.meta["_file_size"], cached.exists())


def _timm_weights(key: str, name: str, network: str, tag: str = "") -> Download:
    """The weights ``tag`` of timm's ``network``, or its first ones, which timm fetches from the hub."""
    import timm
    import torch

    from empaste.networks.timm_networks import create_timm

    with torch.device("meta"):  # shapes alone
        whole = create_timm(network, None, key)
    try:
        published = timm.models.get_pretrained_cfg(f"{network}.{tag}" if tag else network)
    except RuntimeError as error:  # timm's, where it knows the network and not the tag
        tags = [one.removeprefix(f"{network}.") for one in timm.list_pretrained(f"{network}.*")]
        raise _no_weights(key, tag, TIMM + network, tags) from error
    size = FLOAT * sum(one.numel() for one in whole.parameters())
    on_hub = published.hf_hub_id if published else None
    return Download(key, name, size, on_hub is not None and is_cached(on_hub))


def _no_weights(key: str, weights: str, architecture: str, known: Iterable[str]) -> InputError:
    others = "or a file" if key == BACKBONES else "a file, or null"
    return InputError(f"{key} is {weights!r}, no weights of {architecture}; choose from {', '.join(known)}, {others}")


def _backbones(params: Params) -> Iterator[Download]:
    """Networks of `features` besides the classifier; what names none is refused by the stage."""
    for backbone in params.features.backbones:
        source, _, model = backbone.partition("#")[0].partition(":")
        name, _, weights = model.partition("@")
        if source == "torchvision" and name in NAMES and weights and _is_name(weights, BACKBONES):
            yield _named_weights(BACKBONES, name, weights)
        elif source == "timm" and name and not weights and not name.startswith(FOLDER):
            yield _timm_weights(BACKBONES, TIMM + name, name)
        elif source == "clip" and _is_of_hub(model) and not Path(weights).is_file():
            yield _hub_model(BACKBONES, _clip_on_hub(model))


def _clip_on_hub(model: str) -> str:
    """What the hub calls the CLIP ``NAME@WEIGHTS`` of open_clip; ``model`` itself where that cannot be known."""
    name, weights = name_and_weights(model)
    if weights is None or importlib.util.find_spec("open_clip") is None:
        return model
    from open_clip.pretrained import get_pretrained_cfg

    return str(get_pretrained_cfg(name, weights).get("hf_hub", "")).rstrip("/") or model


def _models(params: Params) -> Iterator[Download]:
    """Models of the hub."""
    named: dict[str, str | None] = {}
    if CAPTIONERS[params.captions.method].learned:
        named["captions.model"] = params.captions.model
    if params.backgrounds.method == DIFFUSION.name:
        named["backgrounds.diffusion.model"] = DIFFUSION.section(params.backgrounds).model
    if params.backgrounds.method != "none":
        clip = params.backgrounds.clip_model
        named["backgrounds.clip_model"] = clip and _clip_on_hub(clip)
    for method in running_methods(params.proposals):
        if "model" in method.asks and method.name != "cutout":
            named[f"proposals.{method.name}.model"] = method.section(params.proposals).model
    for key, model in named.items():
        if model is not None and _is_of_hub(model):
            yield _hub_model(key, model)


def _hub_model(key: str, model: str) -> Download:
    name = model.removeprefix(HUB)
    parameters = PARAMETERS.get(name)
    return Download(key, name, FLOAT * parameters if parameters else None, is_cached(name))


def _is_of_hub(model: str) -> bool:
    """Whether ``model`` is a name and no folder or file here."""
    is_local = model.startswith((FOLDER, PACKAGE, ".", "/", "~")) or Path(model).exists()
    return not is_local


def is_cached(name: str) -> bool:
    """Whether the hub's cache on this machine holds a snapshot of ``name``."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    return any((cache / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/*"))
