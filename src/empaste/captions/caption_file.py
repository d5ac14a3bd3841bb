"""Captions that the user already has: COCO captions JSON, or CSV.

JSON holds ``annotations`` of ``image_id`` and ``caption`` and mostly ``images`` of ``id`` and ``file_name``, as COCO's
captions do, or it is a list of such annotations, as captioning programs write results. CSV has a header with
``file_name`` or ``image_id``, and ``caption`` (or ``text``), one caption per row; TSV is parted by tabs.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from empaste.artifacts.image_names import match_bare_keys, name_key
from empaste.captions.scenes import Scene
from empaste.captions.tidying import tidy
from empaste.errors import InputError

Row = tuple[str, str, str]
"""Where it stands, the image's key (`name_key`, or ``#`` and an id), the caption."""

CAPTION = ("caption", "text")


def caption_scenes(
    scenes: Sequence[Scene], per_image: int, seed: int, *, file: str | None, **_: Any
) -> Iterator[list[str]]:
    """Yield at most ``per_image`` captions per scene: of those in ``file`` some drawn by (seed, image), in their order.

    An image without captions gets none; empty captions and repeats do not count. `InputError` where the file cannot be
    read or has another form, and where it has captions for none of the scenes.
    """
    if not scenes:
        return
    captions = read_captions(Path(str(file)))
    found = _matched(scenes, captions)
    if not any(found):
        raise InputError(_other_images(str(file), scenes, captions))
    if lacking := sum(not texts for texts in found):
        print(f"captions: {file} has none for {lacking:,} of {len(scenes):,} images", file=sys.stderr)
    for scene, texts in zip(scenes, found, strict=True):
        rng = np.random.default_rng([seed, scene.image_id])
        drawn = sorted(rng.permutation(len(texts))[:per_image])
        yield [texts[place] for place in drawn]


def read_captions(path: Path) -> dict[str, list[str]]:
    """Key of the image → its captions, tidy, without empty ones and repeats, in the order of the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"captions.file {path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(
            f"captions.file is {str(path)!r}, which cannot be read ({error.strerror}); correct it"
        ) from error
    rows = _csv_rows(path, text) if path.suffix.lower() in (".csv", ".tsv") else _json_rows(path, text)
    captions: dict[str, list[str]] = {}
    for place, key, caption in rows:
        if not isinstance(caption, str):
            raise InputError(f"{place}: the caption is {caption!r}; a caption is a text")
        texts = captions.setdefault(key, [])
        if (line := tidy(caption)) and line not in texts:
            texts.append(line)
    return captions


def _matched(scenes: Sequence[Scene], captions: Mapping[str, list[str]]) -> list[list[str]]:
    """The captions of each scene: by its file's name, else by its id, else by the name without folders where only one
    image and one name of the file are called so."""
    keys = [name_key(scene.path.name) for scene in scenes]
    bare_matches = match_bare_keys(keys, captions)

    def captions_of(key: str, scene: Scene) -> list[str]:
        candidates = (key, f"#{scene.image_id}", bare_matches.get(key, ""))
        return next((captions[one] for one in candidates if one in captions), [])

    return [captions_of(key, scene) for key, scene in zip(keys, scenes, strict=True)]


def _other_images(file: str, scenes: Sequence[Scene], captions: Mapping[str, Any]) -> str:
    there = ", ".join(key.removeprefix("#") for key in list(captions)[:3]) or "nothing"
    wanted = ", ".join(f"{scene.path.name} (id {scene.image_id})" for scene in scenes[:3])
    return (
        f"captions.file {file} has captions for none of the {len(scenes):,} training images: it has {there} …, wanted "
        f"{wanted} …; give the captions of the training images, by file name or by the ids in data/images"
    )


def _json_rows(path: Path, text: str) -> Iterator[Row]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"captions.file {path} is not valid JSON: {error}; a CSV file ends in .csv") from error
    annotations, images = (
        (content.get("annotations"), content.get("images")) if isinstance(content, dict) else (content, None)
    )
    if not isinstance(annotations, list) or not isinstance(images, list | None):
        raise InputError(
            f"captions.file {path} has no list of annotations; write COCO captions "
            '{"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]}, or the annotations alone'
        )
    names = _names_by_id(path, images or ())
    for number, row in enumerate(annotations):
        place = f"{path}: annotation {number}"
        if not isinstance(row, dict) or "image_id" not in row or "caption" not in row:
            raise InputError(f"{place} has no image_id and caption; write both")
        image_id = str(row["image_id"])
        if images is not None and image_id not in names:
            raise InputError(f"{place}: image_id {image_id} is not among the images; add the image or leave it out")
        yield place, names.get(image_id, f"#{image_id}"), row["caption"]


def _names_by_id(path: Path, images: Iterable[Any]) -> dict[str, str]:
    """Id as text → the image's key; `InputError` where an id stands twice with different names."""
    names: dict[str, str] = {}
    for number, row in enumerate(images):
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("file_name"), str):
            raise InputError(f"{path}: image {number} has no id and file_name; write both")
        key = name_key(row["file_name"])
        if names.setdefault(str(row["id"]), key) != key:
            raise InputError(f"{path}: image id {row['id']} stands twice, for different files; give each image one id")
    return names


def _csv_rows(path: Path, text: str) -> Iterator[Row]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=delimiter, strict=True, restkey="more")
    try:
        columns = reader.fieldnames or ()
        image = next((name for name in ("file_name", "image_id") if name in columns), None)
        caption = next((name for name in CAPTION if name in columns), None)
        if image is None or caption is None:
            raise InputError(
                f"captions.file {path} has the columns {', '.join(columns) or '(none)'}; wanted: "
                f"file_name (or image_id) and caption, parted by {'tabs' if delimiter != ',' else 'commas'}"
            )
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            if "more" in row or row[caption] is None or not row[image]:
                raise InputError(f"{place}: wanted {len(columns)} fields; put captions with commas in double quotes")
            yield place, name_key(row[image]) if image == "file_name" else f"#{row[image].strip()}", row[caption]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num + 1}: {error}; correct the line") from error
