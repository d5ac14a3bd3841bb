"""Captions and the backgrounds made from them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.shards import Shards
from empaste.artifacts.tables import file_of, read_from
from empaste.report import drawing
from empaste.report.inputs import Run, read_rows
from empaste.report.names import isolated
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet, counted


def background_sheet(run: Run) -> Sheet:
    """Per training image: its captions, as written and as substituted, and the backgrounds made from them."""
    captions = read_rows(file_of(run.files.captions, Captions), Captions, run.train_ids)
    table = read_from(run.files.backgrounds, Backgrounds)
    selected, shards = table[table["selected"]], Shards(run.files.backgrounds)
    groups = []
    for image_id in run.train_ids:
        original = Panel(drawing.enlarge(run.pixels(image_id)), f"{image_id} · original")
        own = selected[selected["image_id"] == image_id]
        panels = [_background_panel(run, shards, row) for _, row in own.iterrows()]
        rows = captions[captions["image_id"] == image_id]
        lines = [
            f"“{isolated(text)}” → “{isolated(new)}”"
            for text, new in zip(rows["text"], rows["substituted"], strict=True)
        ]
        groups.append(Group([original, *panels], f"{image_id}", lines, Facts(run.names_in(image_id))))
    guide = (
        "Captions as written, and with the words for classes substituted; beside the original the backgrounds selected "
        "for it. A good background keeps the scene and shows no object of any class: pasted objects would otherwise "
        "stand beside unlabelled ones. “shows” is what the classifier still sees in it. "
    )
    empty = selected.empty and "No background was made or selected: composites use the original images alone."
    summary = " ".join([*_fates(run, table), *_pool_shares(run)])
    return Sheet("backgrounds", "Captions and backgrounds", guide + summary, groups, empty or "")


def _background_panel(run: Run, shards: Shards, row: "pd.Series[Any]") -> Panel:
    image = drawing.enlarge(shards.read_rgb(str(row["file_name"])))
    seen = isolated(run.class_names.get(row["presence_class_id"], "?"))
    clip = "" if np.isnan(row["clip_score"]) else f" · CLIP {row['clip_score']:.2f}"
    return Panel(image, f"background {row['background_id']} · shows {seen} {row['presence_prob']:.2f}{clip}")


def _fates(run: Run, table: pd.DataFrame) -> Iterator[str]:
    """What became of the candidates, and which class most often ruled one out."""
    if table.empty:
        return
    by_presence = table[table["dropped_by"] == "presence"]
    seen = Counter(by_presence["presence_class_id"].tolist()).most_common()
    named = ", ".join(f"{isolated(run.class_names.get(class_id, '?'))} {number:,}" for class_id, number in seen)
    yield f"Of {counted(len(table), 'candidate')} {int(table['selected'].sum()):,} were selected;"
    yield f"{len(by_presence):,} were dropped because a class shows in them{f' (most of all {named})' * bool(named)},"
    yield f"{int((table['dropped_by'] == 'selection').sum()):,} because others were better."


def _pool_shares(run: Run) -> Iterator[str]:
    """What the composites were made on, in shares."""
    images = run.composites["images"]
    kinds = Counter(
        image["kind"] if image.get("pasted_on", True) else "as it is" for image in images if "kind" in image
    )
    names = {"original": "originals pasted on", "background": "backgrounds", "as it is": "originals as they are"}
    shares = [f"{100 * kinds[kind] / len(images):.0f} % {name}" for kind, name in names.items() if kinds[kind]]
    if shares:
        yield f"The {counted(len(images), 'composite')}: {', '.join(shares)}."
