"""Which of the candidates are kept: no class in them, then the best of each caption."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool

from empaste.backgrounds import GENERATORS
from empaste.backgrounds.clip_selection import Clip, ClipScores, best_of, clip_scores, load_clip
from empaste.backgrounds.generator import GeneratorSettings
from empaste.backgrounds.presence import Presence, presence, shown_per_class
from empaste.backgrounds.scenes import Candidate

if TYPE_CHECKING:  # worker processes need no torch
    from empaste.artifacts.classifier import TrainedClassifier


BATCH_SIZE = 64
"""Images that the classifier and the CLIP model see at once."""


class Judged(NamedTuple):
    """Per candidate: what is present, the CLIP scores (NaN: not scored), whether it is kept. And class id → number of
    candidates in which the class shows.
    """

    present: Presence
    scores: ClipScores
    selected: Bool[np.ndarray, " n"]
    shown_per_class: dict[int, int]


Judge = Callable[[Sequence[tuple[int, Candidate]]], Judged]


def load_judge(classifier: Path, settings: GeneratorSettings, class_names: Mapping[int, str]) -> Judge:
    """`judge` by the ``classifier`` and the CLIP model, loaded here."""
    from empaste.artifacts.classifier import place_classifier

    placed = place_classifier(classifier, settings.device, settings.num_threads)
    return partial(
        judge,
        classifier=placed,
        clip=load_clip(settings.clip_model, list(class_names.values()), placed.device) if settings.clip_model else None,
        keep=settings.keep_per_caption,
        two_step=settings.selection == "two_step",
        presence_threshold=1.0 if GENERATORS[settings.method].surely_empty else settings.presence_threshold,
        possible_of=class_names if settings.presence_classes == "labels" else None,
    )


def judge(
    candidates: Sequence[tuple[int, Candidate]],
    classifier: "TrainedClassifier",
    clip: Clip | None,
    *,
    keep: int,
    two_step: bool,
    presence_threshold: float,
    possible_of: Mapping[int, str] | None = None,
) -> Judged:
    """Judge candidates given as (image id, candidate); all of an image must come together. None gives empty arrays.

    Of the candidates of one caption (or, without captions, of one image) in which no class shows, `best_of` chooses
    ``keep`` by CLIP. Without CLIP there is no score for a caption, and the classifier says what is like a target class.
    With ``possible_of``, the names of the classes by id, classes that a candidate says cannot be in it do not count.

    Notes: the papers select by CLIP and assume the absence of objects. Here presence is looked at first, so that a
    candidate with an object in it does not take the place of one without.
    """
    from empaste.artifacts.classifier import classify

    images = [candidate.image for _, candidate in candidates]
    probs, _ = classify(classifier, images, BATCH_SIZE)
    if possible_of is not None:
        names = [possible_of[class_id] for class_id in classifier.class_ids]
        probs = np.where(_possible([candidate for _, candidate in candidates], names), probs, np.float32(0))
    present = presence(probs, classifier.class_ids, presence_threshold)
    unscored = np.full(len(images), np.nan)
    scores = ClipScores(unscored, unscored)
    if clip is not None and images:
        scores = clip_scores(clip, images, [candidate.prompt for _, candidate in candidates], BATCH_SIZE)
    basis = scores if clip is not None else ClipScores(unscored, present.probs)
    groups = np.array([(image_id, candidate.caption_id) for image_id, candidate in candidates], int).reshape(-1, 2)
    selected = np.zeros(len(images), bool)
    for group in np.unique(groups, axis=0):
        selected |= best_of(basis, (groups == group).all(axis=1) & ~present.shows, keep, two_step)
    shown = shown_per_class(probs, classifier.class_ids, presence_threshold)
    return Judged(present, scores, selected, shown)


def _possible(candidates: Sequence[Candidate], names: Sequence[str]) -> Bool[np.ndarray, "n c"]:
    """Which of the classes ``names`` may be in each candidate."""
    rows = [[one.possible is None or name in one.possible for name in names] for one in candidates]
    return np.array(rows, bool).reshape(len(candidates), len(names))
