"""Holistically-nested edge detection: how surely every pixel lies on an outline that a person would draw.

S. Xie, Z. Tu: Holistically-Nested Edge Detection, ICCV 2015. The convolutions of VGG16 (K. Simonyan, A. Zisserman, ICLR
2015) with a map of contours beside each of their five blocks; all five are enlarged to the image and weighed into one.
It learns from people's outlines of anything (BSDS500), and knows no classes.

Notes
-----
Departs from the paper: no padding of the image by 35 pixels that is cut off again, and enlargement by bilinear
interpolation instead of by deconvolution with bilinear weights. Weights are read as Keras saves them.
"""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import interpolate

from empaste.devices import one_thread
from empaste.errors import InputError, require_extra

BLOCKS = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions of each block of VGG16, and their channels."""
MEAN_BGR = (104.00699, 116.66877, 122.67892)
"""ImageNet's mean colour in grey levels, blue first; the network sees images less this."""


class HED(nn.Module):
    """The network: five blocks, a contour map of each, and the weights of their sum."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, *(channels for _, channels in BLOCKS)]
        self.blocks = nn.ModuleList(_block(at > 0, widths[at], *block) for at, block in enumerate(BLOCKS))
        self.sides = nn.ModuleList(nn.Conv2d(channels, 1, 1) for _, channels in BLOCKS)
        self.fuse = nn.Conv2d(len(BLOCKS), 1, 1)

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
        """The fused logits of images in blue, green and red, less `MEAN_BGR`."""
        maps, logits = inputs, []
        for block, side in zip(self.blocks, self.sides, strict=True):
            maps = block(maps)
            logits.append(interpolate(side(maps), inputs.shape[2:], mode="bilinear", align_corners=False))
        fused: Tensor = self.fuse(torch.cat(logits, dim=1))
        return fused


def _block(pools: bool, channels_in: int, num_convolutions: int, channels: int) -> nn.Sequential:
    """3 × 3 convolutions with ReLU, behind a pooling that rounds odd sides up."""
    layers: list[nn.Module] = [nn.MaxPool2d(2, ceil_mode=True)] if pools else []
    for number in range(num_convolutions):
        layers += [nn.Conv2d(channels if number else channels_in, channels, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


@torch.inference_mode()
def contour_map(network: HED, image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
    """How surely each pixel lies on a contour, in [0, 1], float32; NaN where the weights make it so.

    One thread computes it, so that it is the same to the bit in every process.
    """
    less_mean = image[..., ::-1].astype(np.float32) - np.array(MEAN_BGR, np.float32)
    inputs = torch.from_numpy(np.ascontiguousarray(less_mean.transpose(2, 0, 1)))
    with one_thread():
        contours: Float[np.ndarray, "h w"] = network(inputs[None]).sigmoid()[0, 0].numpy()
    return contours


@lru_cache(maxsize=1)
def load_hed(path: Path) -> HED:
    """The network with the weights in the file ``path``, in evaluation mode; read once in a process.

    Kept by its path, and not as a `per_process.PerProcess` that is handed down: which method of proposals asks for
    contours is known to that method alone, below those that join or reduce others. `InputError` where h5py is not
    installed, or the file cannot be read or does not fit; it names what is missing.
    """
    state = _read_keras(path)
    with torch.device("meta"):  # no weights are drawn only to be replaced, and no random state moves
        network = HED()
    misfits = list(_misfits(state, network.state_dict()))
    if misfits:
        raise InputError(
            f"weights {path} do not fit HED ({len(misfits)} misfits): {'; '.join(misfits[:4])}. "
            "Give a .weights.h5 that Keras saved of HED with VGG16"
        )
    network.load_state_dict(state, assign=True)
    return network.eval()


def _read_keras(path: Path) -> dict[str, Tensor]:
    """The state dict of `HED` from what Keras's ``save_weights`` wrote; tensors that the file lacks are left out."""
    try:
        import h5py
    except ImportError as error:
        raise require_extra("h5py", "contours") from error
    try:
        with h5py.File(path) as file:
            stored = {ours: file[theirs][()] for ours, theirs in _keras_names() if theirs in file}
    except (OSError, RuntimeError, KeyError, AttributeError) as error:
        raise InputError(
            f"weights {path} cannot be read as HDF5 ({type(error).__name__}); replace the file by a .weights.h5 of HED"
        ) from error
    return {name: _as_tensor(values) for name, values in stored.items() if np.issubdtype(values.dtype, np.floating)}


def _as_tensor(values: np.ndarray) -> Tensor:
    """Float32; a kernel, which Keras keeps as height × width × in × out, as torch has it."""
    ordered = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values
    return torch.from_numpy(np.ascontiguousarray(ordered, np.float32))


def _keras_names() -> Iterator[tuple[str, str]]:
    """The name of every tensor in `HED`, and in the file."""
    layers = {f"sides.{at}": f"dsn{at + 1}" for at in range(len(BLOCKS))} | {"fuse": "fuse"}
    for at, (num_convolutions, _) in enumerate(BLOCKS):
        for number in range(num_convolutions):
            ours = f"blocks.{at}.{2 * number + (at > 0)}"
            layers[ours] = f"block{at + 1}/layers/conv2d" + (f"_{number}" if number else "")
    for ours, theirs in layers.items():
        yield f"{ours}.weight", f"{theirs}/vars/0"
        yield f"{ours}.bias", f"{theirs}/vars/1"


def _misfits(state: dict[str, Tensor], wanted: dict[str, Tensor]) -> Iterator[str]:
    """What the file lacks, and what has another shape there (as torch has it), by the file's names."""
    for ours, theirs in _keras_names():
        shape = tuple(wanted[ours].shape)
        if ours not in state:
            yield f"{theirs} is missing, expected {shape}"
        elif state[ours].shape != shape:
            yield f"{theirs} is {tuple(state[ours].shape)}, expected {shape}"
