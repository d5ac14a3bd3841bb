"""One image as the inspection sees it: decoded once, by the data set's own reader, then described in small numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, UInt8

from empaste.datasets.margins import cut, find_margins
from empaste.datasets.records import Example, Picture
from empaste.devices import one_thread
from empaste.errors import InputError
from empaste.images import decode_rgb, encode_rgb, fit_within
from empaste.networks.architectures import family_of
from empaste.networks.inputs import to_input
from empaste.networks.packages import KNOWN, PACKAGE, is_installed
from empaste.networks.weights import build_network
from empaste.photographs import read_header
from empaste.squares import fit_square

SIDE = 320
"""Longest side in pixels of the image that is looked at."""
THUMBNAIL = 168
NETWORK_SIDE = 192
SMALL = 32
"""Side in pixels of the gray square by which images are compared."""


@dataclass(frozen=True)
class Look:
    """What was seen of an image with the labels ``class_ids``; ``error`` where it could not be decoded.

    ``size_hw`` is its own size in pixels, ``thumbnail`` a JPEG. ``digest`` tells equal pixels, ``phash`` (8 bytes) and
    ``small`` (gray, standardised) similar ones; ``phi`` is the pretrained network's vector, None without one.
    ``areas`` are the shares of the image that its annotated objects take up, crowds apart; ``margin_area`` is that of
    its plain margins.
    """

    example: Example
    class_ids: tuple[int, ...]
    error: str = ""
    size_hw: tuple[int, int] = (0, 0)
    thumbnail: bytes = b""
    digest: str = ""
    phash: UInt8[np.ndarray, "8"] | None = None
    small: Float[np.ndarray, " pixels"] | None = None
    phi: Float[np.ndarray, " d"] | None = None
    areas: tuple[float, ...] = ()
    margin_area: float = 0.0


def has_network() -> bool:
    """Whether the package with the pretrained network is installed."""
    return is_installed(KNOWN[0].name)


def look_at(example: Example, load: Callable[..., Picture], with_phi: bool) -> Look:
    """What an image shows that ``load``, of its data set, reads; one that cannot be read comes back with its error."""
    try:
        picture = load(example, SIDE)
        size_hw = read_header(example.path)[:2] if example.path else (picture.height, picture.width)
    except InputError as error:
        return Look(example, example.class_ids, error=str(error))
    image = decode_rgb(picture.jpeg, example.file_name)
    area = picture.height * picture.width
    areas = [float(mask.mean()) for _, mask, iscrowd in picture.masks if not iscrowd]
    areas += [box[2] * box[3] / area for _, box, iscrowd in picture.boxes if not iscrowd]
    return Look(
        example=example,
        class_ids=picture.class_ids,
        size_hw=size_hw,
        thumbnail=encode_rgb(fit_within(image, THUMBNAIL), ".jpg", 80, full_colour=False),
        digest=picture.digest,
        phash=perceptual_hash(image),
        small=small_gray(image),
        phi=describe(image) if with_phi else None,
        areas=tuple(areas),
        margin_area=1 - cut(image, find_margins(image)).size / image.size,
    )


def perceptual_hash(image: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "8"]:
    """64 bits of the coarse structure (pHash: signs of the lowest frequencies of a cosine transform)."""
    return np.asarray(cv2.img_hash.pHash(np.ascontiguousarray(image[..., ::-1]))[0])


def small_gray(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, " pixels"]:
    """The image as a gray square of `SMALL` pixels, of mean 0 and length 1, so that a product is a correlation."""
    gray = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    values = gray.astype(np.float32).ravel() - gray.mean(dtype=np.float32)
    length = float(np.linalg.norm(values))
    return values / length if length > 1e-6 else np.zeros_like(values)


def describe(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, " d"]:
    """``phi`` of the pretrained network; the same numbers in any process, since it computes with one thread."""
    network, family = _network()
    with torch.inference_mode(), one_thread():
        inputs = to_input(fit_square(image, NETWORK_SIDE)[None], "cpu")
        _, phi = family.classify(network, family.maps(network, inputs))
    vector: np.ndarray = phi[0].numpy()
    return vector


@lru_cache(maxsize=1)
def _network() -> tuple[Any, Any]:
    """The pretrained network, and how it is taken apart; once per process."""
    known = KNOWN[0]
    network = build_network(known.architecture, 0, f"{PACKAGE}{known.name}").eval()
    return network, family_of(network)
