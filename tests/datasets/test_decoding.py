"""Every way in which people store photographs gives what a person would see."""

import contextlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from empaste.datasets.decoding import TRANSPOSED, Photograph, masks_upright, read_photograph, to_picture
from empaste.errors import InputError
from empaste.images import decode_rgb

SCENE = np.zeros((20, 30, 3), np.uint8)
SCENE[:10] = (200, 40, 40)
SCENE[10:, 15:] = (40, 40, 200)
BACK = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""The orientation that undoes each."""


def near(image: np.ndarray, expected: np.ndarray, tolerance: float = 6) -> bool:
    """Whether two images agree on average; JPEG blurs edges."""
    return image.shape == expected.shape and float(np.abs(image.astype(float) - expected).mean()) < tolerance


@pytest.mark.parametrize("orientation", sorted(TRANSPOSED))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    stored = Image.fromarray(SCENE).transpose(TRANSPOSED[BACK[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.jpg", exif=exif, quality=95)
    photograph = read_photograph(tmp_path / "a.jpg")
    assert near(photograph.image, SCENE)
    assert photograph.plain_jpeg is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp"])
def test_kinds_of_files(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(SCENE).save(tmp_path / f"a{suffix}", quality=95)
    assert near(read_photograph(tmp_path / f"a{suffix}").image, SCENE)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr"])
def test_colour_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(SCENE).convert(mode)
    suffix = "jpg" if mode in ("CMYK", "YCbCr") else "png"
    image.save(tmp_path / f"a.{suffix}", quality=95)
    assert near(read_photograph(tmp_path / f"a.{suffix}").image, np.array(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_shows_white(tmp_path: Path, mode: str) -> None:
    layer = np.dstack([SCENE, np.full((20, 30), 255, np.uint8)])
    layer[:, :10, 3] = 0
    layer[:, 10:20, 3] = 128
    Image.fromarray(layer).convert(mode).save(tmp_path / "a.png")
    image = read_photograph(tmp_path / "a.png").image
    assert (image[:, :10] == 255).all()
    opaque = np.array(Image.fromarray(SCENE).convert("L" if mode == "LA" else "RGB").convert("RGB"))
    assert near(image[:, 20:], opaque[:, 20:], 1)
    assert near(image[:, 10:20], opaque[:, 10:20] // 2 + 127, 2)


def test_transparent_palette_shows_white(tmp_path: Path) -> None:
    image = Image.fromarray(SCENE).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    hidden = image.getpixel((0, 0))
    image.save(tmp_path / "a.png", transparency=hidden)
    assert (read_photograph(tmp_path / "a.png").image[0, 0] == 255).all()


def test_sixteen_bits_by_their_upper_half(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 600).reshape(20, 30).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "gray.png"), ramp)
    expected = np.repeat(np.round(ramp / 257)[..., None], 3, axis=2)
    assert near(read_photograph(tmp_path / "gray.png").image, expected, 0.6)
    deep = SCENE[..., ::-1].astype(np.uint16) * 257
    for name in ("rgb.png", "rgb.tif"):
        cv2.imwrite(str(tmp_path / name), deep)
        assert near(read_photograph(tmp_path / name).image, SCENE, 0.6)


def test_floating_point_from_darkest_to_brightest(tmp_path: Path) -> None:
    Image.fromarray(np.linspace(-1, 3, 600).reshape(20, 30).astype(np.float32)).save(tmp_path / "a.tif")
    image = read_photograph(tmp_path / "a.tif").image
    assert (image.min(), image.max()) == (0, 255)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert near(read_photograph(tmp_path / "a.gif").image, np.full((8, 8, 3), (255, 0, 0)))


def test_a_plain_jpeg_keeps_its_bytes_unless_it_shrinks(tmp_path: Path) -> None:
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", quality=60)
    photograph = read_photograph(tmp_path / "a.jpg")
    assert to_picture(photograph, (), [], 30, "a").jpeg == (tmp_path / "a.jpg").read_bytes()
    smaller = to_picture(photograph, (), [], 15, "a")
    assert (smaller.height, smaller.width) == (10, 15)
    assert near(decode_rgb(np.frombuffer(smaller.jpeg, np.uint8), "a"), SCENE[::2, ::2], 12)


@pytest.mark.parametrize("size_wh", [(1, 1), (10_000, 3), (3, 10_000)])
def test_extreme_sizes_are_legal(tmp_path: Path, size_wh: tuple[int, int]) -> None:
    Image.new("RGB", size_wh).save(tmp_path / "a.png")
    picture = to_picture(read_photograph(tmp_path / "a.png"), (), [], 0, "a")
    assert (picture.width, picture.height) == size_wh
    assert decode_rgb(np.frombuffer(picture.jpeg, np.uint8), "a").shape == (size_wh[1], size_wh[0], 3)
    small = to_picture(read_photograph(tmp_path / "a.png"), (), [], 100, "a")
    assert min(small.width, small.height) == 1 and max(small.width, small.height) <= 100


def test_wider_than_jpeg_can_be(tmp_path: Path) -> None:
    Image.new("L", (70_000, 1)).save(tmp_path / "a.png")
    photograph = read_photograph(tmp_path / "a.png")
    with pytest.raises(
        InputError, match=r"the.png is 70000 × 1 pixels; allowed are 65500 a side: set prepare.max_side"
    ):
        to_picture(photograph, (), [], 0, "the.png")
    assert to_picture(photograph, (), [], 1000, "the.png").width == 1000


@pytest.mark.parametrize(
    "record", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\x00\x00\xff\xff", b"Exif\x00\x00II*\x00"]
)
def test_a_damaged_exif_record_leaves_the_image_as_it_is(tmp_path: Path, record: bytes) -> None:
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", exif=record, quality=95)
    photograph = read_photograph(tmp_path / "a.jpg")
    assert photograph.orientation == 1 and near(photograph.image, SCENE)


def test_broken_files_are_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    cases = {
        "empty.jpg": (b"", "is empty"),
        "cut.jpg": (whole.read_bytes()[:900], "is not a readable image"),
        "noise.png": (b"\x89PNG\r\n\x1a\nnothing of the kind", "is not a readable image"),
        "text.jpg": (b"<html>404</html>", "is not a readable image"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name} {message}.*replace it"):
            read_photograph(tmp_path / name)
    with pytest.raises(InputError, match=r"gone.jpg cannot be read"):
        read_photograph(tmp_path / "gone.jpg")


def test_damage_at_any_byte_is_an_error_or_an_image(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for suffix in ("jpg", "png", "tif"):
        Image.fromarray(SCENE).save(tmp_path / f"a.{suffix}")
        data = (tmp_path / f"a.{suffix}").read_bytes()
        for _ in range(60):
            damaged = bytearray(data)
            damaged[rng.integers(len(data))] ^= int(rng.integers(1, 256))
            (tmp_path / "b").write_bytes(damaged)
            with contextlib.suppress(InputError):
                assert read_photograph(tmp_path / "b").image.dtype == np.uint8


MASK = np.zeros((20, 30), bool)
MASK[2:6, 4:20] = True


def draw(height: int, width: int) -> np.ndarray:
    """The mask in the frame asked for: upright, or as it was stored (turned to the left)."""
    return np.array([MASK if (height, width) == (20, 30) else np.rot90(MASK)])


def test_masks_follow_the_frame_that_the_annotation_states() -> None:
    upright = Photograph(SCENE, 6, None)
    assert (masks_upright(upright, None, draw, "a") == MASK).all()
    assert (masks_upright(upright, (20, 30), draw, "a") == MASK).all()
    # Orientation 6: what is stored must be turned clockwise to be upright.
    assert (masks_upright(upright, (30, 20), draw, "a")[0] == MASK).all()


@pytest.mark.parametrize("orientation", [1, 6])
def test_annotations_for_another_size_are_refused(orientation: int) -> None:
    with pytest.raises(InputError, match=r"a.jpg is 30 × 20 pixels, but its annotations are for 31 × 20"):
        masks_upright(Photograph(SCENE, orientation, None), (20, 31), draw, "a.jpg")


def test_masks_shrink_along_and_vanish_when_nothing_is_left() -> None:
    speck = np.zeros((20, 30), bool)
    speck[0, 0] = True
    picture = to_picture(Photograph(SCENE, 1, None), (4,), [(4, MASK, 0), (4, speck, 1)], 15, "a")
    ((class_id, mask, iscrowd),) = picture.masks
    assert (class_id, iscrowd, mask.shape) == (4, 0, (10, 15))
    assert mask.sum() == MASK.sum() / 4 and mask[1:3, 2:10].all()
