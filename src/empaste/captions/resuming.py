"""Captions written down as they are made, so that an interrupted run goes on where it stopped."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from empaste.captions import CAPTIONERS
from empaste.captions.captioner import CaptionerSettings
from empaste.captions.scenes import Scene

MapBatches = Callable[
    [Callable[[Sequence[Scene]], list[list[str]]], Sequence[Sequence[Scene]]], Iterable[list[list[str]]]
]
"""Maps a pure function over batches, perhaps on other machines; in order."""


def write_captions(
    scenes: Sequence[Scene], settings: CaptionerSettings, map_batches: MapBatches, work: Path
) -> Iterator[list[str]]:
    """The captions of each scene by a captioner that runs a model; they go on from what an interrupted run left."""
    size = settings.batch_size

    def caption(wanted: Sequence[Scene]) -> Iterator[list[str]]:
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        return chain.from_iterable(map_batches(partial(_caption_batch, settings), batches)) if batches else iter(())

    return resume_captions(scenes, caption, work / "captions.jsonl")


def _caption_batch(settings: CaptionerSettings, scenes: Sequence[Scene]) -> list[list[str]]:
    return list(CAPTIONERS[settings.method].caption(scenes, settings, ()))


def resume_captions(
    scenes: Sequence[Scene], caption: Callable[[list[Scene]], Iterator[list[str]]], file: Path
) -> Iterator[list[str]]:
    """What ``caption`` yields for ``scenes``, of which it is given only those that ``file`` does not hold yet.

    That gives the same captions, since none depends on the others of its batch. A line that a killed run left half
    written is made again.
    """
    done = _read(file)
    file.write_text("".join(_line(image_id, texts) for image_id, texts in done.items()), encoding="utf-8")
    made = caption([scene for scene in scenes if scene.image_id not in done])
    with file.open("a", encoding="utf-8") as stream:
        for scene in scenes:
            if scene.image_id not in done:
                done[scene.image_id] = next(made)
                stream.write(_line(scene.image_id, done[scene.image_id]))
                stream.flush()
            yield done[scene.image_id]


def _read(file: Path) -> dict[int, list[str]]:
    done: dict[int, list[str]] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines() if file.exists() else ():
        try:
            row = json.loads(line)
            done[row["image_id"]] = row["texts"]
        except (ValueError, KeyError, TypeError):
            break
    return done


def _line(image_id: int, texts: list[str]) -> str:
    return json.dumps({"image_id": image_id, "texts": texts}) + "\n"
