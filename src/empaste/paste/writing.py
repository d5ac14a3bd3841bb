"""Composites as a COCO data set on disk, written shard by shard.

A shard that is finished stands in the folder for unfinished work, in a part with the text of its rows and a record of
what went into it, so that an interrupted run goes on behind it, and so that no more than one shard's rows are ever in
memory.
"""

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from empaste.artifacts.coco import coco_dataset
from empaste.artifacts.coco_records import Annotation, ImageRecord
from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json, write_whole
from empaste.artifacts.shards import SHARD_SIZE, shard_name, write_shard
from empaste.artifacts.work_parts import part_folder, part_stands, whole_part
from empaste.errors import InputError
from empaste.paste.compose import EncodedComposite, Unreadable
from empaste.paste.pool import Canvas

MAX_UNREADABLE = 0.01
"""Share of the images to paste on that may be unreadable; the run ends when there are more."""

TALLY = "tally.json"

Composed = EncodedComposite | Unreadable


@dataclass
class Tally:
    """What went into one shard, or into all: ``canvases`` used up, ``counts`` by what is counted, reasons by image."""

    canvases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.canvases + other.canvases, self.counts + other.counts, self.unreadable | other.unreadable)


def write_composites(
    folder: Path,
    work: Path,
    canvases: Sequence[Canvas],
    compose_all: Callable[[Sequence[Canvas]], Iterable[Composed]],
    classes: pd.DataFrame,
) -> Tally:
    """``folder`` holds ``instances.json`` and shards of the images ``NNNNNN.jpg``; returns what was counted.

    Images and annotations are numbered from 1, in the order of ``canvases``. A composite without any instance stays
    out: what it shows may be remains of dropped ones, which no annotation names. Extra keys of an image say where it is
    from (``kind``, ``source_id``), extra keys of an annotation whether it was pasted (``source``), and which foreground
    it shows. Images that cannot be read are skipped and named under ``info``; `InputError` where they are more than
    `MAX_UNREADABLE`. ``work`` keeps finished shards until they are moved into ``folder``.
    """
    tallies = read_tallies(work)
    total = sum(tallies, Tally())
    limit = MAX_UNREADABLE * len({canvas.image for canvas in canvases})
    rest, number = canvases[total.canvases :], len(tallies)
    composed = zip(rest, compose_all(rest), strict=True)
    while total.canvases < len(canvases):
        total += write_one_shard(work, number, composed, total, limit)
        number += 1
    assert next(composed, None) is None  # asked once more, so that worker processes end here
    parts = [part_folder(work, k) for k in range(number)]
    _write_instances(folder / "instances.json", parts, classes, total.unreadable)
    for part in parts:
        for shard in part.glob("*.tar"):  # the last part may have none
            shutil.move(shard, folder / shard.name)
    return total


def read_tallies(work: Path) -> list[Tally]:
    """What went into each of the finished shards in ``work`` that an interrupted run left, up to the first damaged one.

    Those behind it are made again with it, since they count on from what it says.
    """
    tallies: list[Tally] = []
    while part_stands(part := part_folder(work, len(tallies))):
        content = read_own_json(part / TALLY, "dvc repro paste")
        tallies.append(Tally(content["canvases"], Counter(content["counts"]), content["unreadable"]))
    return tallies


def write_one_shard(
    work: Path, number: int, composed: Iterator[tuple[Canvas, Composed]], before: Tally, limit: float
) -> Tally:
    """``work`` holds a part with the shard ``number`` of the next of ``composed``, its rows, and its tally.

    The tally is returned. Without an image there are rows and tally alone. ``before`` says what went into the earlier
    shards.
    """
    tally = Tally()
    images: list[ImageRecord] = []
    annotations: list[Annotation] = []

    def entries() -> Iterator[tuple[str, bytes]]:
        for canvas, composite in composed:
            tally.canvases += 1
            if isinstance(composite, Unreadable):
                _note_unreadable(before.unreadable, tally.unreadable, canvas, composite, limit)
                continue
            tally.counts["dropped_instances"] += composite.num_dropped
            if not composite.annotations:
                tally.counts["dropped_images"] += 1
                continue
            image_id = before.counts["images"] + len(images) + 1
            first = before.counts["instances"] + len(annotations) + 1
            images.append(_image_row(image_id, canvas, composite))
            annotations.extend(
                {"id": first + k, "image_id": image_id, **one} for k, one in enumerate(composite.annotations)
            )
            yield images[-1]["file_name"], composite.jpeg
            if len(images) == SHARD_SIZE:
                return

    with whole_part(part_folder(work, number)) as folder:
        if not write_shard(shard := folder / shard_name(number), entries()):
            shard.unlink()
        tally.counts += _count(images, annotations)
        for name, rows in (("images", images), ("annotations", annotations)):
            write_whole(_rows_path(folder, name), _compact(rows)[1:-1])
        write_json(folder / TALLY, vars(tally))
    return tally


def _note_unreadable(
    earlier: dict[str, str], noted: dict[str, str], canvas: Canvas, composite: Unreadable, limit: float
) -> None:
    """Add the image of ``canvas`` to those ``noted``; `InputError` where that makes more than ``limit``."""
    name = str(canvas.image)
    if name in earlier or name in noted:
        return
    noted[name] = composite.reason
    print(f"WARNING: skipped: {composite.reason}", file=sys.stderr)
    if len(earlier) + len(noted) > limit:
        raise InputError(
            f"more than {MAX_UNREADABLE:.0%} of the images to paste on cannot be read: "
            f"{'; '.join([*earlier.values(), *noted.values()][:5])}"
        )


def _image_row(image_id: int, canvas: Canvas, composite: EncodedComposite) -> ImageRecord:
    height, width = composite.size_hw
    row: ImageRecord = {
        "id": image_id,
        "file_name": f"{image_id:06d}.jpg",
        "height": height,
        "width": width,
        "kind": canvas.kind,
        "source_id": canvas.source_id,
        "pasted_on": canvas.pasted_on,
    }
    if composite.void is not None:
        row["void"] = composite.void
    return row


def _count(images: list[ImageRecord], annotations: list[Annotation]) -> Counter[str]:
    counts = Counter(images=len(images), instances=len(annotations))
    counts.update(image["kind"] if image["pasted_on"] else "unpasted" for image in images)
    counts.update(f"class {annotation['category_id']} {annotation['source']}" for annotation in annotations)
    return counts


def _rows_path(part: Path, name: str) -> Path:
    return part / f"rows.{name}"


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _write_instances(path: Path, parts: Sequence[Path], classes: pd.DataFrame, unreadable: dict[str, str]) -> None:
    """``path`` holds the COCO data set of the shards in ``parts``, put together from the text of their rows."""
    empty = pd.DataFrame(columns=["image_id", "file_name", "height", "width"])
    frame = coco_dataset(empty, classes, [], "EM-Paste composites")
    info = frame["info"] | ({"skipped": sorted(unreadable.values())} if unreadable else {})
    with path.open("wb") as out:
        out.write(b'{"info":' + _compact(info))
        for name in ("images", "annotations"):
            out.write(f',"{name}":['.encode())
            filled = [file for part in parts if (file := _rows_path(part, name)).stat().st_size]
            for place, file in enumerate(filled):
                out.write(b"," if place else b"")
                with file.open("rb") as rows:
                    shutil.copyfileobj(rows, out)
            out.write(b"]")
        out.write(b',"categories":' + _compact(frame["categories"]) + b"}")
