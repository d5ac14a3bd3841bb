"""A network on disk: a folder with ``model.safetensors`` (its tensors) and ``config.json`` (what builds it again)."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json, write_whole
from empaste.errors import InputError

MODEL_FILE, CONFIG_FILE = "model.safetensors", "config.json"
MAX_SIDE = 2**16
"""Channels, and pixels a side, that no network has more of."""


def save_network(network: nn.Module, folder: Path, config: Mapping[str, Any]) -> None:
    """``folder``, which is made where it is missing, holds the network's tensors and ``config``.

    `OSError` where the disk is full.
    """
    state = {key: tensor.detach().cpu().contiguous() for key, tensor in network.state_dict().items()}
    write_whole(folder / MODEL_FILE, save(state))  # save_file has an error of its own for a full disk
    write_json(folder / CONFIG_FILE, dict(config))


def read_network(folder: Path, keys: Collection[str], stage: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The config and the tensors in ``folder``, which ``stage`` writes.

    `InputError` where a file is missing or unreadable, or the config lacks one of ``keys``.
    """
    path = folder / MODEL_FILE
    config = read_config(folder, keys, stage)
    try:
        return config, load_file(path)
    except FileNotFoundError as error:
        raise _missing(path, stage) from error
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); run: dvc repro {stage}") from error


def read_config(folder: Path, keys: Collection[str], stage: str) -> dict[str, Any]:
    """The config in ``folder``, which ``stage`` writes; `InputError` as for `read_network`."""
    path = folder / CONFIG_FILE
    config = read_own_json(path, f"dvc repro {stage} (or dvc pull)")
    missing = set(keys) - set(config if isinstance(config, dict) else ())
    if missing:
        raise InputError(f"{path} lacks {', '.join(sorted(missing))}; run: dvc repro {stage}")
    found: dict[str, Any] = config
    return found


def fill_network(network: nn.Module, state: Mapping[str, Tensor], folder: Path, stage: str) -> None:
    """``network`` holds the tensors of ``state``, read from ``folder``; `InputError` where they do not fit it."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = " ".join(str(error).split("\n\t")[1:3])
        raise InputError(
            f"{folder / MODEL_FILE} does not fit {folder / CONFIG_FILE}: {first}; run: dvc repro {stage}"
        ) from error


def check_fits(network: nn.Module, state: Mapping[str, Tensor], folder: Path, stage: str) -> None:
    """`InputError` where a tensor of ``state``, read from ``folder``, is not of the shape that ``network`` has.

    The network may be without memory (on the device ``meta``).
    """
    wanted = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    found = {key: tuple(tensor.shape) for key, tensor in state.items()}
    for key in sorted(wanted.keys() & found.keys()):
        if wanted[key] != found[key]:
            raise InputError(
                f"{folder / MODEL_FILE} does not fit {folder / CONFIG_FILE}: size mismatch for {key}, which is "
                f"{found[key]} and should be {wanted[key]}; run: dvc repro {stage}"
            )


def _missing(path: Path, stage: str) -> InputError:
    return InputError(f"{path} does not exist; run: dvc repro {stage} (or dvc pull)")
