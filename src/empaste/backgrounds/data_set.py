"""Make backgrounds part by part, so that an interrupted run goes on; then put the parts together.

A part is what came of some scenes: its rows and its failures as JSON, the selected images as a shard. One part is in
memory at a time.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.schemas.table import Table
from empaste.artifacts.shards import list_entries, write_shard, write_shards
from empaste.artifacts.tables import write_into, write_table
from empaste.artifacts.work_parts import finish_parts
from empaste.backgrounds.generator import Generator
from empaste.backgrounds.scenes import Candidate, Failure, Made, Scene, Source
from empaste.backgrounds.selection import Judge, Judged
from empaste.errors import InputError
from empaste.images import encode_rgb

JUDGED_AT_ONCE = 64
"""Images that are judged together, or a few more: all of a scene come together."""

HOPELESS = 16
"""Where so many images fail and none comes, the next will not come either."""

ROWS, IMAGES = "rows.json", "images.tar"
"""The files of a part."""
KEPT = "kept"
"""The folder beside the parts for what a source keeps of the part that it is at."""


@dataclass(frozen=True)
class Part:
    """What came of some scenes; ``images`` are the selected ones, as files by name."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    shown_per_class: Counter[int] = field(default_factory=Counter)
    images: list[tuple[str, bytes]] = field(default_factory=list)


MapParts = Callable[[Callable[[Sequence[Scene]], Part], Sequence[Sequence[Scene]]], Iterable[Part]]
"""Maps a pure function over the scenes of parts, perhaps on other machines; in order."""


class Joined(NamedTuple):
    """What came of all scenes: the table of candidates, that of failures, and what else was counted."""

    table: pd.DataFrame
    failures: pd.DataFrame
    tally: Counter[str]
    shown_per_class: Counter[int]


def make_parts(
    scenes: Sequence[Scene],
    generator: Generator[Any],
    source: Callable[[], Source],
    judge: Callable[[], Judge],
    per_caption: int,
    map_parts: MapParts,
    work: Path,
) -> list[Path]:
    """The folders of the finished parts in ``work``, in order; those that stand there already are not made again.

    ``source``, one of ``generator``, and ``judge`` give those of the process that calls them. `InputError` where every
    image of a part failed: going on would be in vain. What was finished stays.
    """
    asked = {scene.image_id: len(scene.captions) if generator.by_caption else 1 for scene in scenes}
    num_images = {image_id: per_caption * number for image_id, number in asked.items()}
    if scenes and not any(num_images.values()):
        raise InputError("no training image has a caption to make backgrounds from; run: dvc repro captions")
    parts = list(_cut(scenes, num_images, generator.images_per_part))

    def make(todo: Sequence[list[Scene]]) -> Iterator[Part]:
        num_todo = sum(num_images[scene.image_id] for part in todo for scene in part)
        if not generator.learned:
            source().begin(num_todo, work / KEPT)
        hopeless = min(HOPELESS, num_todo) if len(todo) == len(parts) else HOPELESS
        for part in map_parts(partial(_make_part, source, judge), todo):
            _check_hope(part, hopeless)
            yield part
            shutil.rmtree(work / KEPT, ignore_errors=True)  # that part stands

    return finish_parts(work, "backgrounds", parts, make, _write_part, per_part=1)


def write_tables(joined: Joined, folder: Path) -> None:
    """``folder`` holds the table of candidates and that of failures."""
    write_into(folder, joined.table, Backgrounds)
    write_table(joined.failures, folder / "failures.parquet", BackgroundFailures)


def join_parts(parts: Sequence[Path], folder: Path) -> Joined:
    """``folder`` holds the shards of all selected images, named and numbered as the table says; no part, no row."""
    frames, failures = [_frame(Backgrounds, [])], [_frame(BackgroundFailures, [])]
    tally: Counter[str] = Counter()
    shown: Counter[int] = Counter()

    def entries() -> Iterator[tuple[str, bytes]]:
        total = 0
        for path in parts:
            part = read_own_json(path / ROWS, "dvc repro backgrounds")
            images = {entry.name: entry for entry in list_entries(path / IMAGES)}
            for number, row in enumerate(part["rows"], total):
                if row["selected"]:
                    yield file_name(number), images[row["file_name"]].read()
                row |= {"background_id": number, "file_name": file_name(number)}
            total += len(part["rows"])
            frames.append(_frame(Backgrounds, part["rows"]))
            failures.append(_frame(BackgroundFailures, part["failures"]))
            tally.update(part["tally"])
            shown.update({int(class_id): number for class_id, number in part["shown_per_class"].items()})

    write_shards(folder, entries())
    return Joined(_one_table(frames), _one_table(failures), tally, shown)


