"""Videos and cameras, frame by frame: read and written by OpenCV, one frame in memory at a time."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from empaste import MAX_PIXELS
from empaste.errors import InputError
from empaste.images import RGB

SUFFIXES = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".ts")
"""The endings of files that are taken for videos, in lower case."""
CAMERA = "camera:"
USUAL_RATE = 25.0
"""Frames per second where a video or a camera states none."""
MAX_RATE = 240.0
MISCOUNTED = 0.02
"""Of its frames a sound file may lack such a share, and one more: containers estimate how many there are."""
CODEC = "mp4v"


class Frame(NamedTuple):
    """A frame and its number, from 0."""

    number: int
    image: RGB


def is_video(source: Path) -> bool:
    """Whether ``source`` names a camera (``camera:0``), or a file with the ending of a video."""
    return str(source).startswith(CAMERA) or (source.suffix.lower() in SUFFIXES and not source.is_dir())


class Video:
    """A video, or a camera, that is open; ``rate`` is its frames per second.

    After `frames` has ended by itself, ``trouble`` says what cut it short; None where nothing did.
    """

    def __init__(self, source: Path) -> None:
        """Open ``source``; `InputError` where there is no such camera or file, or it is no video or a huge one."""
        self.source = source
        self.trouble: str | None = None
        camera = _camera_number(source)
        self.is_camera = camera is not None
        with _quiet():
            self._capture = (
                cv2.VideoCapture(str(source), cv2.CAP_FFMPEG) if camera is None else cv2.VideoCapture(camera)
            )
        if not self._capture.isOpened():
            raise _cannot_open(source, camera)
        self._refuse_large()
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if 0 < rate <= MAX_RATE else USUAL_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.num_frames = int(count) if not self.is_camera and 0 < count < 1e9 else None
        """How many frames the file says it has; None where it does not say, and of a camera."""

    def _refuse_large(self) -> None:
        width, height = (int(self._capture.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if width * height > MAX_PIXELS:
            self.close()
            raise InputError(
                f"{self.source} has frames of {width} × {height} pixels, {width * height / 1e6:.0f} megapixels; "
                f"allowed are {MAX_PIXELS / 1e6:.0f}: make it smaller"
            )

    def frames(self, every: int = 1) -> Iterator[Frame]:
        """The frames 0, ``every``, 2 · ``every``, … in RGB; those between are not decoded to images."""
        number = 0
        while self._grab():
            if number % every == 0:
                done, image = self._capture.retrieve()
                if not done:
                    break
                yield Frame(number, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
            number += 1
        self.trouble = self._cut_short(number)

    def close(self) -> None:
        """The file, or the camera, is free again."""
        self._capture.release()

    def _grab(self) -> bool:
        with _quiet():
            return bool(self._capture.grab())

    def _cut_short(self, read: int) -> str | None:
        if self.is_camera:
            return f"{self.source} gave no more frames after {read}; is it still plugged in?"
        if self.num_frames is None or read >= self.num_frames * (1 - MISCOUNTED) - 1:
            return None
        return f"{self.source} is damaged or cut off: {read} of its {self.num_frames} frames can be read"


class VideoFile:
    """A new video at ``path`` (MPEG-4 in .mp4): its size is that of the first frame, sides cut to even numbers."""

    def __init__(self, path: Path, rate: float) -> None:
        self.path, self.rate = path, rate
        self.num_frames = 0
        self._writer: cv2.VideoWriter | None = None
        self._size_wh = (0, 0)

    def write(self, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """One more frame; one of another size than the first is brought to that."""
        if self._writer is None:
            self._size_wh = (image.shape[1] // 2 * 2, image.shape[0] // 2 * 2)
            codec = cv2.VideoWriter.fourcc(*CODEC)
            self._writer = cv2.VideoWriter(str(self.path), codec, self.rate, self._size_wh)
            if not self._writer.isOpened():
                raise InputError(f"{self.path} cannot be written as a video; give another folder")
        width, height = self._size_wh
        fits = image.shape[0] // 2 * 2 == height and image.shape[1] // 2 * 2 == width
        shown = image[:height, :width] if fits else cv2.resize(image, self._size_wh, interpolation=cv2.INTER_AREA)
        self._writer.write(cv2.cvtColor(shown, cv2.COLOR_RGB2BGR))
        self.num_frames += 1

    def close(self) -> None:
        """The file is whole; `InputError` where it lacks frames, of which OpenCV says nothing when the disk is full."""
        if self._writer is None:
            return
        self._writer.release()
        video = Video(self.path)
        video.close()
        if video.num_frames != self.num_frames:
            raise InputError(
                f"{self.path} holds {video.num_frames} of {self.num_frames} frames; free some space on the disk and "
                "run again"
            )


def _camera_number(source: Path) -> int | None:
    """The number in ``camera:0``; None for a file. `InputError` for a camera without one."""
    if not str(source).startswith(CAMERA):
        return None
    number = str(source).removeprefix(CAMERA)
    if not re.fullmatch(r"\d{1,3}", number, re.ASCII):
        raise InputError(f"{source} names no camera; write its number from 0: {CAMERA}0")
    return int(number)


def _cannot_open(source: Path, number: int | None) -> InputError:
    if number is None:
        reason = "is no video that can be read (an MP4 lost in part cannot be)" if source.is_file() else "is no file"
        return InputError(f"{source} {reason}; name a video, an image, a folder of images, or {CAMERA}0")
    there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
    return InputError(
        f"camera {number} cannot be opened (devices on this machine: {there}); plug it in, close other programs that "
        "use it, or name another one"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """OpenCV, which writes its own warnings to the standard error, is quiet."""
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
