"""From captions to backgrounds (EM-Paste, Fig. 7): a row per caption, or per image where no caption was used.

Beside the original stand the candidates that were made of it. The stage keeps no image of those that it dropped, so the
figure says in their place why. An inpainted background comes of no caption. There the inpainting is repeated, which
shows what was erased and what was dropped; where it does not give the bytes of what was kept, the run was made
otherwise, and neither is shown.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.shards import Shards
from empaste.artifacts.tables import file_of, read_from
from empaste.backgrounds import inpaint
from empaste.backgrounds.reading import read_erased, read_scenes
from empaste.backgrounds.scenes import NO_CAPTION, Scene
from empaste.backgrounds.settings import BackgroundsSettings
from empaste.errors import InputError
from empaste.images import GRAY, RGB, encode_rgb
from empaste.layout import HERE, Layout
from empaste.paper_figures.choosing import labels_to_show, spread_labels
from empaste.paper_figures.figure import Drawing, PaperFigure, Wish
from empaste.paper_figures.panels import BLUE, ORANGE, SOFT, Frame, Line, Outline, Panel, Row, Words
from empaste.paper_figures.sheets import draw_rows
from empaste.report.inputs import Run, read_rows
from empaste.settings import load_settings

NUM = 3
"""Rows, where no number is asked for."""
MAX_CANDIDATES = 4
MAX_LETTERS = 100
"""Letters of a caption that have room on a line; a longer one is cut."""
KEPT, DROPPED = Frame(BLUE), Frame(ORANGE, dashed=True)


class Contexts(NamedTuple):
    """The candidates, the captions that they were made from, and what repeats an inpainting: the scenes by image."""

    candidates: pd.DataFrame
    captions: pd.DataFrame
    shards: Shards
    scenes: Mapping[int, Scene]
    settings: BackgroundsSettings | None


class Repeated(NamedTuple):
    """What was erased of an image, and the images that were made of it, those that were dropped, too."""

    erased: Panel
    images: Sequence[RGB]


def draw_contexts(files: Layout, wish: Wish) -> Drawing:
    """Per caption: as written, with the words for classes substituted, and what was synthesised from it.

    Without a wish, rows alternate between images of which a candidate was dropped and images of which none was.
    """
    run = Run(files, 0)
    table = read_from(files.backgrounds, Backgrounds)
    shown = _images(run, table, wish)
    contexts = _read(run, table[table["image_id"].isin(shown)], shown)
    rows = [_row(run, contexts, image_id) for image_id in shown]
    made = "from captions" if (contexts.candidates["caption_id"] != NO_CAPTION).any() else "without captions"
    return Drawing(draw_rows(rows), f"backgrounds made {made}: of images {', '.join(map(str, shown))}")


def _images(run: Run, table: pd.DataFrame, wish: Wish) -> list[int]:
    """The images of the rows; `InputError` where none of what is asked for has a candidate."""
    labels = labels_to_show(run, wish)
    made = labels[labels["image_id"].isin(table["image_id"])].drop_duplicates("image_id")
    if made.empty:
        remedy = "ask for others" if len(table) else "set backgrounds.method to another than none, and run: dvc repro"
        raise InputError(f"{run.files.backgrounds} holds no background of the images to show; {remedy}")
    dropped = set(table.loc[~table["selected"], "image_id"])
    pairs = list(zip(made["image_id"].tolist(), made["class_id"].tolist(), strict=True))
    num = wish.num or len(wish.image_ids) or NUM
    chosen = spread_labels(pairs, {pair for pair in pairs if pair[0] in dropped}, num)
    return [image_id for image_id, _ in chosen]


def _read(run: Run, candidates: pd.DataFrame, image_ids: Sequence[int]) -> Contexts:
    """What is known of ``image_ids``; scenes where the backgrounds were inpainted and their sources are there."""
    files = run.files
    captions = read_rows(file_of(files.captions, Captions), Captions, image_ids)
    without = Contexts(candidates, captions, Shards(files.backgrounds), {}, None)
    needed = (files.segments, files.features, files.foregrounds, files.params)
    if (candidates["caption_id"] != NO_CAPTION).any() or not all(path.exists() for path in needed):
        return without
    settings = load_settings(files.params, "backgrounds", BackgroundsSettings)
    if settings.method != "inpaint":
        return without
    erase = read_erased(files.labels, files.segments, files.features, files.foregrounds, settings.erase_prob)
    scenes = read_scenes(files.images, files.labels, files.captions, run.class_names, erase)
    return without._replace(scenes={scene.image_id: scene for scene in scenes}, settings=settings)


def _row(run: Run, contexts: Contexts, image_id: int) -> Row:
    own = contexts.candidates[contexts.candidates["image_id"] == image_id]
    lines: list[Line] = []
    captioned = own[own["caption_id"] != NO_CAPTION]
    if len(captioned):
        caption_id = captioned["caption_id"].iloc[0]
        own = captioned[captioned["caption_id"] == caption_id]
        texts = contexts.captions[contexts.captions["caption_id"] == caption_id]
        lines = [line for _, text in texts.iterrows() for line in caption_lines(text["text"], text["substituted"])]
    repeated = _repeat(run, contexts, image_id, own)
    panels = [Panel(run.pixels(image_id), caption=f"image {image_id}: {', '.join(run.names_in(image_id))}")]
    panels += [repeated.erased] if repeated else []
    images = repeated.images if repeated else [None] * len(own)
    pairs = list(zip(own.iterrows(), images, strict=True))[:MAX_CANDIDATES]
    return Row([*panels, *(_candidate(run, contexts, row, image) for (_, row), image in pairs)], lines=lines)


def _repeat(run: Run, contexts: Contexts, image_id: int, own: pd.DataFrame) -> Repeated | None:
    """The inpainting of an image again; None where it was none, or gives other bytes than those that were kept."""
    scene, settings = contexts.scenes.get(image_id), contexts.settings
    if scene is None or settings is None or not own["selected"].any():
        return None
    made = [one.image for one in inpaint.make(scene, settings.per_caption, settings.seed).candidates]
    kept = [number for number, selected in enumerate(own["selected"]) if selected]
    if len(made) != len(own):
        return None
    names = own["file_name"].tolist()
    if any(encode_rgb(made[number], ".jpg") != contexts.shards.read(names[number]) for number in kept):
        return None
    image, hole = run.pixels(image_id).copy(), inpaint.erased(scene)
    image[hole] = GRAY
    return Repeated(Panel(image, [Outline(hole, SOFT)], f"erased: {hole.mean():.0%}"), made)


def _candidate(run: Run, contexts: Contexts, row: "pd.Series[Any]", image: RGB | None) -> Panel:
    """A synthesised image, or why there is none, with the class that the classifier rather sees in it."""
    seen = f"p({run.class_names.get(row['presence_class_id'], '?')}) {row['presence_prob']:.2f}"
    clip = "" if np.isnan(row["clip_score"]) else f"\nCLIP {row['clip_score']:.2f}"
    if row["selected"]:
        return Panel(contexts.shards.read_rgb(str(row["file_name"])), (), f"kept: {seen}{clip}", KEPT)
    why = "a class shows in it" if row["dropped_by"] == "presence" else "others were better"
    if image is not None:
        return Panel(image, (), f"dropped, {why}: {seen}{clip}", DROPPED)
    return Panel(None, (), f"{seen}{clip}", DROPPED, f"dropped:\n{why}")


def caption_lines(text: str, substituted: str) -> list[Line]:
    """A caption and its substitution, one below the other, the words in which they differ in bold."""
    old, new = _pieces(text), _pieces(substituted)
    above, below = [Words("caption: ", SOFT)], [Words("prompt: ", SOFT)]
    for what, start, stop, new_start, new_stop in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for line, words, colour in ((above, old[start:stop], ORANGE), (below, new[new_start:new_stop], BLUE)):
            if words and what == "equal":
                line.append(Words("".join(words)))
            elif words:
                line.append(Words("".join(words), colour, bold=True))
    return [_cut(above), _cut(below)]


def _pieces(text: str) -> list[str]:
    """``text`` as words and what stands between them."""
    return re.findall(r"\w+|\W+", text[: MAX_LETTERS + 1])


def _cut(line: Sequence[Words]) -> Line:
    """``line`` as far as it has room, with a sign where it is cut."""
    kept: list[Words] = []
    room = MAX_LETTERS
    for words in line:
        fits = len(words.text) <= room
        kept.append(words if fits else Words(f"{words.text[:room]}…", words.colour, words.bold))
        room -= len(words.text)
        if not fits:
            break
    return kept


def _needs(wish: Wish) -> tuple[Path, ...]:
    return HERE.images, HERE.labels, HERE.captions, HERE.backgrounds


FIGURE = PaperFigure("7", draw_contexts, _needs, frozenset({"image", "class", "num"}))