def summarise(
    joined: Joined, class_names: Mapping[int, str], counts: Mapping[str, int], scored: bool
) -> dict[str, Any]:
    """The stage's metrics; means are None where there is nothing to average.

    ``counts`` are the source's own; ``scored`` says whether CLIP chose.
    """
    table, tally = joined.table, joined.tally
    chosen = table[table["selected"].astype(bool)]
    dropped = Counter(table["dropped_by"])
    return {
        "candidates": len(table),
        "selected": len(chosen),
        "images_with_background": int(chosen["image_id"].nunique()),
        "skipped_without_context": tally["skipped_without_context"],
        "retried": tally["retried"],
        "blank": tally["blank"],
        "failures": len(joined.failures),
        "refused_by_labels": counts.get("refused_by_labels", 0),
        "dropped_by_presence": dropped["presence"],
        "dropped_by_clip": dropped["selection"] if scored else 0,
        "dropped_as_surplus": 0 if scored else dropped["selection"],
        "dropped_per_class": {name: joined.shown_per_class[class_id] for class_id, name in class_names.items()},
        "mean_presence_prob": _mean(table["presence_prob"]),
        "mean_presence_prob_selected": _mean(chosen["presence_prob"]),
        "mean_clip_score_selected": _mean(chosen["clip_score"]),
        "mean_target_score_selected": _mean(chosen["target_score"]),
    }


def _cut(scenes: Sequence[Scene], num_images: Mapping[int, int], per_part: int) -> Iterator[list[Scene]]:
    """``scenes``, of which each asks for so many images, in parts of some ``per_part`` images, whole scenes each."""
    part: list[Scene] = []
    size = 0
    for scene in scenes:
        part.append(scene)
        size += num_images[scene.image_id]
        if size >= per_part:
            yield part
            part, size = [], 0
    if part:
        yield part


def _make_part(source: Callable[[], Source], judge: Callable[[], Judge], scenes: Sequence[Scene]) -> Part:
    """What came of ``scenes``."""
    part, judging = Part(), judge()
    for several in _in_turn(zip(scenes, source().make(scenes), strict=True)):
        candidates = [(scene.image_id, one) for scene, made in several for one in made.candidates]
        judged = judging(candidates)
        part.tally.update(_count(made for _, made in several))
        part.failures.extend(_failure(scene, one) for scene, made in several for one in made.failures)
        part.shown_per_class.update(judged.shown_per_class)
        for index, (image_id, candidate) in enumerate(candidates):
            part.rows.append(_row(len(part.rows), image_id, candidate, judged, index))
            if judged.selected[index]:
                part.images.append((part.rows[-1]["file_name"], encode_rgb(candidate.image, ".jpg")))
    return part


def _check_hope(part: Part, hopeless: int) -> None:
    """`InputError` where no image of ``part`` came, and so many failed."""
    if len(part.failures) >= hopeless and not part.rows:
        raise InputError(
            f"all {len(part.failures)} images of this part failed, the last one as: {part.failures[-1]['reason']}; "
            "what was made before is kept: mend the cause and run again"
        )


def _write_part(folder: Path, made: Sequence[Part]) -> None:
    """``folder`` holds the rows, the failures, the counts and the selected images of the one part ``made``."""
    (part,) = made
    write_shard(folder / IMAGES, part.images)
    content = {"rows": part.rows, "failures": part.failures, "tally": part.tally}
    write_json(folder / ROWS, content | {"shown_per_class": part.shown_per_class})


def _in_turn(made: Iterable[tuple[Scene, Made]]) -> Iterator[list[tuple[Scene, Made]]]:
    """What was ``made``, several scenes at a time."""
    several: list[tuple[Scene, Made]] = []
    size = 0
    for scene, of_scene in made:
        several.append((scene, of_scene))
        size += len(of_scene.candidates)
        if size >= JUDGED_AT_ONCE:
            yield several
            several, size = [], 0
    if several:
        yield several


def _count(made: Iterable[Made]) -> Counter[str]:
    """What happened to some scenes."""
    tally: Counter[str] = Counter()
    for of_scene in made:
        tally.update(
            skipped_without_context=int(not of_scene.has_context),
            retried=of_scene.num_retried,
            blank=of_scene.num_blank,
        )
    return tally


def _row(index: int, image_id: int, candidate: Candidate, judged: Judged, at: int) -> dict[str, Any]:
    """A row of `schemas.backgrounds.Backgrounds`, with JSON's null for NaN; number and file name hold in the part."""
    shows, selected = bool(judged.present.shows[at]), bool(judged.selected[at])
    return {
        "background_id": index,
        "image_id": image_id,
        "caption_id": candidate.caption_id,
        "prompt": candidate.prompt,
        "file_name": file_name(index),
        "height": candidate.image.shape[0],
        "width": candidate.image.shape[1],
        "clip_score": _known(judged.scores.prompt[at]),
        "target_score": _known(judged.scores.target[at]),
        "presence_class_id": int(judged.present.class_ids[at]),
        "presence_prob": float(judged.present.probs[at]),
        "selected": selected,
        "dropped_by": "" if selected else ("presence" if shows else "selection"),
    }


def _failure(scene: Scene, failure: Failure) -> dict[str, Any]:
    return {"image_id": scene.image_id, **failure._asdict()}


def file_name(number: int) -> str:
    """What the background is called within its shard."""
    return f"{number:08d}.jpg"


def _frame(schema: type[Table], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """The rows with the columns of ``schema``; what is null in all of them is a number all the same."""
    frame = pd.DataFrame(rows, columns=list(schema.to_schema().columns))
    return frame.astype({name: float for name in ("clip_score", "target_score") if name in frame})


def _one_table(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """One table of all rows; that of the first frame, which is empty, where there is none."""
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else frames[0]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: pd.Series) -> float | None:
    known = values.astype(float).dropna()
    return float(known.mean()) if len(known) else None
