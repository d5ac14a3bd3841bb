"""Every way in which people store photographs gives what a person would see."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from empaste.errors import InputError
from empaste.photographs import TRANSPOSED, decode_header, decode_photograph, read_header, read_indices, read_photograph

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


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".tif", ".webp", ".gif", ".avif", ".jp2"])
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


@pytest.mark.parametrize(
    "record", [b"Exif\x00\x00garbage", b"Exif\x00\x00MM\x00*\x00\x00\xff\xff", b"Exif\x00\x00II*\x00"]
)
def test_a_damaged_exif_record_leaves_the_image_as_it_is(tmp_path: Path, record: bytes) -> None:
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", exif=record, quality=95)
    photograph = read_photograph(tmp_path / "a.jpg")
    assert photograph.orientation == 1
    assert near(photograph.image, SCENE)


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


def test_a_header_tells_size_and_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(SCENE).save(tmp_path / "a.jpg", exif=exif)
    assert read_header(tmp_path / "a.jpg") == (20, 30, 6)
    cv2.imwrite(str(tmp_path / "deep.tif"), np.zeros((7, 9, 3), np.uint16))
    assert read_header(tmp_path / "deep.tif") == (7, 9, 1)
    with pytest.raises(InputError, match=r"gone.jpg cannot be read"):
        read_header(tmp_path / "gone.jpg")


def test_too_many_pixels_are_refused_by_the_header(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "deep.tif"), np.zeros((700, 900, 3), np.uint16))
    with pytest.raises(InputError, match=r"deep.tif is 900 × 700 pixels"):
        read_photograph(tmp_path / "deep.tif", max_pixels=1000)


def test_deep_images_keep_their_transparency(tmp_path: Path) -> None:
    image = np.full((4, 6, 4), 20_000, np.uint16)
    image[:, :3, 3], image[:, 3:, 3] = 0, 65535
    cv2.imwrite(str(tmp_path / "a.tif"), image)
    pixels = read_photograph(tmp_path / "a.tif").image
    assert (pixels[:, :3] == 255).all()
    assert (pixels[:, 3:] == 78).all()


def test_values_that_are_no_numbers_show_as_the_darkest(tmp_path: Path) -> None:
    values = np.array([[0.0, np.nan, 1.0, np.inf]], np.float32)
    Image.fromarray(values).save(tmp_path / "a.tif")
    assert read_photograph(tmp_path / "a.tif").image[0, :, 0].tolist() == [0, 0, 255, 0]
    Image.fromarray(np.full((2, 2), np.nan, np.float32)).save(tmp_path / "b.tif")
    with pytest.raises(InputError, match=r"b.tif is not a readable image .*no finite value"):
        read_photograph(tmp_path / "b.tif")


@pytest.mark.parametrize("orientation", [3, 6, 7])
@pytest.mark.parametrize("kind", ["a.jpg", "a.png", "late.png", "a.tif", "lzw.tif", "deep.tif", "a.webp", "a.avif"])
def test_every_kind_tells_its_orientation_once(tmp_path: Path, kind: str, orientation: int) -> None:
    """The header has the pixels as stored, whatever the decoder turns of itself."""
    stored = Image.fromarray(SCENE).transpose(TRANSPOSED[BACK[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / kind
    if kind == "deep.tif":
        path.write_bytes(turned_deep_tiff(np.array(stored), orientation))
    else:
        options = {"compression": "tiff_lzw"} if kind == "lzw.tif" else {"quality": 95}
        stored.save(path, exif=exif, **options)
    if kind == "late.png":
        move_exif_behind_pixels(path)
    header, photograph = read_header(path), read_photograph(path)
    assert (header.width, header.height, header.orientation) == (*stored.size, orientation)
    assert decode_header(path.read_bytes(), "a") == header
    assert photograph.orientation == orientation
    assert near(photograph.image, SCENE)


def turned_deep_tiff(stored: np.ndarray, orientation: int) -> bytes:
    """A TIFF of three channels of 16 bits, uncompressed, little-endian."""
    height, width = stored.shape[:2]
    pixels = (stored.astype("<u2") * 257).tobytes()
    entries = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 200),
        (274, 3, 1, orientation), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(pixels)),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    head = b"II*\0" + struct.pack("<I", 16) + struct.pack("<3H", 16, 16, 16) + bytes(2)
    return (head + directory).ljust(200, b"\0") + pixels


def move_exif_behind_pixels(path: Path) -> None:
    """The PNG as some programs write it: with its EXIF record as the last chunk."""
    data, chunks, at = path.read_bytes(), [], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        chunks.append(data[at:end])
        at = end
    late = [chunk for chunk in chunks if chunk[4:8] == b"eXIf"]
    assert late
    others = [chunk for chunk in chunks if chunk[4:8] != b"eXIf"]
    path.write_bytes(data[:8] + b"".join([*others[:-1], *late, others[-1]]))


WIDTH, HEIGHT = 211, 137
"""No other number in a small file looks like these."""
SIZES = {
    "PNG": [">II"], "JPEG": [">HH"], "GIF": ["<HH"], "BMP": ["<ii"], "WEBP": ["<HH"], "JPEG2000": [">II"],
    "TIFF": [], "PPM": [],
}  # fmt: skip
"""How both sides stand side by side in a file of each kind; in a TIFF each has a record, in a PPM they are text."""


def bomb(kind: str, side: int) -> bytes:
    """A small file of ``kind`` whose header states ``side`` × ``side`` pixels."""
    stored = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(stored, kind)
    data = stored.getvalue().replace(f"{WIDTH} {HEIGHT}".encode(), f"{side} {side}".encode())
    for form in SIZES[kind]:
        for sides in ((WIDTH, HEIGHT), (HEIGHT, WIDTH)):
            data = data.replace(struct.pack(form, *sides), struct.pack(form, side, side))
    if kind == "TIFF":
        for tag, length in ((256, WIDTH), (257, HEIGHT)):
            data = data.replace(struct.pack("<HHII", tag, 4, 1, length), struct.pack("<HHII", tag, 4, 1, side))
    if kind == "PNG":
        data = data[:29] + struct.pack(">I", zlib.crc32(data[12:29])) + data[33:]
    return data


@pytest.mark.parametrize("kind", SIZES)
def test_a_small_file_of_any_kind_that_states_a_huge_image_is_refused(kind: str, tmp_path: Path) -> None:
    side = 16_383 if kind == "WEBP" else 40_000
    path = tmp_path / "bomb"
    path.write_bytes(bomb(kind, side))
    assert read_header(path)[:2] == (side, side)
    for read in (read_photograph, read_indices):
        with pytest.raises(InputError, match=rf"bomb is {side} × {side} pixels, \d+ megapixels; allowed are 250"):
            read(path)


def test_a_codestream_that_is_larger_than_its_box_says_is_refused() -> None:
    stored = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT)).save(stored, "JPEG2000")
    data = stored.getvalue().replace(struct.pack(">II", WIDTH, HEIGHT), struct.pack(">II", 40_000, 40_000))
    with pytest.raises(InputError, match=r"a\.jp2 is not a readable image"):
        decode_photograph(data, "a.jp2")


def test_the_header_of_a_png_is_read_without_its_pixels(tmp_path: Path) -> None:
    """A file of few bytes may state any number of pixels; whoever bounds them asks the header first."""
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    header = struct.pack(">II", 100_000, 90_000) + whole[24:29]
    chunk = b"IHDR" + header
    path = tmp_path / "b.png"
    path.write_bytes(whole[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + whole[33:])
    assert read_header(path) == (90_000, 100_000, 1)
    with pytest.raises(InputError, match="9000 megapixels; allowed are 250"):
        read_photograph(path)


def test_damaged_files_say_nothing_beside_the_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(turned_deep_tiff(SCENE, 1))
    data[18:30] = bytes(12)  # the entry of the width
    path = tmp_path / "a.tif"
    for content in (bytes(data), bytes(data[:100]), turned_deep_tiff(SCENE, 1)[:900]):
        with pytest.raises(InputError, match="is not a readable image"):
            decode_photograph(content, "a.tif")
    path.write_bytes(bytes(data[:30]))
    with pytest.raises(InputError, match="is not a readable image"):
        read_header(path)
    assert capfd.readouterr() == ("", "")
