"""Images as RGB uint8 arrays, and as files.

Everything under ``data/images`` was normalised by the prepare stage (upright, 8 bit, three channels), so these readers
need no special cases; `empaste.datasets.decoding` holds those.
"""

from pathlib import Path, PurePosixPath

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from empaste import MAX_PIXELS
from empaste.errors import InputError

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".avif", ".jp2", ".ppm", ".pgm",
)  # fmt: skip
"""The endings of image files that are read, in lower case; what else stands behind a dot belongs to the name."""
RGB = UInt8[np.ndarray, "_ _ 3"]
"""An image of any size; where sizes must agree, they stand in the signature."""
GRAY = 117
"""The gray that stands for "not shown" (crops, padding)."""


def leads_out(name: str) -> bool:
    """Whether a file's name, with slashes between its folders, may lead out of the folder that it is relative to.

    So does what names no file at all. Links are not looked at: whoever made the folder made them.
    """
    path = PurePosixPath(name)
    return not name or "\0" in name or path.is_absolute() or ".." in path.parts


def read_rgb(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """The image at ``path``, RGB; `InputError` where it is missing or cannot be decoded."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run: dvc repro") from error
    return decode_rgb(data, str(path))


def decode_rgb(data: bytes | UInt8[np.ndarray, " n"], name: str) -> UInt8[np.ndarray, "h w 3"]:
    """The image in an image file's bytes, RGB; ``name`` is what an error calls it."""
    values = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(values, cv2.IMREAD_COLOR_RGB) if values.size else None
    except cv2.error as error:  # its header states more than `MAX_PIXELS`
        raise _not_readable(name, f"{values.size} bytes, or over {MAX_PIXELS / 1e6:.0f} megapixels") from error
    if image is None:
        raise _not_readable(name, f"{values.size} bytes")
    return image


def _not_readable(name: str, said: str) -> InputError:
    return InputError(f"{name} is not a readable image ({said}); replace it or remove it, then run again")


def write_rgb(path: Path, image: UInt8[np.ndarray, "h w 3"], quality: int = 95) -> None:
    """Write ``image``; the suffix of ``path`` chooses JPEG (at ``quality``, colour in full) or PNG. Raises OSError."""
    path.write_bytes(encode_rgb(image, path.suffix, quality))


def encode_rgb(image: UInt8[np.ndarray, "h w 3"], suffix: str, quality: int = 95, full_colour: bool = True) -> bytes:
    """The bytes of an image file of the kind ``suffix`` (``.jpg`` or ``.png``).

    A JPEG keeps colour at the resolution of brightness, or without ``full_colour`` at half of it, as cameras do.
    """
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [] if suffix == ".png" else [
        cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling
    ]  # fmt: skip
    done, data = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    assert done
    return data.tobytes()


def fit_within(image: UInt8[np.ndarray, "h w 3"], max_side: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """``image`` with its longest side at most ``max_side`` (0: as it is), aspect kept, never enlarged."""
    height, width = image.shape[:2]
    scale = max_side / max(height, width) if max_side else 1.0
    if scale >= 1:
        return image
    size_wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)


def blurred(image: UInt8[np.ndarray, "h w 3"], sigma: float) -> UInt8[np.ndarray, "h w 3"]:
    """``image`` under a Gaussian of ``sigma`` pixels, cut off at three times that."""
    side = round(6 * sigma + 1) | 1
    # OpenCV is some ten times slower on bytes than on floats where the kernel is large.
    soft = cv2.GaussianBlur(image.astype(np.float32), (side, side), sigma)
    return np.rint(soft, out=soft).astype(np.uint8)


def mixed(
    inside: UInt8[np.ndarray, "h w 3"], outside: UInt8[np.ndarray, "h w 3"], share: Float[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """``inside`` where ``share`` (float32) is 1, ``outside`` where it is 0, between them where it lies between."""
    return cv2.blendLinear(inside, outside, share, 1 - share)
