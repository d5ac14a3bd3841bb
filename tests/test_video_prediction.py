"""A detector on videos and cameras: every frame counts, what was found is kept, and what ended it is said."""

import json
import os
import signal
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer

from empaste import video_prediction
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.cli.detecting import predict
from empaste.detectors.detecting import Detect, DetectSettings
from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.video_prediction import VideoPrediction, predict_video
from empaste.videos import Frame, Video, VideoFile, is_video

SETTINGS = DetectSettings(min_score=0.5, max_detections=10, batch_size=4, num_threads=1, device="cpu")
ALL: dict[str, int] = {"every": 1, "max_frames": 0}
NUM_FRAMES = 12
MASK = np.zeros((48, 64), bool)
MASK[10:30, 5:25] = True


def detect(images: Iterable[np.ndarray]) -> list[list[DetectedInstance]]:
    """One instance in dark frames, none in bright ones."""
    row: DetectedInstance = {"category_id": 7, "bbox": [5, 10, 20, 20], "score": 0.9, "segmentation": encode_mask(MASK)}
    return [[row] if image.mean() < 128 else [] for image in images]


def frame(number: int) -> np.ndarray:
    return np.full((48, 64, 3), 15 * number + 10, np.uint8)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, and ``film.avi``, whose frames grow brighter."""
    monkeypatch.chdir(tmp_path)
    Path("model").mkdir()
    Path("model/config.json").write_text(json.dumps({"classes": [{"id": 7, "name": "cat"}]}))

    def load(_model: Path, _settings: DetectSettings) -> Detect:
        return detect

    monkeypatch.setattr(video_prediction, "load_detector", load)
    film = cv2.VideoWriter("film.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(NUM_FRAMES):
        film.write(frame(number))
    film.release()
    return tmp_path


def results() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(Path("out/results.json").read_text())
    return rows


def test_every_frame_is_looked_at() -> None:
    assert predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, **ALL) == VideoPrediction(12, 8, None)
    assert [row["image_id"] for row in results()] == [1, 2, 3, 4, 5, 6, 7, 8]
    data = read_coco(Path("out/instances.json"))
    assert [(row["id"], row["file_name"]) for row in data["images"]][::11] == [
        (1, "frame_000000.jpg"), (12, "frame_000011.jpg")
    ]  # fmt: skip
    assert {(row["height"], row["width"]) for row in data["images"]} == {(48, 64)}
    assert [row["name"] for row in data["categories"]] == ["cat"]
    assert [(row["id"], row["image_id"], row["area"], row.get("score")) for row in data["annotations"]][-1] == (
        8, 8, 400, 0.9
    )  # fmt: skip
    assert sorted(path.name for path in Path("out").iterdir()) == ["annotated.mp4", "instances.json", "results.json"]
    video = Video(Path("out/annotated.mp4"))
    shown = list(video.frames())
    assert (len(shown), video.rate, video.trouble) == (12, 10, None)
    assert shown[0].image.shape == (480, 640, 3)
    assert abs(float(shown[11].image.mean()) - 175) < 6  # nothing is drawn on it
    assert np.ptp(shown[0].image.reshape(-1, 3).mean(axis=1)) > 50


def test_every_third_frame_up_to_the_most() -> None:
    done = predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, every=3, max_frames=2)
    assert done == VideoPrediction(2, 2, None)
    assert [row["image_id"] for row in results()] == [1, 4]
    assert Video(Path("out/annotated.mp4")).rate == pytest.approx(10 / 3, abs=0.01)


def test_no_instance_gives_empty_lists() -> None:
    film = cv2.VideoWriter("bright.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    film.write(frame(15))
    film.release()
    assert predict_video(Path("bright.avi"), Path("model"), Path("out"), SETTINGS, **ALL) == VideoPrediction(1, 0, None)
    assert results() == []
    assert read_coco(Path("out/instances.json"))["annotations"] == []


def test_a_video_that_is_cut_off_keeps_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    whole = Path("film.avi").read_bytes()
    Path("cut.avi").write_bytes(whole[: whole.index(b"movi") + (len(whole) - whole.index(b"movi")) // 2])
    with pytest.raises(typer.Exit) as ended:
        predict(Path("cut.avi"), Path("model"), Path("out"), num_threads=1, device="cpu")
    assert ended.value.exit_code == 1
    out, err = capsys.readouterr()
    read = len(read_coco(Path("out/instances.json"))["images"])
    assert 0 < read < NUM_FRAMES
    assert f"instances in {read} frames: out/annotated.mp4, out/results.json" in out
    assert f"cut.avi is damaged or cut off: {read} of its 12 frames can be read; what was found before is wri" in err


def test_a_frame_that_fails_keeps_those_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(images: Iterable[np.ndarray]) -> list[list[DetectedInstance]]:
        shown = list(images)
        if shown[0].mean() > 60:
            raise RuntimeError("out of memory\nat line 1")
        return detect(shown)

    monkeypatch.setattr(video_prediction, "load_detector", lambda _model, _settings: fails)
    done = predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, **ALL)
    assert done == VideoPrediction(4, 4, "frame 4 could not be detected on (RuntimeError: out of memory)")


class FakeCamera:
    """Gives six frames; then the user types Ctrl-C, or it is unplugged."""

    unplugged = False

    def __init__(self, number: int) -> None:
        self.opened, self.given = number == 0, 0

    def isOpened(self) -> bool:  # noqa: N802  OpenCV's name
        return self.opened

    def get(self, _property: int) -> float:
        return 0.0

    def grab(self) -> bool:
        self.given += 1
        if self.given == 6 and not self.unplugged:
            os.kill(os.getpid(), signal.SIGINT)
        return self.given <= 6

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, frame(self.given)

    def release(self) -> None:
        self.opened = False


@pytest.mark.parametrize(
    ("unplugged", "trouble"),
    [(False, None), (True, "camera:0 gave no more frames after 6; is it still plugged in?")],
)
def test_a_camera_ends_by_ctrl_c_or_the_plug(
    monkeypatch: pytest.MonkeyPatch, unplugged: bool, trouble: str | None
) -> None:
    before = signal.getsignal(signal.SIGINT)
    reader = cv2.VideoCapture

    def opened(source: Any, *backend: int) -> Any:
        return FakeCamera(source) if isinstance(source, int) else reader(source, *backend)

    monkeypatch.setattr(FakeCamera, "unplugged", unplugged)
    monkeypatch.setattr(cv2, "VideoCapture", opened)
    done = predict_video(Path("camera:0"), Path("model"), Path("out"), SETTINGS, **ALL)
    assert done == VideoPrediction(6, 6, trouble)
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(InputError, match=r"camera 3 cannot be opened \(devices on this machine: .*\); plug it in"):
        Video(Path("camera:3"))


def test_ctrl_c_in_a_video_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupts(images: Iterable[np.ndarray]) -> list[list[DetectedInstance]]:
        os.kill(os.getpid(), signal.SIGINT)
        return detect(images)

    monkeypatch.setattr(video_prediction, "load_detector", lambda _model, _settings: interrupts)
    done = predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, **ALL)
    assert done == VideoPrediction(4, 4, "stopped by Ctrl-C after frame 3")


def test_ctrl_c_as_a_video_ends_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the batch behind the last one is read, which is empty."""

    def frames(video: Video, every: int = 1) -> Iterator[Frame]:
        yield from read(video, every)
        os.kill(os.getpid(), signal.SIGINT)

    read = Video.frames
    monkeypatch.setattr(Video, "frames", frames)
    done = predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, **ALL)
    assert done == VideoPrediction(12, 8, None)
    assert len(results()) == 8


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("gone.mp4", r"gone\.mp4 is no file; name a video, an image, a folder of images, or camera:0"),
        ("text.mp4", r"text\.mp4 is no video that can be read \(an MP4 lost in part cannot be\); name a video"),
        ("camera:front", r"camera:front names no camera; write its number from 0: camera:0"),
        ("camera:", r"camera: names no camera; write its number from 0"),
    ],
)
def test_what_cannot_be_opened_is_refused(source: str, message: str) -> None:
    Path("text.mp4").write_text("no video")
    assert is_video(Path(source))
    with pytest.raises(InputError, match=message):
        predict_video(Path(source), Path("model"), Path("out"), SETTINGS, **ALL)
    assert not Path("out").exists()


