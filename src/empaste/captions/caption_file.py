"""Captions that the user already has: COCO captions JSON, or CSV.

JSON holds ``annotations`` of ``image_id`` and ``caption`` and mostly ``images`` of ``id`` and ``file_name``, as COCO's
captions do, or it is a list of such annotations, as captioning programs write results. CSV has a header with
``file_name`` or ``image_id``, and ``caption`` (or ``text``), one caption per row, parted by commas, semicolons or tabs.

A ``file_name`` is a name. An ``image_id`` without ``images`` is an id of ``data/images`` or a name; which of them, is
decided once per file (`artifacts.image_keys`).
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from empaste.artifacts import fields
from empaste.artifacts.csv_tables import read_csv
from empaste.artifacts.fields import listed, shown
from empaste.artifacts.image_keys import KeyMatches, NamedImage, image_key, match_keys, match_names
from empaste.artifacts.json_files import read_json
from empaste.artifacts.remarks import Remark, summarise
from empaste.captions.captioner import Captioner, CaptionerSettings, Context
from empaste.captions.scenes import Scene
from empaste.captions.tidying import tidy
from empaste.errors import InputError
from empaste.settings import require_readable

CAPTION = ("caption", "text")
IMAGE = ("file_name", "image_id")
LAYOUT = "a table of captions has the columns file_name (or image_id) and caption"
SURPLUS = "put captions that hold the character between the columns in double quotes"


class Row(NamedTuple):
    """A caption: where it stands, the key of its image, its text."""

    place: str
    key: str
    caption: str


@dataclass(frozen=True)
class FileCaptions:
    """Tidy captions by key of their image. The keys are names, or, where not ``by_name``, ids or names; ``keys`` are
    all that the file has, also without captions.
    """

    by_name: bool
    keys: tuple[str, ...]
    captions: dict[str, list[str]]
    remarks: tuple[Remark, ...]


def caption_scenes(scenes: Sequence[Scene], settings: CaptionerSettings, context: Context) -> Iterator[list[str]]:
    """Yield at most ``per_image`` captions per scene: of those in ``file`` some drawn by (seed, image), in their order.

    The file may name all images of ``context``; those of the scenes where none are given. An image without captions
    gets none; empty captions and repeats do not count. What is left out is said. `InputError` where the file cannot be
    read or has another form, where it names images by id and by name, and where it has captions for none of the scenes.
    """
    if not scenes:
        return
    file = str(settings.file)
    content = read_captions(Path(file))
    known = context.images or [NamedImage(one.image_id, "/".join(one.path.parts[-2:]), "train") for one in scenes]
    matches = _match(content, known, f"captions.file {file}")
    texts: dict[int, list[str]] = {}
    for key, one in matches.found.items():
        own = texts.setdefault(one.image_id, [])
        own += [line for line in content.captions.get(key, ()) if line not in own]
    found = [texts.get(scene.image_id, []) for scene in scenes]
    if not any(found):
        raise InputError(_other_images(file, scenes, content, matches))
    _report(file, scenes, content, matches, sum(not own for own in found))
    for scene, own in zip(scenes, found, strict=True):
        rng = np.random.default_rng([settings.seed, scene.image_id])
        drawn = sorted(rng.permutation(len(own))[: settings.per_image])
        yield [own[place] for place in drawn]


def read_captions(path: Path) -> FileCaptions:
    """The captions in ``path``, tidy, without empty ones and repeats, in the order of the file."""
    require_readable(path, "captions.file")
    if path.suffix.lower() in (".csv", ".tsv"):
        by_name, keys, rows, remarks = _csv_rows(path)
    else:
        by_name, keys, rows, remarks = _json_rows(path)
    captions: dict[str, list[str]] = {}
    for place, key, caption in rows:
        texts = captions.setdefault(key, [])
        line = tidy(caption)
        if not line:
            remarks.append(Remark("captions are empty", place))
        elif line in texts:
            remarks.append(Remark("captions repeat another one of their image", place))
        else:
            texts.append(line)
    return FileCaptions(by_name, tuple(dict.fromkeys([*keys, *captions])), captions, tuple(remarks))


def _match(content: FileCaptions, images: Sequence[NamedImage], called: str) -> KeyMatches:
    """Which image each key of the file means."""
    if not content.by_name:
        return match_keys(content.keys, images, called)
    names = match_names(content.keys, images)
    unknown = tuple(key for key in content.keys if key not in names.found and key not in names.unclear)
    return KeyMatches("file name", names.found, names.unclear, unknown, "")


def _report(file: str, scenes: Sequence[Scene], content: FileCaptions, matches: KeyMatches, num_lacking: int) -> None:
    """Say how the file names images, what of it is left out, and how many images it has nothing for."""
    remarks = list(content.remarks)
    captioned = {scene.image_id for scene in scenes}
    for key, texts in content.captions.items():
        image = matches.found.get(key)
        if key in matches.unclear:
            reason = "captions are of names that several images could be called"
            example = f"{key} {matches.unclear[key]}"
        elif image is None:
            reason, example = "captions are of images that are not in data/images", key
        elif image.image_id not in captioned:
            reason, example = "captions are of images that are not captioned here", image.file_name
        else:
            continue
        remarks += [Remark(reason, example)] * len(texts)
    print(f"captions: {file} {matches.said}", file=sys.stderr)
    for line in summarise(remarks):
        print(f"WARNING: {file}: {line}", file=sys.stderr)
    if num_lacking:
        print(f"captions: {file} has none for {num_lacking:,} of {len(scenes):,} images", file=sys.stderr)


def _other_images(file: str, scenes: Sequence[Scene], content: FileCaptions, matches: KeyMatches) -> str:
    there = ", ".join(list(content.captions)[:3]) or "nothing"
    wanted = ", ".join(f"{scene.path.name} (id {scene.image_id})" for scene in scenes[:3])
    unclear = listed([f"{name} {why}" for name, why in matches.unclear.items()], 3)
    return (
        f"captions.file {file} has captions for none of the {len(scenes):,} training images: it has {there} …, wanted "
        f"{wanted} …; give the captions of the training images, by file name or by the ids in data/images"
        + (f" ({unclear}: write their folders, too)" if unclear else "")
    )


def _json_rows(path: Path) -> tuple[bool, list[str], list[Row], list[Remark]]:
    """Whether keys are names, all keys that are listed, and the captions."""
    kind = "" if path.suffix.lower() == ".json" else " (read as JSON, since it does not end in .csv or .tsv)"
    content = read_json(path, f"captions.file {path}{kind}")
    annotations, images = (
        (content.get("annotations"), content.get("images")) if isinstance(content, dict) else (content, None)
    )
    if not isinstance(annotations, list) or not isinstance(images, list | None):
        raise InputError(
            f"captions.file {path} has no list of annotations; write COCO captions "
            '{"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}, or the annotations alone'
        )
    names = _names_by_id(path, images or ())
    rows = []
    for number, row in enumerate(annotations):
        place = f"{path}: annotation {number}"
        if not isinstance(row, dict) or "image_id" not in row or "caption" not in row:
            raise InputError(f"{place} has no image_id and caption; write both")
        key = image_key(row["image_id"], f"{place}: image_id")
        if images is not None and key not in names:
            raise InputError(f"{place}: image_id {key} is not among the images; add the image or leave it out")
        if not isinstance(row["caption"], str):
            raise InputError(f"{place}: the caption is {shown(row['caption'])}; a caption is a text")
        rows.append(Row(place, names.get(key, key), row["caption"]))
    return images is not None, list(names.values()), rows, []


def _names_by_id(path: Path, images: Sequence[Any]) -> dict[str, str]:
    """Id as text → the image's name; `InputError` where an id stands twice with different names."""
    names: dict[str, str] = {}
    for number, row in enumerate(images):
        if not isinstance(row, dict) or "id" not in row or "file_name" not in row:
            raise InputError(f"{path}: image {number} has no id and file_name; write both")
        key = image_key(row["id"], f"{path}: images[{number}].id")
        name = fields.text(row["file_name"], f"{path}: images[{number}].file_name")
        if names.setdefault(key, name) != name:
            raise InputError(f"{path}: image id {key} stands twice, for different files; give each image one id")
    return names


