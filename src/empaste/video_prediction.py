"""A trained detector on a video or a camera: the video with what was found drawn on it, and COCO files of the frames.

What is found is written as it comes, so that a film of any length takes no more memory than a few frames.
"""

import json
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from tqdm import tqdm

from empaste.artifacts.coco import instance
from empaste.artifacts.coco_records import TABLES, DetectedInstance
from empaste.artifacts.outputs import whole_directory
from empaste.detectors.detecting import DETECTION_ERRORS, Detect, DetectSettings, load_detector
from empaste.detectors.models import classes_of
from empaste.errors import InputError, name_and_line
from empaste.images import fit_within
from empaste.prediction import DATA_SET, LARGEST_OVERLAY, RESULTS, check_out, draw_detections
from empaste.videos import Frame, Video, VideoFile

VIDEO = "annotated.mp4"


class VideoPrediction(NamedTuple):
    """Frames looked at, instances found in them, and what ended it early (None: the video is over)."""

    num_frames: int
    num_instances: int
    trouble: str | None


def predict_video(
    source: Path, model: Path, out: Path, settings: DetectSettings, *, every: int, max_frames: int
) -> VideoPrediction:
    """``out`` holds what the detector in ``model`` finds in every ``every``-th frame of the video or camera ``source``.

    `VIDEO`: the frames with masks, names and scores. ``results.json``: COCO results, whose ``image_id`` is the number
    of the frame counted from 1; ``instances.json``: the same as a COCO data set of images ``frame_000000.jpg``, counted
    from 0. At most ``max_frames`` frames are looked at; 0: all. Ctrl-C ends it, as it has to end a camera.
    What was found stands, and ``trouble`` says what ended a video too early: Ctrl-C, damage, a camera that gives no
    more, or a frame that cannot be detected on.
    `InputError` where there is no model, no such camera, no frame at all, or ``out`` holds files already.
    """
    video = Video(source)
    try:
        detect = load_detector(model, settings)
        check_out(out)
        size = 1 if video.is_camera else settings.batch_size  # a camera waits for nobody
        with whole_directory(out) as folder, _Record(folder, classes_of(model), video, every) as record:
            trouble = _look(video, detect, record, every, max_frames, size)
            if not record.num_frames:
                raise InputError(f"{source} gives no frame ({trouble or 'it is empty'}); name another video")
            record.finish(f"predicted by {model} in {source.name}")
    finally:
        video.close()
    return VideoPrediction(record.num_frames, record.num_instances, trouble)


def _look(video: Video, detect: Detect, record: "_Record", every: int, max_frames: int, batch_size: int) -> str | None:
    """``record`` has what is found in the frames; returns what ended it early."""
    total = max_frames or (video.num_frames and -(-video.num_frames // every)) or None
    frames = islice(video.frames(every), max_frames or None)
    is_over, place = False, "before the first frame"
    with _interrupts() as interrupted, tqdm(total=total, desc="predicting", unit="frame") as progress:
        while not interrupted and not is_over:
            batch = list(islice(frames, batch_size))
            if not batch:
                is_over = True
                continue
            try:
                found = detect(frame.image for frame in batch)
            except DETECTION_ERRORS as error:
                return f"frame {batch[0].number} could not be detected on ({name_and_line(error)})"
            for frame, rows in zip(batch, found, strict=True):
                record.add(frame, rows)
            place = f"after frame {batch[-1].number}"
            progress.update(len(batch))
    if interrupted and video.is_camera:  # which is how a camera ends
        return None
    return video.trouble if is_over else f"stopped by Ctrl-C {place}"


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that Ctrl-C puts something into, in place of ending the program where it stands; a second one ends it."""
    seen: list[int] = []

    def note(number: int, place: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


class _Record:
    """The files of a prediction, written frame by frame into ``folder``."""

    def __init__(self, folder: Path, names: Mapping[int, str], video: Video, every: int) -> None:
        self.folder, self.names = folder, names
        self.film = VideoFile(folder / VIDEO, video.rate / every)
        self.lists = {name: _JsonList(folder / f".{name}.json") for name in (*TABLES, "results")}
        self.num_frames = self.num_instances = 0
        for number, name in names.items():
            self.lists["categories"].add({"id": number, "name": name, "supercategory": "object"})

    def __enter__(self) -> "_Record":
        return self

    def __exit__(self, *error: object) -> None:
        for one in self.lists.values():
            one.close()

    def add(self, frame: Frame, rows: Sequence[DetectedInstance]) -> None:
        """What was found in ``frame``."""
        height, width = frame.image.shape[:2]
        self.film.write(draw_detections(fit_within(frame.image, LARGEST_OVERLAY), rows, self.names))
        image_id = frame.number + 1
        name = f"frame_{frame.number:06d}.jpg"
        self.lists["images"].add({"id": image_id, "file_name": name, "height": height, "width": width})
        for row in rows:
            self.num_instances += 1
            self.lists["results"].add({"image_id": image_id, **row})
            self.lists["annotations"].add(
                instance(self.num_instances, image_id, row["category_id"], row["segmentation"], score=row["score"])
            )
        self.num_frames += 1

    def finish(self, origin: str) -> None:
        """The video and both JSON files are whole."""
        self.film.close()
        for one in self.lists.values():
            one.close()
        self.lists["results"].path.replace(self.folder / RESULTS)
        with (self.folder / DATA_SET).open("wb") as out:
            out.write(f'{{"info":{json.dumps({"description": origin})}'.encode())
            for name in TABLES:
                out.write(f',"{name}":'.encode())
                with self.lists[name].path.open("rb") as part:
                    shutil.copyfileobj(part, out)
                self.lists[name].path.unlink()
            out.write(b"}")


class _JsonList:
    """A JSON list in a file, to which rows are added."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("w")
        self._before = "["

    def add(self, row: Any) -> None:
        """One more row."""
        self._file.write(self._before + json.dumps(row, separators=(",", ":")))
        self._before = ","

    def close(self) -> None:
        """The list is whole; nothing is added any more."""
        if not self._file.closed:
            self._file.write("[]" if self._before == "[" else "]")
            self._file.close()
