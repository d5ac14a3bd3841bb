"""Weights of HED by hand, in a file as Keras writes it: every one is 0 but for those given, so that it stays small."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

import numpy as np

from empaste.networks.hed import BLOCKS

LAYERS = {
    **{
        f"block{at + 1}/layers/conv2d" + (f"_{number}" if number else ""): (
            3, 3, channels if number else (3, *(width for _, width in BLOCKS))[at], channels
        )
        for at, (count, channels) in enumerate(BLOCKS)
        for number in range(count)
    },
    **{f"dsn{at + 1}": (1, 1, channels, 1) for at, (_, channels) in enumerate(BLOCKS)},
    "fuse": (1, 1, len(BLOCKS), 1),
}  # fmt: skip
"""The layers by their names in the file, and the shapes of their kernels: height × width × in × out."""


def save_hed(path: Path, tensors: Mapping[str, np.ndarray], without: str | None = None) -> Path:
    """Write the file: ``tensors`` by their full names, zeros for all others; ``without`` is left out."""
    import h5py

    with h5py.File(path, "w") as file:
        for layer, shape in LAYERS.items():
            for number, own in enumerate((shape, shape[-1:])):
                name = f"{layer}/vars/{number}"
                if name != without:
                    values = np.asarray(tensors.get(name, np.zeros(own)), np.float32)
                    file.create_dataset(name, data=values, compression="gzip")
    return path


def save_step_finder(path: Path) -> Path:
    """HED that finds steps of any colour: its first block alone sees, and what lies flat is no contour."""
    first, second = np.zeros(LAYERS["block1/layers/conv2d"]), np.zeros(LAYERS["block1/layers/conv2d_1"])
    for channel, (sign, axis, colour) in enumerate(product((1, -1), (0, 1), range(3))):
        first[:, :, colour, channel] = _derivative(axis) * sign
        second[1, 1, channel, channel] = 1
    side, fuse = np.zeros(LAYERS["dsn1"]), np.zeros(LAYERS["fuse"])
    side[0, 0, :12] = 1 / 20
    fuse[0, 0, 0] = 1
    named = {"block1/layers/conv2d": first, "block1/layers/conv2d_1": second, "dsn1": side, "fuse": fuse}
    return save_hed(path, {f"{layer}/vars/0": one for layer, one in named.items()} | {"fuse/vars/1": np.array([-4.0])})


def _derivative(axis: int) -> np.ndarray:
    """The central difference along ``axis``, in the middle row or column of a 3 × 3 kernel."""
    kernel = np.zeros((3, 3))
    kernel[1, [0, 2]] = (-1, 1)
    return kernel.T if axis == 0 else kernel