def _csv_rows(path: Path) -> tuple[bool, list[str], list[Row], list[Remark]]:
    """Whether keys are names, no keys without captions, the captions, and what is not read."""
    table = read_csv(path, (), (*IMAGE, *CAPTION), LAYOUT, SURPLUS)
    image = next((name for name in IMAGE if name in table.columns), None)
    captions = [name for name in CAPTION if name in table.columns]
    if image is None or not captions:
        raise InputError(
            f"captions.file {path} has the columns {', '.join(table.columns) or '(none)'}; wanted: file_name (or "
            "image_id) and caption, parted by commas, semicolons or tabs"
        )
    if len(captions) > 1:
        raise InputError(f"captions.file {path} has the columns {' and '.join(captions)}; keep the one that is meant")
    unread = [*table.unread, *(name for name in IMAGE if name in table.columns and name != image)]
    rows = []
    for line, values in table.rows:
        if not values[image]:
            raise InputError(f"{path}, line {line}: {image} is empty; name the image or remove the line")
        rows.append(Row(f"{path}, line {line}", image_key(values[image], f"{path}, line {line}: {image}"),
                        values[captions[0]]))  # fmt: skip
    return image == "file_name", [], rows, [Remark("columns are not read", name) for name in unread]


CAPTIONER = Captioner("file", caption_scenes, asks={"file": "reads captions from one; set captions.file to it"})
