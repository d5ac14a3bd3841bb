"""Judge what a generator made, write what is kept, and say what happened to the rest."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from empaste.backgrounds.clip_selection import Clip
from empaste.backgrounds.presence import shown_per_class
from empaste.backgrounds.scenes import Candidate, Made, Scene
from empaste.backgrounds.selection import Judged, judge
from empaste.images import write_rgb

if TYPE_CHECKING:  # worker processes need no torch
    from empaste.artifacts.classifier import TrainedClassifier

SCENES_AT_ONCE = 32
"""Candidates of so many scenes are held in memory together."""

Tally = Counter[str]


def write_selected(
    made: Iterable[tuple[Scene, Made]],
    classifier: "TrainedClassifier",
    clip: Clip | None,
    folder: Path,
    *,
    keep: int,
    presence_threshold: float,
) -> tuple[list[dict[str, Any]], Tally, Counter[int]]:
    """``folder/images`` holds the selected candidates.

    Returns the rows of `schemas.Backgrounds`, a tally of what happened, and class id → candidates that show the class.
    """
    (folder / "images").mkdir()
    rows: list[dict[str, Any]] = []
    tally: Tally = Counter()
    per_class: Counter[int] = Counter()
    for several in _in_turn(made, SCENES_AT_ONCE):
        candidates = [(scene.image_id, candidate) for scene, of_scene in several for candidate in of_scene.candidates]
        judged = judge(candidates, classifier, clip, keep=keep, presence_threshold=presence_threshold)
        _count(tally, [of_scene for _, of_scene in several], judged, scored=clip is not None)
        per_class.update(shown_per_class(judged.probs, classifier.class_ids, presence_threshold))
        for index, (image_id, candidate) in enumerate(candidates):
            rows.append(_row(len(rows), image_id, candidate, judged, index))
            if judged.selected[index]:
                write_rgb(folder / rows[-1]["file_name"], candidate.image)
    return rows, tally, per_class


def summarise(table: pd.DataFrame, tally: Tally, per_class: dict[str, int]) -> dict[str, Any]:
    """The stage's metrics; means are None where there is nothing to average."""
    chosen = table[table["selected"].astype(bool)]
    names = ("skipped_without_context", "blank", "dropped_by_presence", "dropped_by_clip", "dropped_as_surplus")
    return {
        "candidates": len(table),
        "selected": len(chosen),
        "images_with_background": int(chosen["image_id"].nunique()),
        **{name: tally[name] for name in names},
        "dropped_per_class": per_class,
        "mean_presence_prob": _mean(table["presence_prob"]),
        "mean_presence_prob_selected": _mean(chosen["presence_prob"]),
        "mean_clip_score_selected": _mean(chosen["clip_score"]),
    }


def _in_turn(items: Iterable[tuple[Scene, Made]], num: int) -> Iterator[Sequence[tuple[Scene, Made]]]:
    """``items``, ``num`` at a time."""
    iterator = iter(items)
    while several := list(islice(iterator, num)):
        yield several


def _count(tally: Tally, made: Sequence[Made], judged: Judged, scored: bool) -> None:
    """Add what happened to some scenes to ``tally``."""
    surplus = int((~judged.present.shows & ~judged.selected).sum())
    tally.update(
        skipped_without_context=sum(not of_scene.has_context for of_scene in made),
        blank=sum(of_scene.num_blank for of_scene in made),
        dropped_by_presence=int(judged.present.shows.sum()),
        dropped_by_clip=surplus if scored else 0,
        dropped_as_surplus=0 if scored else surplus,
    )


def _row(background_id: int, image_id: int, candidate: Candidate, judged: Judged, index: int) -> dict[str, Any]:
    return {
        "background_id": background_id,
        "image_id": image_id,
        "caption_id": candidate.caption_id,
        "prompt": candidate.prompt,
        "file_name": f"images/{background_id:08d}.jpg",
        "height": candidate.image.shape[0],
        "width": candidate.image.shape[1],
        "clip_score": float(judged.scores[index]),
        "presence_class_id": int(judged.present.class_ids[index]),
        "presence_prob": float(judged.present.probs[index]),
        "selected": bool(judged.selected[index]),
    }


def _mean(values: pd.Series) -> float | None:
    known = values.astype(float).dropna()
    return float(known.mean()) if len(known) else None
