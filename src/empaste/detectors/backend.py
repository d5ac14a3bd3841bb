"""What a detector's backend gives: a network, how it is fed, and how it is asked. All else is common to them.

Training (`detectors.training`) and detecting (`detectors.detecting`) are written once, over these functions, so that
backends differ by their networks alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from empaste.images import RGB
from empaste.jittering import Sample

MSRA = "MSRA"
"""The weights of MSRA's ResNets (He et al. 2016), by name."""
ANCHORS = (32, 64, 128, 256, 512)
"""Sides on the levels of a feature pyramid (strides 4 to 64) in images of `ANCHORS_FOR` pixels (Lin et al. 2017)."""
ANCHORS_FOR = 1024
SMALLEST_SCALE = 0.5
"""Of anchors: their sides are at least four strides; smaller ones lie so far apart that they miss objects between."""


@dataclass(frozen=True)
class Network:
    """What a network is built from again; ``config.json`` holds it beside backend and classes.

    ``class_agnostic``: boxes are refined and masks drawn by one output for all classes, which few examples of a class
    suffice for. ``frozen_norm``: batch normalisation keeps the statistics of pretrained weights. ``msra``: the network
    takes BGR of 0 to 255 less the mean and strides in its 1 × 1 convolutions, as MSRA's ResNets do.
    """

    architecture: str
    heads: str
    class_agnostic: bool
    width: int
    image_size: int
    frozen_norm: bool
    msra: bool


class Found(NamedTuple):
    """The instances of one image, best first, on the network's device.

    Boxes are in pixels of the image, places count the classes from 0. ``masks`` are as the network draws them: of each
    box's parts (28 × 28) how surely they show the instance. `Paste` makes one of them a mask of the image.
    """

    boxes_xyxy: Float[Tensor, "n 4"]
    scores: Float[Tensor, " n"]
    places: Int[Tensor, " n"]
    masks: Float[Tensor, "n m m"]


@runtime_checkable
class Build(Protocol):
    """The network for so many classes, in training mode on the CPU, with pretrained ``weights`` (None: random).

    `InputError` where the weights are not to be had or do not fit, or the backend lacks the architecture.
    """

    def __call__(self, network: Network, num_classes: int, weights: str | None) -> nn.Module: ...


@runtime_checkable
class Find(Protocol):
    """The instances in every one of the images by a network in evaluation mode."""

    def __call__(
        self, module: nn.Module, images: Sequence[RGB], min_score: float, max_detections: int
    ) -> list[Found]: ...


@runtime_checkable
class Paste(Protocol):
    """The mask of one instance, drawn in its box, in an image of ``size_hw``."""

    def __call__(
        self, mask: Float[Tensor, "m m"], box_xyxy: Float[Tensor, " 4"], size_hw: tuple[int, int]
    ) -> Bool[np.ndarray, "h w"]: ...


class Backend(NamedTuple):
    """``to_inputs`` makes, on the CPU, the arguments of a training call, which returns the losses by name.

    ``takes_msra`` says whether weights are MSRA's; ``library_name`` is what the backend's own library calls a tensor.
    ``builds_on_meta`` says whether a network can be built on torch's meta device: its building computes with no value.
    ``takes_void`` says whether its networks pass over void pixels; others learn them as background.
    ``add_affinity`` makes a network learn with the affinity of colours, of a given weight, beside its mask loss.
    """

    build: Build
    to_inputs: Callable[[Sequence[Sample]], tuple[Any, ...]]
    find: Find
    paste: Paste
    takes_msra: Callable[[str | None], bool]
    library_name: Callable[[str], str]
    builds_on_meta: bool
    takes_void: bool
    add_affinity: Callable[[nn.Module, float], None]


def is_msra(weights: str | None) -> bool:
    """Whether ``weights`` are MSRA's: `MSRA`, or a file of theirs, which is a ``.pkl``."""
    return weights is not None and (weights == MSRA or weights.endswith(".pkl"))


def anchor_sides(image_size: int) -> list[float]:
    """Sides in pixels of a pyramid's anchors, finest level first: a share of ``image_size``, or four strides."""
    scale = max(image_size / ANCHORS_FOR, SMALLEST_SCALE)
    return [scale * side for side in ANCHORS]
