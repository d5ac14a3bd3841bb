"""Photographs as people store them, read as a person sees them: upright, 8 bit, RGB.

The one decoder of images that this project did not write: `prepare`, ``empaste predict``, the server and the folders
of backgrounds all read by it. EXIF orientation is applied; gray, CMYK, palette, 16-bit and float images become RGB;
what is transparent shows white; of an animation the first frame is taken. A plain upright RGB JPEG keeps its bytes.
"""

import io
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, TiffImagePlugin, UnidentifiedImageError

from empaste import MAX_PIXELS
from empaste.errors import InputError

FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "AVIF", "JPEG2000", "PPM")
"""The kinds of files that are read, whatever their ending says, by Pillow's names."""

DECODING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, AttributeError, MemoryError,
    NotImplementedError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
"""What Pillow's decoders raise for files that are cut off, damaged or no images."""

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
SIDES_SWAPPED = (5, 6, 7, 8)
"""The EXIF orientations by which height and width change places."""
BAND = 1024
"""Rows that are copied at once."""
TIFF_STARTS = (b"II*\0", b"MM\0*")
PNG_START = b"\x89PNG\r\n\x1a\n"

# `_check_size` bounds every image by `MAX_PIXELS`; Pillow's own bound warns at a third of that, on the standard error.
Image.MAX_IMAGE_PIXELS = None
# What a damaged file makes Pillow say is said by the error that names the file, or is a record that nobody reads.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True)
class Photograph:
    """A decoded file: upright RGB, the EXIF orientation it was stored in, and its bytes where they can be kept."""

    image: UInt8[np.ndarray, "h w 3"]
    orientation: int
    plain_jpeg: bytes | None


class Header(NamedTuple):
    """What a file says before it is decoded: the size of the pixels as stored, and their EXIF orientation."""

    height: int
    width: int
    orientation: int


def read_photograph(path: Path, max_pixels: int = MAX_PIXELS) -> Photograph:
    """The photograph at ``path``; `InputError` where it is missing, empty, damaged or larger than ``max_pixels``."""
    return decode_photograph(_read_bytes(path), str(path), max_pixels)


def decode_photograph(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Photograph:
    """The photograph in a file's bytes; ``name`` is what an error calls it.

    `InputError` where the bytes are none, damaged, of a kind that is not read, or of more than ``max_pixels`` pixels by
    their header.
    """
    _refuse_empty(data, name)
    with _clear_errors(data, name):
        if _is_deep_tiff(data):
            return _decode_deep_tiff(data, name, max_pixels)
        return _decode(data, name, max_pixels)


def read_header(path: Path) -> Header:
    """Size and orientation of the photograph at ``path``, its pixels unread; `InputError` as `read_photograph`."""
    try:
        with path.open("rb") as file:
            start = file.read(len(TIFF_STARTS[0]))
            if start in TIFF_STARTS:
                return decode_header(path.read_bytes(), str(path))
            file.seek(0)
            with _clear_errors(start, str(path)):
                return _header(file)
    except OSError as error:
        raise _unreadable(path, error) from error


def decode_header(data: bytes, name: str) -> Header:
    """Size and orientation of the photograph in a file's bytes, its pixels unread; `InputError` as `read_header`."""
    _refuse_empty(data, name)
    with _clear_errors(data, name):
        return _deep_tiff_header(data) if _is_deep_tiff(data) else _header(io.BytesIO(data))


def read_indices(path: Path) -> np.ndarray:
    """The values of a mask file (h, w), 8 or 16 bit, or its RGB values (h, w, 3) where it is no palette.

    `InputError` where it is missing or cannot be decoded.
    """
    data = _read_bytes(path)
    with _clear_errors(data, str(path)), Image.open(io.BytesIO(data), formats=FORMATS) as image:
        _check_size(image.height, image.width, str(path), MAX_PIXELS)
        return np.array(image.convert("RGB") if image.mode == "RGBA" else image)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _refuse_empty(data: bytes, name: str) -> None:
    if not data:
        raise InputError(f"{name} is empty (0 bytes); replace it or take it off the list")


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}); restore it or take it off the list")


@contextmanager
def _clear_errors(data: bytes, name: str) -> Iterator[None]:
    """An `InputError` that names the image for whatever a decoder raises."""
    try:
        yield
    except InputError:
        raise
    except UnidentifiedImageError as error:
        kinds = ", ".join(FORMATS)
        raise InputError(
            f"{name} is not a readable image (its kind is none of {kinds}); replace it by one that is, or take it off "
            "the list"
        ) from error
    except DECODING_ERRORS as error:
        raise InputError(
            f"{name} is not a readable image ({len(data)} bytes: {error}); replace it or take it off the list"
        ) from error


def _check_size(height: int, width: int, name: str, max_pixels: int) -> None:
    if height < 1 or width < 1:
        raise InputError(f"{name} is {width} × {height} pixels; replace it or take it off the list")
    if height * width > max_pixels:
        raise InputError(
            f"{name} is {width} × {height} pixels, {height * width / 1e6:.0f} megapixels; allowed are "
            f"{max_pixels / 1e6:.0f}: make it smaller or take it off the list"
        )


