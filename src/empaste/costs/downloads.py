"""What a run would download: weights and models that its settings name, and whether they are here already.

Nothing is asked of any server: what counts are the caches of torch and of the hub on this machine.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from empaste.backgrounds.diffusion import GENERATOR as DIFFUSION
from empaste.captions import CAPTIONERS
from empaste.costs.flops import traits
from empaste.errors import InputError
from empaste.networks.names import TIMM
from empaste.networks.packages import PACKAGE
from empaste.params import Params
from empaste.proposals.settings import running_methods

FLOAT = 4
"""Bytes of a number, as weights are published."""
HUB = "hf-hub:"
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
    for one in (*_weights(params), *_models(params)):
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
    name = f"{architecture} {weights}"
    if architecture.startswith(TIMM):
        size: float = FLOAT * traits(architecture, 0, 224).parameters
        return Download(key, name, size, False)
    import torch
    import torchvision

    known = torchvision.models.get_model_weights(architecture)
    if weights not in known.__members__:
        names = ", ".join(known.__members__)
        raise InputError(f"{key} is {weights!r}, no weights of {architecture}; choose from {names}, a file, or null")
    chosen = known[weights]
    cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(chosen.url).name
    return Download(key, name, 1e6 * chosen.meta["_file_size"], cached.exists())


def _models(params: Params) -> Iterator[Download]:
    """Models of the hub."""
    named: dict[str, str | None] = {}
    if CAPTIONERS[params.captions.method].learned:
        named["captions.model"] = params.captions.model
    if params.backgrounds.method == DIFFUSION.name:
        named["backgrounds.diffusion.model"] = DIFFUSION.section(params.backgrounds).model
    if params.backgrounds.method != "none":
        named["backgrounds.clip_model"] = params.backgrounds.clip_model
    for method in running_methods(params.proposals):
        if "model" in method.asks and method.name != "cutout":
            named[f"proposals.{method.name}.model"] = method.section(params.proposals).model
    for key, model in named.items():
        if model is not None and _is_of_hub(model):
            name = model.removeprefix(HUB)
            parameters = PARAMETERS.get(name)
            yield Download(key, name, FLOAT * parameters if parameters else None, is_cached(name))


def _is_of_hub(model: str) -> bool:
    """Whether ``model`` is a name and no folder or file here."""
    is_local = model.startswith(("local-dir:", PACKAGE, ".", "/", "~")) or Path(model).exists()
    return not is_local


def is_cached(name: str) -> bool:
    """Whether the hub's cache on this machine holds a snapshot of ``name``."""
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home) / "hub")
    return any((cache / f"models--{name.replace('/', '--')}" / "snapshots").glob("*/*"))
