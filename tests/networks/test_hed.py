"""HED on weights made by hand: what each layer does, and which files are refused."""

import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from empaste.errors import InputError
from empaste.networks.hed import HED, MEAN_BGR, contour_map, load_hed
from tests.networks.hed_files import LAYERS, save_hed, save_step_finder


def sigmoid(values: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-values)))


def noise(height: int = 20, width: int = 27) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def passing(side: int, colour: int = 0) -> dict[str, np.ndarray]:
    """Weights that pass one colour, where it is above the mean, through the blocks up to the side output ``side``."""
    tensors: dict[str, np.ndarray] = {}
    for layer, shape in LAYERS.items():
        if layer.startswith("block") and int(layer[5]) <= side + 1:
            kernel = np.zeros(shape)
            kernel[1, 1, colour if layer == "block1/layers/conv2d" else 0, 0] = 1
            tensors[f"{layer}/vars/0"] = kernel
    kernel = np.zeros(LAYERS[f"dsn{side + 1}"])
    kernel[0, 0, 0] = 1
    tensors[f"dsn{side + 1}/vars/0"] = kernel
    fuse = np.zeros(LAYERS["fuse"])
    fuse[0, 0, side] = 0.01
    return tensors | {"fuse/vars/0": fuse}


@pytest.mark.parametrize("colour", [0, 1, 2])
def test_colours_come_blue_first_and_less_the_mean(tmp_path: Path, colour: int) -> None:
    image = noise()
    contours = contour_map(load_hed(save_hed(tmp_path / "a.weights.h5", passing(0, colour))), image)
    above = np.maximum(image[..., 2 - colour] - MEAN_BGR[colour], 0)
    assert contours.dtype == np.float32
    assert contours == pytest.approx(sigmoid(0.01 * above), abs=1e-5)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_each_block_halves_and_its_map_is_enlarged(tmp_path: Path, side: int) -> None:
    image = np.full((33, 50, 3), 200, np.uint8)
    contours = contour_map(load_hed(save_hed(tmp_path / "a.weights.h5", passing(side))), image)
    assert contours == pytest.approx(np.full((33, 50), sigmoid(np.array(0.01 * (200 - MEAN_BGR[0])))), abs=1e-5)


def test_a_block_gives_the_maximum_of_two_by_two(tmp_path: Path) -> None:
    image = np.zeros((2, 4, 3), np.uint8)
    image[1, 0], image[0, 3] = 150, 250
    contours = contour_map(load_hed(save_hed(tmp_path / "a.weights.h5", passing(1))), image)
    ends = sigmoid(0.01 * (np.array([150, 250]) - MEAN_BGR[0]))
    assert contours[:, [0, 3]] == pytest.approx(np.stack([ends, ends]), abs=1e-5)


def test_biases_and_the_weights_of_the_sum_count(tmp_path: Path) -> None:
    fuse = np.arange(5.0).reshape(1, 1, 5, 1)
    tensors = {f"dsn{at + 1}/vars/1": np.array([0.1]) for at in range(5)}
    path = save_hed(tmp_path / "a.weights.h5", tensors | {"fuse/vars/0": fuse, "fuse/vars/1": np.array([-2.0])})
    assert contour_map(load_hed(path), noise()) == pytest.approx(sigmoid(np.full((20, 27), -1.0)))


def test_steps_are_contours(tmp_path: Path) -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 220
    contours = contour_map(load_hed(save_step_finder(tmp_path / "a.weights.h5")), image)
    assert contours[2:-2, 7:9].min() > 0.9
    assert contours[2:-2, 2:6].max() < 0.1


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 40), (3, 2), (17, 31)])
def test_images_of_any_size(tmp_path: Path, size_hw: tuple[int, int]) -> None:
    contours = contour_map(load_hed(save_hed(tmp_path / "a.weights.h5", {})), np.zeros((*size_hw, 3), np.uint8))
    assert contours.tolist() == np.full(size_hw, 0.5).tolist()


def test_the_trunk_is_that_of_vgg16() -> None:
    from torchvision.models import vgg16

    with torch.device("meta"):
        trunk = vgg16(weights=None).features
        ours = [tensor.shape for tensor in HED().blocks.state_dict().values()]
    assert ours == [tensor.shape for tensor in trunk.state_dict().values()]


def test_loaded_once_and_without_drawing_at_random(tmp_path: Path) -> None:
    path, before = save_hed(tmp_path / "a.weights.h5", {}), torch.get_rng_state()
    assert load_hed(path) is load_hed(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_same_bytes_at_any_number_of_threads(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    tensors = {f"{layer}/vars/0": draw.normal(0, 0.05, shape) for layer, shape in list(LAYERS.items())[:2]}
    fuse, side = np.full(LAYERS["fuse"], 0.2), draw.normal(0, 0.1, LAYERS["dsn1"])
    path = save_hed(tmp_path / "a.weights.h5", tensors | {"dsn1/vars/0": side, "fuse/vars/0": fuse})
    network, threads, maps = load_hed(path), torch.get_num_threads(), []
    for count in (1, 3):
        torch.set_num_threads(count)
        maps.append(contour_map(network, noise(60, 64)).tobytes())
        assert torch.get_num_threads() == count
    torch.set_num_threads(threads)
    assert maps[0] == maps[1]


def test_a_file_that_lacks_a_tensor_is_refused_with_its_name(tmp_path: Path) -> None:
    path = save_hed(tmp_path / "a.weights.h5", {}, without="block3/layers/conv2d_2/vars/0")
    with pytest.raises(
        InputError,
        match=r"do not fit HED \(1 misfits\): block3/layers/conv2d_2/vars/0 is missing, expected \(256, 256, 3",
    ):
        load_hed(path)


def test_a_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = save_hed(tmp_path / "a.weights.h5", {"dsn2/vars/0": np.zeros((1, 1, 64, 1))})
    with pytest.raises(InputError, match=r"dsn2/vars/0 is \(1, 64, 1, 1\), expected \(1, 128, 1, 1\)"):
        load_hed(path)


def test_a_tensor_of_whole_numbers_is_refused(tmp_path: Path) -> None:
    import h5py

    path = save_hed(tmp_path / "a.weights.h5", {}, without="fuse/vars/1")
    with h5py.File(path, "a") as file:
        file["fuse/vars/1"] = np.zeros(1, np.int64)
    with pytest.raises(InputError, match="fuse/vars/1 is missing"):
        load_hed(path)


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(50)])
def test_a_file_that_is_no_hdf5_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.weights.h5"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.weights\.h5 cannot be read as HDF5 \(OSError\); replace the file"):
        load_hed(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_short_is_refused(tmp_path: Path, kept: float) -> None:
    path = save_hed(tmp_path / "a.weights.h5", {})
    path.write_bytes(path.read_bytes()[: int(kept * path.stat().st_size)])
    with pytest.raises(InputError, match="cannot be read as HDF5"):
        load_hed(path)


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_refused_or_read(tmp_path: Path, seed: int) -> None:
    content, draw = bytearray(save_hed(tmp_path / "a.weights.h5", {}).read_bytes()), np.random.default_rng(seed)
    for at in draw.integers(0, len(content), 60):
        content[at] ^= int(draw.integers(1, 256))
    (tmp_path / "b.weights.h5").write_bytes(content)
    with suppress(InputError):
        load_hed(tmp_path / "b.weights.h5")


def test_without_h5py_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"h5py is not installed; install it with: uv pip install -e '\.\[contours\]'"):
        load_hed(tmp_path / "a.weights.h5")
