"""What a run says of its composites."""

from collections import Counter

import numpy as np
import pandas as pd

from empaste.masks import encode_mask
from empaste.paste.foregrounds import Foreground
from empaste.paste.summary import class_shares, summarise
from empaste.paste.writing import Tally

CLASSES = pd.DataFrame({"class_id": [3, 8], "name": ["cat", "dog"], "supercategory": ["animal", "animal"]})
FOREGROUNDS = [Foreground(5, 3, k, "segment_id", encode_mask(np.ones((6, 8), bool))) for k in (1, 2)]
COUNTS = {"images": 2, "instances": 4, "original": 1, "unpasted": 1, "class 3 original": 3, "class 8 pasted": 1}


def test_the_summary_counts_every_class_even_one_without_a_foreground() -> None:
    total = Tally(4, Counter(COUNTS | {"dropped_instances": 3, "dropped_images": 1}), {"7.jpg": "7.jpg is broken"})
    assert summarise(total, FOREGROUNDS, CLASSES) == {
        "images": 2,
        "instances": 4,
        "instances_per_class": {"cat": 3, "dog": 1},
        "pasted_per_class": {"cat": 0, "dog": 1},
        "foregrounds": 2,
        "foregrounds_per_class": {"cat": 2, "dog": 0},
        "originals_with_extraction": 1,
        "composites_on_originals": 1,
        "composites_on_backgrounds": 0,
        "unpasted_originals": 1,
        "pasted": 1,
        "own": 3,
        "dropped_instances": 3,
        "dropped_images": 1,
        "unreadable_images": 1,
    }


def test_shares_are_percent_of_pool_pasted_and_all_the_largest_of_the_pool_first() -> None:
    shares = class_shares(summarise(Tally(4, Counter(COUNTS)), FOREGROUNDS, CLASSES.iloc[::-1]))
    assert shares.to_dict("list") == {
        "class_name": ["cat", "dog"],
        "pool": [100.0, 0.0],
        "pasted": [0.0, 100.0],
        "composites": [75.0, 25.0],
    }


def test_shares_of_nothing_are_0() -> None:
    shares = class_shares(summarise(Tally(), [], CLASSES))
    assert shares[["pool", "pasted", "composites"]].to_numpy().tolist() == [[0.0] * 3] * 2
