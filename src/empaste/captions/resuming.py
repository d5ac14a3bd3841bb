"""Captions kept part by part as they are made, so that an interrupted run goes on where it stopped."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.artifacts.work_parts import part_folder, standing_parts, whole_part
from empaste.captions import CAPTIONERS
from empaste.captions.captioner import CaptionerSettings, Context
from empaste.captions.scenes import Scene

SCENES_PER_PART = 16
"""Scenes of a part. A kill costs at most so many, at a second or more each on a CPU, and the batch at work."""
CAPTIONS = "captions.json"
MapBatches = Callable[
    [Callable[[Sequence[Scene]], list[list[str]]], Sequence[Sequence[Scene]]], Iterable[list[list[str]]]
]
"""Maps a pure function over batches, perhaps on other machines; in order."""


def write_captions(
    scenes: Sequence[Scene], settings: CaptionerSettings, load: Callable[[], Any], map_batches: MapBatches, work: Path
) -> list[list[str]]:
    """The captions of each scene by a captioner whose network ``load`` gives.

    They go on from the parts in ``work`` that an interrupted run left.
    """
    size = settings.batch_size

    def caption(wanted: Sequence[Scene]) -> Iterator[list[str]]:
        batches = [wanted[start : start + size] for start in range(0, len(wanted), size)]
        return chain.from_iterable(map_batches(partial(_caption_batch, settings, load), batches))

    return resume_captions(scenes, caption, work)


def _caption_batch(settings: CaptionerSettings, load: Callable[[], Any], scenes: Sequence[Scene]) -> list[list[str]]:
    return list(CAPTIONERS[settings.method].caption(scenes, settings, Context(load=load)))


def resume_captions(
    scenes: Sequence[Scene], caption: Callable[[list[Scene]], Iterator[list[str]]], work: Path
) -> list[list[str]]:
    """What ``caption`` yields for ``scenes``, of which it is given only those that no part in ``work`` holds yet.

    That gives the same captions, since none depends on the others of its batch. The parts may be of other scenes: a
    run may go on with more of the images, or fewer.
    """
    done: dict[int, list[str]] = {}
    for part in standing_parts(work):
        done |= _read(part)
    rest = [scene for scene in scenes if scene.image_id not in done]
    if len(rest) < len(scenes):
        print(f"captions: going on after {len(scenes) - len(rest):,} of {len(scenes):,} images", file=sys.stderr)
    made = zip(rest, caption(rest) if rest else (), strict=True)
    while several := list(islice(made, SCENES_PER_PART)):
        # No other part can have this name: its first scene is in none that stands.
        with whole_part(part_folder(work, several[0][0].image_id)) as folder:
            write_json(folder / CAPTIONS, [[scene.image_id, texts] for scene, texts in several])
        done |= {scene.image_id: texts for scene, texts in several}
    return [done[scene.image_id] for scene in scenes]


def _read(part: Path) -> dict[int, list[str]]:
    return dict(read_own_json(part / CAPTIONS, "dvc repro captions"))
