"""Weights in installed packages: found by the package's name, renamed by their order where names differ."""

import sys
from pathlib import Path

import pytest
import timm
import torch

from empaste.errors import InputError
from empaste.networks.packages import is_installed, package_file, renamed_by_order
from empaste.networks.weights import build_network

ARCHITECTURE = "test_efficientnet"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an installed package without weights that must not be imported."""
    folder = tmp_path / "some_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return folder


def test_the_one_file_is_found(package: Path) -> None:
    file = package / "models" / "weights.pth"
    file.write_bytes(b"")
    assert is_installed("some_weights")
    assert package_file("some_weights") == file


def test_a_package_that_is_not_installed() -> None:
    assert not is_installed("no_such_package")
    with pytest.raises(InputError, match=r"no package no_such_package is installed; .*lite0_.*\.\[imagenet\]"):
        package_file("no_such_package")


@pytest.mark.parametrize(("files", "found"), [([], "0 files of weights (none)"), (["a.pt", "b.pth"], "2 files")])
def test_a_package_without_one_file_of_weights(package: Path, files: list[str], found: str) -> None:
    for name in files:
        (package / name).write_bytes(b"")
    with pytest.raises(InputError) as error:
        package_file("some_weights")
    assert found in str(error.value)
    assert "not one; give the path of a file" in str(error.value)


def test_tensors_of_other_names_are_taken_by_their_order(package: Path) -> None:
    source = timm.create_model(ARCHITECTURE, num_classes=9)
    state = {f"_{number}.{key.rsplit('.', 1)[1]}": one for number, (key, one) in enumerate(source.state_dict().items())}
    torch.save(state, package / "weights.pth")
    network = build_network(f"timm:{ARCHITECTURE}", 8, "package:some_weights", num_classes=3)
    for key, tensor in source.state_dict().items():
        if not key.startswith("classifier."):
            assert torch.equal(network.state_dict()[f"network.{key}"], tensor)
    assert network.state_dict()["network.classifier.weight"].shape[0] == 3


@pytest.mark.parametrize("change", ["one more", "another shape", "another kind"])
def test_what_is_not_alike_keeps_its_names(change: str) -> None:
    wanted = {f"{number}.weight": torch.zeros(number + 1) for number in range(5)}
    state = {f"_{number}.weight": torch.zeros(number + 1) for number in range(5)}
    assert renamed_by_order(state, wanted).keys() == wanted.keys()
    if change == "one more":
        state["_5.weight"] = torch.zeros(6)
    elif change == "another shape":
        state["_1.weight"] = torch.zeros(9)
    else:
        state = {f"_{number}.{'bias' if number == 1 else 'weight'}": torch.zeros(number + 1) for number in range(5)}
    assert renamed_by_order(state, wanted) == state


def test_a_head_of_another_size_is_still_alike() -> None:
    wanted = {"a.weight": torch.zeros(2), "head.weight": torch.zeros(3, 2), "head.bias": torch.zeros(3)}
    state = {"_a.weight": torch.ones(2), "_fc.weight": torch.zeros(9, 2), "_fc.bias": torch.zeros(9)}
    assert renamed_by_order(state, wanted).keys() == wanted.keys()
