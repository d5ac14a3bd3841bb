"""What a run says of its composites: counts of images, instances and foregrounds, and the shares of the classes."""

from collections import Counter
from typing import TypedDict

import pandas as pd

from empaste.paste.foregrounds import Foreground
from empaste.paste.writing import Tally


class Summary(TypedDict):
    """How many images, instances and foregrounds there are, and what was dropped."""

    images: int
    instances: int
    instances_per_class: dict[str, int]
    pasted_per_class: dict[str, int]
    foregrounds: int
    foregrounds_per_class: dict[str, int]
    originals_with_extraction: int
    composites_on_originals: int
    composites_on_backgrounds: int
    unpasted_originals: int
    pasted: int
    own: int
    dropped_instances: int
    dropped_images: int
    unreadable_images: int


def summarise(total: Tally, foregrounds: list[Foreground], classes: pd.DataFrame) -> Summary:
    """Counts of images, instances and foregrounds, in all and per class; a class without any counts 0."""
    counts = total.counts
    pasted, own = (
        {class_id: counts[f"class {class_id} {source}"] for class_id in classes["class_id"]}
        for source in ("pasted", "original")
    )
    in_pool = Counter(foreground.class_id for foreground in foregrounds)
    return {
        "images": counts["images"],
        "instances": counts["instances"],
        "instances_per_class": _by_name(classes, Counter(pasted) + Counter(own)),
        "pasted_per_class": _by_name(classes, pasted),
        "foregrounds": len(foregrounds),
        "foregrounds_per_class": _by_name(classes, in_pool),
        "originals_with_extraction": len({foreground.image_id for foreground in foregrounds}),
        "composites_on_originals": counts["original"],
        "composites_on_backgrounds": counts["background"],
        "unpasted_originals": counts["unpasted"],
        "pasted": sum(pasted.values()),
        "own": sum(own.values()),
        "dropped_instances": counts["dropped_instances"],
        "dropped_images": counts["dropped_images"],
        "unreadable_images": len(total.unreadable),
    }


def class_shares(summary: Summary) -> pd.DataFrame:
    """Per class the share in percent of the pool, of what was pasted and is visible, and of all instances.

    Largest in the pool first; 0 where there is nothing to take a share of.
    """
    counts = pd.DataFrame(
        {
            "pool": summary["foregrounds_per_class"],
            "pasted": summary["pasted_per_class"],
            "composites": summary["instances_per_class"],
        }
    )
    shares = (100 * counts / counts.sum().clip(lower=1)).rename_axis("class_name").reset_index()
    return shares.sort_values("pool", ascending=False, kind="stable", ignore_index=True)


def _by_name(classes: pd.DataFrame, counts: dict[int, int]) -> dict[str, int]:
    return {
        name: int(counts.get(class_id, 0)) for name, class_id in zip(classes["name"], classes["class_id"], strict=True)
    }
