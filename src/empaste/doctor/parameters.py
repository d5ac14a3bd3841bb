"""Parameters: whether ``params.yaml`` is valid, and whether the methods that it chooses have what they need."""

import os
from pathlib import Path
from typing import Any, Literal

from empaste.captions import CAPTIONERS
from empaste.classification import cam_settings
from empaste.doctor.check import Check
from empaste.errors import DETECTRON2, InputError, install_command
from empaste.networks.contours import contour_file
from empaste.networks.packages import PACKAGE, find_weights, is_installed
from empaste.params import Params, load_params
from empaste.proposals import selective_search
from empaste.proposals.method import NOTHING
from empaste.proposals.settings import running_methods, supervision
from empaste.refinement import settings as refine_settings


def read_params(path: Path) -> tuple[Params | None, list[Check]]:
    """The parameters, None where they are not valid, and a check that says so."""
    try:
        return load_params(path), [Check("ok", f"{path.name} is valid")]
    except InputError as error:
        return None, [Check("broken", line) for line in str(error).splitlines()]


def check_method(params: Params) -> list[Check]:
    """Whether the chosen proposal source, or those that it joins, have what they need, and what they learned from."""
    checks = [
        Check("broken" if method.needed_for_all else "note", f"{method.name} needs {package}: {method.install}")
        for method in running_methods(params.proposals)
        for package in method.needs
        if not is_installed(package)
    ]
    learned_from = supervision(params.proposals)
    state: Literal["ok", "note"] = "ok" if learned_from == NOTHING else "note"
    return [*checks, Check(state, f"proposals by {params.proposals.method}, which learned from {learned_from}")]


def check_contours(params: Params) -> list[Check]:
    """Whether the learned contours that the proposals, the CAMs and the refinement ask for are there."""
    sources = {}
    if any(method.may_learn_from for method in running_methods(params.proposals)):
        sources[selective_search.CONTOURS] = selective_search.METHOD.section(params.proposals).contours
    if params.cams.follow_edges:
        sources[cam_settings.CONTOURS] = params.cams.contours
    if params.refine.rounds:
        sources[refine_settings.CONTOURS] = params.refine.contours
    return [_check_contours(key, source) for key, source in sources.items() if source]


def _check_contours(key: str, source: str) -> Check:
    try:
        return Check("ok", f"{key} is {source}, the file {contour_file(source, key).name}")
    except InputError as error:
        return Check("broken", str(error))


def check_captions(params: Params) -> list[Check]:
    """Whether the captioner has what it needs, and whether the files that it reads exist."""
    own = params.captions
    named = {"captions.file": own.file if own.method == "file" else None, "captions.synonyms": own.synonyms}
    if CAPTIONERS[own.method].learned:
        named["captions.model"] = own.model
        if not is_installed("transformers"):
            install = install_command("generative")
            return [Check("broken", f"captions.method {own.method} needs transformers: {install}")]
    return [Check("ok", f"captions by {own.method}"), *_existing(named)]


def check_backgrounds(params: Params) -> list[Check]:
    """Whether the generator of backgrounds, and CLIP where it selects, have the packages that they need."""
    own = params.backgrounds
    needed = {"diffusers": own.method == "diffusion", "open_clip": own.method != "none" and own.clip_model is not None}
    lacking = [package for package, is_needed in needed.items() if is_needed and not is_installed(package)]
    install = install_command("generative")
    checks = [Check("broken", f"backgrounds by {own.method} need {package}: {install}") for package in lacking]
    return checks or [Check("ok", f"backgrounds by {own.method}")]


def check_detector(params: Params) -> list[Check]:
    """Whether the detector's backend is installed."""
    backend = params.train.backend
    if backend == "detectron2" and not is_installed(backend):
        return [Check("broken", f"train.backend {backend} needs {backend}: {DETECTRON2}")]
    return [Check("ok", f"detector by {backend}")]


def check_paths(params: Params) -> list[Check]:
    """Whether the folders and files that the parameters name exist; a name on a hub cannot be looked up."""
    named: dict[str, Any] = {"prepare.root": params.prepare.root if params.prepare.dataset != "demo" else None}
    for method in running_methods(params.proposals):
        for name in method.asks:
            named[f"proposals.{method.name}.{name}"] = getattr(method.section(params.proposals), name)
    named["classifier.weights"] = params.classifier.weights
    named["train.weights"] = params.train.weights_from_elsewhere
    named["refine.weights"] = params.refine.weights if params.refine.rounds else None
    named["backgrounds.root"] = params.backgrounds.root if params.backgrounds.method == "random" else None
    named["paste.foregrounds_file"] = params.paste.foregrounds_file if params.paste.foregrounds == "file" else None
    return _existing(named)


def _existing(named: dict[str, Any]) -> list[Check]:
    """A check of every path in ``named``, by the key of its parameter; a parameter without a value is left out."""
    return [_check_path(key, value) for key, value in named.items() if value]


def _check_path(key: str, value: str) -> Check:
    if value.startswith(PACKAGE):
        return _check_package(key, value)
    if key.endswith(".weights") and not value.startswith((".", "/", "~")):
        return _check_weights(key, value)
    if Path(os.path.expanduser(value)).exists():  # noqa: PTH111 – an unknown ~name is a folder's
        return Check("ok", f"{key} is {value}")
    if key.endswith(".model") and not value.startswith((".", "/", "~")):
        return _by_name(key, value)
    return Check("broken", f"{key} is {value}, which does not exist; correct the path")


def _check_weights(key: str, value: str) -> Check:
    """Whether what may be a name of weights, or a file below the main repository, is there."""
    from empaste.networks.weights import weight_file

    try:
        file = weight_file(value, key)
    except InputError as error:
        return Check("broken", str(error))
    return Check("ok", f"{key} is {value}") if file else _by_name(key, value)


def _by_name(key: str, value: str) -> Check:
    return Check("note", f"{key} is {value}, no file here; it will be looked for by that name")


def _check_package(key: str, value: str) -> Check:
    try:
        file = find_weights(value, key)
    except InputError as error:
        return Check("broken", str(error))
    return Check("ok", f"{key} is {value}, the file {file.name}")