def test_a_video_of_huge_frames_is_refused() -> None:
    film = cv2.VideoWriter("huge.avi", cv2.VideoWriter.fourcc(*"MJPG"), 10, (210, 136))
    film.write(np.zeros((136, 210, 3), np.uint8))
    film.release()
    data = Path("huge.avi").read_bytes()
    for form, small in (("<ii", (210, 136)), (">HH", (136, 210))):  # the container's header and the frames'
        data = data.replace(struct.pack(form, *small), struct.pack(form, 16_200, 16_200))
    Path("huge.avi").write_bytes(data)
    with pytest.raises(InputError, match=r"huge\.avi has frames of 16200 × 16200 pixels, 262 megapixels; allowed are"):
        predict_video(Path("huge.avi"), Path("model"), Path("out"), SETTINGS, **ALL)
    assert not Path("out").exists()


def test_an_existing_folder_is_refused() -> None:
    Path("out/kept").mkdir(parents=True)
    with pytest.raises(InputError, match="out exists and is not an empty folder; give --out another one"):
        predict_video(Path("film.avi"), Path("model"), Path("out"), SETTINGS, **ALL)


def test_what_is_a_video() -> None:
    Path("folder.mp4").mkdir()
    assert [is_video(Path(name)) for name in ("a.MP4", "a.gif", "folder.mp4", "camera:1", "photos")] == [
        True, False, False, True, False
    ]  # fmt: skip


def test_a_written_video_has_even_sides_and_one_size() -> None:
    film = VideoFile(Path("odd.mp4"), 10)
    for size_hw in ((49, 65), (49, 65), (20, 30)):
        film.write(np.full((*size_hw, 3), 90, np.uint8))
    film.close()
    assert [one.image.shape for one in Video(Path("odd.mp4")).frames()] == [(48, 64, 3)] * 3


def test_a_video_that_lacks_frames_is_an_error() -> None:
    film = VideoFile(Path("lacks.mp4"), 10)
    film.write(frame(1))
    film.num_frames += 1
    with pytest.raises(InputError, match=r"lacks\.mp4 holds 1 of 2 frames; free some space on the disk and run again"):
        film.close()
    with pytest.raises(InputError, match=r"x/y\.mp4 cannot be written as a video"):
        VideoFile(Path("x/y.mp4"), 10).write(frame(1))