def _decode(data: bytes, name: str, max_pixels: int) -> Photograph:
    stored = Image.open(io.BytesIO(data), formats=FORMATS)
    _check_size(stored.height, stored.width, name, max_pixels)
    orientation = _orientation(stored, io.BytesIO(data))
    stored.load()
    keep = stored.format == "JPEG" and stored.mode == "RGB" and orientation == 1
    image = _as_rgb(stored)
    if orientation != 1 and stored.format != "TIFF":  # which Pillow turns as it decodes
        image, turned = image.transpose(TRANSPOSED[orientation]), image
        turned.close()
    return Photograph(_pixels(image), orientation, data if keep else None)


def _pixels(image: Image.Image) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of an RGB image, copied in bands: a large photograph shall not be in memory three times."""
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, BAND):
        bottom = min(top + BAND, image.height)
        pixels[top:bottom] = np.asarray(image.crop((0, top, image.width, bottom)))
    return pixels


def _header(file: BinaryIO) -> Header:
    with Image.open(file, formats=FORMATS) as image:
        orientation = _orientation(image, file)
        # Pillow states the size of a TIFF as it is once it is upright.
        swapped = image.format == "TIFF" and orientation in SIDES_SWAPPED
        size_hw = (image.width, image.height) if swapped else (image.height, image.width)
    return Header(*size_hw, orientation)


def _orientation(image: Image.Image, file: BinaryIO) -> int:
    """The EXIF orientation of ``image`` in ``file``; 1, upright, where it is unknown or its record is damaged.

    No pixel is decoded, as Pillow would for a PNG whose record may stand behind them.
    """
    try:
        exif = Image.Image.getexif(image)
        if image.format == "PNG" and ExifTags.Base.Orientation not in exif and (late := _png_exif(file)):
            exif = Image.Exif()
            exif.load(b"Exif\0\0" + late)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        return int(orientation) if orientation in TRANSPOSED else 1
    except DECODING_ERRORS:
        return 1


def _png_exif(file: BinaryIO) -> bytes | None:
    """The EXIF record of a PNG, wherever in the file it stands; None without."""
    file.seek(len(PNG_START))
    while len(head := file.read(8)) == 8 and head[4:] != b"IEND":
        size = int.from_bytes(head[:4], "big")
        if head[4:] == b"eXIf":
            return file.read(size)
        file.seek(size + 4, os.SEEK_CUR)
    return None


def _as_rgb(image: Image.Image) -> Image.Image:
    """``image`` in 8-bit RGB, transparency over white."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(values: np.ndarray) -> UInt8[np.ndarray, "..."]:
    """16-bit values by their upper half, as a viewer shows them; other ranges from their darkest to their brightest.

    What is no number (NaN, infinite) shows as the darkest.
    """
    finite = np.isfinite(values)
    if not finite.any():
        raise ValueError("it holds no finite value")
    low, high = float(values[finite].min()), float(values[finite].max())
    if values.dtype.kind in "iu" and low >= 0 and high <= 65535:
        return np.round(values / 257.0).astype(np.uint8)
    scaled = (np.where(finite, values, low).astype(float) - low) / max(high - low, 1e-12)
    return np.round(255 * scaled).astype(np.uint8)


def _is_deep_tiff(data: bytes) -> bool:
    """Whether these are the bytes of a TIFF that Pillow has no mode for (16 bit or float with several channels)."""
    if data[:4] not in TIFF_STARTS:
        return False
    try:
        with Image.open(io.BytesIO(data), formats=("TIFF",)):
            return False
    except DECODING_ERRORS:
        return True


def _deep_tiff_header(data: bytes) -> Header:
    """What the first directory of a TIFF that Pillow has no mode for says."""
    directory = TiffImagePlugin.ImageFileDirectory_v2(data[:8])
    file = io.BytesIO(data)
    file.seek(directory.next)
    directory.load(file)
    height, width = (directory.get(tag) for tag in (TiffImagePlugin.IMAGELENGTH, TiffImagePlugin.IMAGEWIDTH))
    if not isinstance(height, int) or not isinstance(width, int):
        raise ValueError("it states no size")
    orientation = directory.get(ExifTags.Base.Orientation, 1)
    return Header(height, width, int(orientation) if orientation in TRANSPOSED else 1)


def _decode_deep_tiff(data: bytes, name: str, max_pixels: int) -> Photograph:
    """A TIFF that Pillow has no mode for, by OpenCV; transparency over white."""
    header = _deep_tiff_header(data)
    _check_size(header.height, header.width, name, max_pixels)
    rgb = _opencv_rgb(data)
    if rgb.shape[:2] != (header.height, header.width):
        raise ValueError("its parts are of several sizes")
    if header.orientation != 1:
        rgb = np.asarray(Image.fromarray(rgb).transpose(TRANSPOSED[header.orientation])).copy()
    return Photograph(rgb, header.orientation, None)


def _opencv_rgb(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels as stored; OpenCV, which writes its own errors to the standard error, is asked to be quiet."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ValueError("it cannot be decoded") from error
    finally:
        cv2.utils.logging.setLogLevel(level)
    if image is None or image.ndim not in (2, 3):
        raise ValueError("it cannot be decoded")
    deep = image if image.dtype == np.uint8 else _eight_bits(image)
    if deep.ndim == 2:
        return cv2.cvtColor(deep, cv2.COLOR_GRAY2RGB)
    if deep.shape[2] == 4:
        share = deep[..., 3:] / 255.0
        deep = np.round(deep[..., :3] * share + 255 * (1 - share)).astype(np.uint8)
    if deep.shape[2] != 3:
        raise ValueError(f"it has {deep.shape[2]} channels")
    return np.ascontiguousarray(deep[..., ::-1])
