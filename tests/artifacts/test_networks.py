"""A folder with a network: what is written comes back; every file that is not as written is named."""

from pathlib import Path

import pytest
import torch
from torch import nn

from empaste.artifacts.networks import CONFIG_FILE, MODEL_FILE, fill_network, read_network, save_network
from empaste.errors import InputError
from tests.full_disk import full_disk

KEYS = ("width", "depth")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_network(nn.Linear(3, 2), tmp_path / "net", {"width": 3, "depth": 1})
    return tmp_path / "net"


def test_the_same_tensors_come_back_and_all_may_read_them(folder: Path) -> None:
    config, state = read_network(folder, KEYS, "train")
    network = nn.Linear(3, 2)
    fill_network(network, state, folder, "train")
    assert config == {"width": 3, "depth": 1}
    assert all(torch.equal(network.state_dict()[key], state[key]) for key in state)
    assert len(state) == 2
    assert (folder / MODEL_FILE).stat().st_mode & 0o777 == 0o644


def test_a_full_disk_is_an_error_of_the_machine_and_leaves_no_half(tmp_path: Path) -> None:
    with full_disk(50), pytest.raises(OSError, match="File too large"):
        save_network(nn.Linear(3, 2), tmp_path, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [MODEL_FILE, CONFIG_FILE])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=rf"{name} does not exist; run: dvc repro train \(or dvc pull\)"):
        read_network(folder, KEYS, "train")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (MODEL_FILE, b"abc", r"model.safetensors cannot be read \(.*\); run: dvc repro train"),
        (CONFIG_FILE, b"{", "config.json is not valid JSON: .*; run: dvc repro train"),
        (CONFIG_FILE, b'{"depth": 1}', "config.json lacks width; run: dvc repro train"),
        (CONFIG_FILE, b"[]", "config.json lacks depth, width; run: dvc repro train"),
    ],
)
def test_an_unreadable_file_is_named(folder: Path, name: str, content: bytes, message: str) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_network(folder, KEYS, "train")


def test_tensors_of_another_network_are_refused(folder: Path) -> None:
    _, state = read_network(folder, KEYS, "train")
    with pytest.raises(InputError, match=r"does not fit .*config.json: size mismatch for weight.*run: dvc repro train"):
        fill_network(nn.Linear(4, 2), state, folder, "train")


def test_a_config_that_nests_without_end_or_is_a_folder_is_named(folder: Path) -> None:
    path = folder / CONFIG_FILE
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"config\.json is not valid JSON"):
        read_network(folder, KEYS, "train")
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=r"config\.json cannot be read .*; run: dvc repro train"):
        read_network(folder, KEYS, "train")
