"""Photographs as people store them, read as a person sees them: upright, 8 bit, RGB.

EXIF orientation is applied; gray, CMYK, palette and 16-bit images become RGB; what is transparent shows white; of an
animation the first frame is taken. What is already a plain upright RGB JPEG keeps its bytes.
"""

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, UInt8
from PIL import ExifTags, Image

from empaste.datasets.records import Picture
from empaste.errors import InputError
from empaste.images import encode_rgb, fit_within

JPEG_LIMIT = 65500
"""The longest side that a JPEG file can have."""

DECODING_ERRORS = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What Pillow raises for files that are cut off, damaged, absurdly large or no images."""

TRANSPOSED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the stored pixels upright."""


@dataclass(frozen=True)
class Photograph:
    """A decoded file: upright RGB, the EXIF orientation it was stored in, and its bytes where they can be kept."""

    image: UInt8[np.ndarray, "h w 3"]
    orientation: int
    plain_jpeg: bytes | None


def read_photograph(path: Path) -> Photograph:
    """The photograph at ``path``; `InputError` where it is missing, empty, damaged or too large."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); restore it or take it off the list") from error
    if not data:
        raise InputError(f"{path} is empty (0 bytes); replace it or take it off the list")
    try:
        return _decode(data)
    except DECODING_ERRORS as error:
        raise InputError(
            f"{path} is not a readable image ({len(data)} bytes: {error}); replace it or take it off the list"
        ) from error


def to_picture(
    photograph: Photograph,
    class_ids: tuple[int, ...],
    masks: Sequence[tuple[int, Bool[np.ndarray, "h w"], int]],
    max_side: int,
    name: str,
    void: Bool[np.ndarray, "h w"] | None = None,
) -> Picture:
    """The picture with its longest side at most ``max_side`` (0: any), its masks along; ``name`` is for errors.

    A mask of which nothing is left, after shrinking or from the start, is dropped; void grows over every pixel that it
    touches, and leaves the masks their own.
    """
    image = fit_within(photograph.image, max_side)
    height, width = image.shape[:2]
    if max(height, width) > JPEG_LIMIT:
        raise InputError(f"{name} is {width} × {height} pixels; allowed are {JPEG_LIMIT} a side: set prepare.max_side")
    kept = photograph.plain_jpeg if image is photograph.image else None
    shrunk = [(class_id, _resized(mask, height, width), crowd) for class_id, mask, crowd in masks]
    return Picture(
        kept or encode_rgb(image, ".jpg", 95),
        height,
        width,
        class_ids,
        tuple(one for one in shrunk if one[1].any()),
        None if void is None else _void(void, [mask for _, mask, _ in shrunk], height, width),
    )


def _void(
    void: Bool[np.ndarray, "h w"], masks: Sequence[Bool[np.ndarray, "h2 w2"]], height: int, width: int
) -> Bool[np.ndarray, "h2 w2"]:
    touched = cv2.resize(void.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    for mask in masks:
        touched &= ~mask
    return touched


def masks_upright(
    photograph: Photograph, size_hw: tuple[int, int] | None, draw: Callable[[int, int], np.ndarray], name: str
) -> np.ndarray:
    """Masks that ``draw(height, width)`` gives (n, height, width), in the frame of the upright photograph.

    ``size_hw`` is the size that the annotation states (None: that of the photograph). Where it is the size of the
    pixels as stored, before EXIF turned them, the masks are turned along; any other size is an `InputError`.
    """
    height, width = photograph.image.shape[:2]
    if size_hw in (None, (height, width)):
        return draw(height, width)
    if photograph.orientation >= 5 and size_hw == (width, height):
        turn = TRANSPOSED[photograph.orientation]
        stored = [Image.fromarray(mask.astype(np.uint8)).transpose(turn) for mask in draw(width, height)]
        return np.array([np.asarray(mask) > 0 for mask in stored]).reshape(-1, height, width)
    stated_height, stated_width = size_hw
    raise InputError(
        f"{name} is {width} × {height} pixels, but its annotations are for {stated_width} × {stated_height}; "
        "correct width and height there, or restore the image that was annotated"
    )


def _decode(data: bytes) -> Photograph:
    try:
        stored = Image.open(io.BytesIO(data))
        stored.load()
    except Image.UnidentifiedImageError:
        return Photograph(_decode_deep(data), 1, None)
    orientation = _orientation(stored)
    keep = stored.format == "JPEG" and stored.mode == "RGB" and orientation == 1
    rgb = _as_rgb(stored)
    upright = rgb if orientation == 1 else rgb.transpose(TRANSPOSED[orientation])
    return Photograph(np.array(upright), orientation, data if keep else None)


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1, upright, where it is unknown or its record is damaged."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (*DECODING_ERRORS, struct.error):
        return 1
    return orientation if orientation in TRANSPOSED else 1


def _as_rgb(image: Image.Image) -> Image.Image:
    """``image`` in 8-bit RGB, transparency over white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray) -> UInt8[np.ndarray, "..."]:
    """16-bit values by their upper half, as a viewer shows them; other ranges from their darkest to their brightest."""
    low, high = float(values.min()), float(values.max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        return np.round(values / 257.0).astype(np.uint8)
    return np.round((values - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def _decode_deep(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """Images that Pillow has no mode for (16-bit RGB TIFF), by OpenCV."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        raise ValueError("it cannot be decoded") from error
    if image is None:
        raise ValueError("its kind is unknown")
    deep = image if image.dtype == np.uint8 else _eight_bits(image)
    return np.ascontiguousarray(deep[..., ::-1])


def _resized(mask: Bool[np.ndarray, "h w"], height: int, width: int) -> Bool[np.ndarray, "h2 w2"]:
    """The mask at another size: pixels of which it covers more than half, so that disjoint masks stay disjoint."""
    if mask.shape == (height, width):
        return mask
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
