"""The folder of a trained detector: its backend, its network and its classes, from ``config.json``, and its tensors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from torch import Tensor

from empaste.artifacts.networks import MAX_SIDE, read_config, read_network
from empaste.detectors.backend import Backend, Network
from empaste.detectors.backends import BACKENDS
from empaste.errors import InputError

CONFIG_KEYS = ("backend", "classes", *Network.__dataclass_fields__)


class Model(NamedTuple):
    """What lies in a model's folder: whose network it is, what ``config.json`` says, and the tensors by name."""

    backend: Backend
    config: dict[str, Any]
    state: dict[str, Tensor]


def read_model(model: Path) -> Model:
    """What lies in the folder ``model``; `InputError` where its files are missing or name no backend."""
    config, state = read_network(model, CONFIG_KEYS, "train")
    if not isinstance(config["backend"], str) or config["backend"] not in BACKENDS:
        raise InputError(
            f"{model / 'config.json'}: backend is {config['backend']!r}; choose from {', '.join(BACKENDS)}; run: dvc "
            "repro train"
        )
    return Model(BACKENDS[config["backend"]], config, state)


def network_in(config: Mapping[str, Any], model: Path) -> Network:
    """What the network is built from; `InputError` where a value is of another type."""
    values = {key: config[key] for key in Network.__dataclass_fields__}
    for key, kind in get_type_hints(Network).items():
        if type(values[key]) is not kind or (kind is int and not 1 <= values[key] <= MAX_SIDE):
            raise InputError(f"{model / 'config.json'}: {key} is {str(values[key])[:80]!r}; run: dvc repro train")
    return Network(**values)


def classes_of(model: Path) -> dict[int, str]:
    """The names of the classes that the detector in the folder ``model`` knows, by id, in its order."""
    return classes_in(read_config(model, ("classes",), "train"), model)


def classes_in(config: Mapping[str, Any], model: Path) -> dict[int, str]:
    """The names of the classes in ``config``, by id, in its order; `InputError` where it names none."""
    try:
        return {int(row["id"]): str(row["name"]) for row in config["classes"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{model / 'config.json'} names no classes; run: dvc repro train") from error


def check_classes(model: Path, wanted: Mapping[int, str], source: Path) -> None:
    """`InputError`, which lists both, where the detector in ``model`` knows others than ``wanted``, of ``source``."""
    known = classes_of(model)
    if known != dict(wanted):
        raise InputError(
            f"{model} knows the classes {_listed(known)}; {source} has {_listed(wanted)}; give the detector that was "
            "trained on these, or run: dvc repro train"
        )


def _listed(classes: Mapping[int, str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in classes.items())
