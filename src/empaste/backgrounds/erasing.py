"""Which segments a background must lose: those that may show an object of a class that the image is labelled with."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

MAX_AREA = 0.35
"""A segment that covers more of the image than this is taken for the place, unless F-EM chose it."""


def segments_to_erase(
    segments: pd.DataFrame,
    probs: Float[np.ndarray, "n classes"],
    class_ids: Sequence[int],
    labels: pd.DataFrame,
    chosen: pd.DataFrame,
    erase_prob: float,
) -> dict[int, tuple[str, ...]]:
    """Image id -> RLE counts of the segments to erase, in the order in which to erase them.

    First the foregrounds ``chosen`` by F-EM, then every segment that shows one of the image's own classes with at least
    ``erase_prob``, likeliest first: an instance that was not extracted would stay without a label. ``probs`` is aligned
    with ``segments``, its columns with ``class_ids``; classes that the image is not labelled with do not count.
    """
    table = segments[["segment_id", "image_id", "counts"]].assign(
        prob=own_class_prob(segments["image_id"], probs, class_ids, labels),
        chosen=segments["segment_id"].isin(chosen["segment_id"]),
        place=segments["area"] > MAX_AREA * segments["height"] * segments["width"],
    )
    erased = table[table["chosen"] | ((table["prob"] >= erase_prob) & ~table["place"])]
    ordered = erased.sort_values(["chosen", "prob"], ascending=False, kind="stable")
    in_image: dict[int, tuple[str, ...]] = {}
    for image_id, counts in zip(ordered["image_id"].tolist(), ordered["counts"].tolist(), strict=True):
        in_image[image_id] = (*in_image.get(image_id, ()), counts)
    return in_image


def own_class_prob(
    image_ids: pd.Series, probs: Float[np.ndarray, "n classes"], class_ids: Sequence[int], labels: pd.DataFrame
) -> Float[np.ndarray, " n"]:
    """The highest probability of each row among the classes that its image is labelled with; 0 where it has none."""
    column = {class_id: at for at, class_id in enumerate(class_ids)}
    present = pd.DataFrame(
        {"image_id": labels["image_id"], "column": [column[class_id] for class_id in labels["class_id"].tolist()]}
    )
    rows = pd.DataFrame({"image_id": image_ids.to_numpy(), "row": np.arange(len(probs))})
    pairs = rows.merge(present, on="image_id")
    highest = np.zeros(len(probs))
    np.maximum.at(highest, pairs["row"], probs[pairs["row"], pairs["column"]])
    return highest
