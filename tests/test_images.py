"""RGB files there and back, and the longest side."""

import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import gaussian_filter

from empaste.errors import InputError
from empaste.images import blurred, decode_rgb, encode_rgb, fit_within, mixed, read_rgb, write_rgb

SCENE = np.zeros((16, 24, 3), np.uint8)
SCENE[:8] = (210, 40, 30)
SCENE[8:, 12:] = (30, 60, 220)


def test_an_image_of_an_artifact_that_states_a_huge_size_is_refused(tmp_path: Path) -> None:
    """Also one that a remote of others brought. In a process of its own: the bound holds from OpenCV's import on."""
    data = encode_rgb(SCENE, ".png")
    chunk = b"IHDR" + struct.pack(">II", 20_000, 20_000) + data[24:29]
    path = tmp_path / "a.png"
    path.write_bytes(data[:12] + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:])
    code = f"from pathlib import Path; from empaste.images import read_rgb; read_rgb(Path({str(path)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert re.search(r"InputError: .*a\.png is not a readable image \(\d+ bytes, or over 250 megapixels\)", done.stderr)


def test_png_keeps_every_value(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    write_rgb(tmp_path / "a.png", image)
    assert (read_rgb(tmp_path / "a.png") == image).all()


def test_jpeg_keeps_colours_in_their_order(tmp_path: Path) -> None:
    write_rgb(tmp_path / "a.jpg", SCENE)
    assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - SCENE).mean() < 4
    with Image.open(tmp_path / "a.jpg") as image:
        assert np.abs(np.array(image).astype(int) - SCENE).mean() < 4


def test_quality_costs_bytes_and_bytes_are_repeatable() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert len(encode_rgb(noise, ".jpg", 50)) < len(encode_rgb(noise, ".jpg", 95))
    assert encode_rgb(noise, ".jpg", 80) == encode_rgb(noise.copy(), ".jpg", 80)


def test_colour_at_half_the_resolution_costs_less_and_blurs_colours_alone() -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    full, half = (encode_rgb(stripes, ".jpg", 95, full_colour=full) for full in (True, False))
    assert len(half) < len(full)
    redness = [
        float(np.ptp(decode_rgb(data, "a")[..., 0].astype(int) - decode_rgb(data, "a")[..., 1]))
        for data in (full, half)
    ]
    assert redness[1] < 0.7 * redness[0]


def test_missing_and_unreadable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / 'a.jpg'} does not exist; run: dvc repro")):
        read_rgb(tmp_path / "a.jpg")
    for name, data in (("zero.jpg", b""), ("text.jpg", b"no image at all")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match=rf"{name} is not a readable image \({len(data)} bytes\); replace it"):
            read_rgb(tmp_path / name)
    with pytest.raises(InputError, match="the third one is not a readable image"):
        decode_rgb(np.zeros(3, np.uint8), "the third one")


def test_what_fits_is_the_same_array() -> None:
    for max_side in (0, 24, 100):
        assert fit_within(SCENE, max_side) is SCENE


def test_shrinking_averages() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, ::2] = 200
    assert (fit_within(image, 2) == 100).all()


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 100))
@settings(max_examples=60, deadline=None)
def test_the_longest_side_fits_and_the_aspect_stays(height: int, width: int, max_side: int) -> None:
    small = fit_within(np.zeros((height, width, 3), np.uint8), max_side)
    assert max(small.shape[:2]) == min(max_side, max(height, width))
    scale = max(small.shape[:2]) / max(height, width)
    assert abs(small.shape[0] - height * scale) <= 1
    assert abs(small.shape[1] - width * scale) <= 1
    assert min(small.shape[:2]) >= 1


def test_blurring_keeps_flat_places_and_the_mean() -> None:
    soft = blurred(SCENE, 1.0)
    assert (soft[:4] == SCENE[:4]).all()
    assert 0 < soft[12, 11, 2] < SCENE[12, 12, 2]
    np.testing.assert_allclose(soft.mean(), SCENE.mean(), atol=1.5)


def test_mixed_by_share() -> None:
    share = np.zeros((16, 24), np.float32)
    share[:, :8], share[:, 8:16] = 1, 0.5
    shown = mixed(SCENE, np.full_like(SCENE, 100), share)
    assert (shown[:, :8] == SCENE[:, :8]).all()
    assert (shown[:, 16:] == 100).all()
    assert shown[0, 10].tolist() == [155, 70, 65]


@pytest.mark.parametrize(("sigma", "radius"), [(0.8, 3), (3.0, 9), (12.8, 39)])
def test_blurring_is_a_gaussian_mirrored_at_the_edge(sigma: float, radius: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    reference = gaussian_filter(image.astype(float), sigma, mode="mirror", radius=radius, axes=(0, 1))
    assert np.abs(blurred(image, sigma) - reference).max() < 0.51
