"""F-EM on tables: segments, class activation maps and features in, the chosen foregrounds of every iteration out.

One foreground per (image, class), as in the paper, unless the pool is to hold further instances; a (image, class)
without any segment has none.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.segments import read_runs
from empaste.errors import InputError
from empaste.foregrounds.decided import Decided, RightMask
from empaste.foregrounds.em import alternate, choose_again, pin
from empaste.foregrounds.embedding import blocks
from empaste.foregrounds.gathering import ClassSegments, evidence_asked_for, gather, index_segments, judge
from empaste.foregrounds.honouring import pin_right, rows_without_segments, take_out, with_right
from empaste.foregrounds.initial import INITIAL, mean_distances
from empaste.foregrounds.metric import Features, fit_features
from empaste.foregrounds.rows import COLUMNS, chosen_rows, further_rows, neighbours_among
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import Tables


def select_foregrounds(
    settings: ForegroundsSettings, tables: Tables, decided: Decided | None = None
) -> dict[str, pd.DataFrame]:
    """The tables ``iter_0`` (Step 1) … ``iter_J`` and ``pool``, in order, each by (image, class, instance).

    Only classes that ``tables.cams`` names for an image are looked for in it. Where Step 1 or the E-step asks for
    evidence, the E-step chooses among the judged segments, of these among the ``num_best`` (0: all). ``pool`` is the
    last choice and, with ``max_instances`` over 1, further instances, without those under ``min_prob``. What a person
    ``decided`` binds every choice (`honouring`), and is in the pool also where nothing was proposed.

    `InputError` where features or probabilities are not finite, or evidence is missing.
    """
    _refuse_infinite(tables.phi, tables.segments, "features")
    _refuse_infinite(tables.probs, tables.segments, "class probabilities")
    decided = decided or Decided()
    names = [*(f"iter_{step}" for step in range(settings.iterations + 1)), "pool"]
    per_class = _select_classes(settings, tables, decided)
    by_name = zip(*per_class, strict=True) if per_class else [[]] * len(names)
    parts: dict[str, list[pd.DataFrame]] = {
        name: list(tables_of) for name, tables_of in zip(names, by_name, strict=True)
    }
    if bare := decided.without_segments():
        parts["pool"].append(rows_without_segments(bare, tables.cams))
    return {name: _in_order(own) if own else pd.DataFrame(columns=COLUMNS) for name, own in parts.items()}


def _select_classes(settings: ForegroundsSettings, tables: Tables, decided: Decided) -> list[list[pd.DataFrame]]:
    """The choices of each class after every iteration, and its part of the pool, in the images that have segments."""
    by_image = index_segments(tables.segments)
    wanted = tables.cams[tables.cams["image_id"].isin(by_image.image_ids)].sort_values(["class_id", "image_id"])
    if wanted.empty:
        return []
    features = fit_features(tables.phi, settings)
    evidence = evidence_asked_for(tables.evidence, settings)
    per_class = []
    for class_id in sorted(set(wanted["class_id"])):
        class_cams = wanted[wanted["class_id"] == class_id]
        segments = gather(class_cams, by_image, tables.probs[:, tables.class_ids.index(class_id)])
        segments = take_out(segments, decided.rejected.get(class_id, frozenset()))
        if len(segments.cams):
            judged = segments if evidence is None else judge(segments, evidence, settings.num_best)
            per_class.append(_select_class(judged, features, settings, decided.right_of(class_id)))
    return per_class


def _refuse_infinite(array: Float[np.ndarray, "n d"], segments: pd.DataFrame, what: str) -> None:
    """`InputError` names the first segment of which a value is not finite."""
    for at in blocks(len(array)):
        finite = np.isfinite(array[at]).all(axis=1)
        if not finite.all():
            row = segments.iloc[at.start + int(np.argmin(finite))]
            raise InputError(
                f"the {what} of segment {row['segment_id']} of image {row['image_id']} are not finite; look at the "
                "image and at metrics/classifier.json, then run: dvc repro -f features"
            )


def _select_class(
    segments: ClassSegments, features: Features, settings: ForegroundsSettings, right: Sequence[RightMask]
) -> list[pd.DataFrame]:
    """One class's choices after every iteration, and its part of the pool; images in order."""
    initial, segments = INITIAL[settings.initial], pin_right(segments, right)
    pixels = _pixel_distances(segments) if initial.by_pixels else np.full(len(segments.probs), np.nan)
    costs = initial.prefer(segments.candidates, segments.probs, pixels, settings.num_nearest)
    first, _ = pin(choose_again(costs, segments.candidates.image), segments.candidates)
    choices = alternate(segments.candidates, first, features)
    neighbours = neighbours_among(segments)
    tables = [chosen_rows(segments, choice, neighbours) for choice in choices]
    tables[0]["distance"] = pixels[first]
    pool = pd.concat([tables[-1], further_rows(segments, choices[-1], neighbours, settings)])
    pool = pool[pool["prob"] >= settings.min_prob]
    return [*tables, with_right(pool, segments, choices[-1], right, neighbours, settings)]


def _pixel_distances(segments: ClassSegments) -> Float[np.ndarray, " n"]:
    """From every candidate's pixels to the centre of its image's map, on average; NaN where the map is empty."""
    pixels = np.full(len(segments.probs), np.nan)
    bounds = segments.bounds
    centres = zip(segments.cams["centre_x"], segments.cams["centre_y"], segments.cams["cam_empty"], strict=True)
    for number, (x, y, empty) in enumerate(centres):
        if not empty:
            at = slice(bounds[number], bounds[number + 1])
            rows = segments.table.iloc[segments.candidates.rows[at]]
            size_hw = int(rows["height"].iloc[0]), int(rows["width"].iloc[0])
            pixels[at] = mean_distances(read_runs(rows["counts"].tolist()), len(rows), size_hw, (x, y))
    return pixels


def _in_order(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts).sort_values(["image_id", "class_id", "instance"]).reset_index(drop=True)
