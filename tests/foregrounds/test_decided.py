"""A person's decisions found again among segments, and what F-EM makes of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.foreground_decisions import ForegroundDecision, Verdict
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import check_table
from empaste.foregrounds.decided import Decided, DecisionCounts, find_decided
from empaste.foregrounds.distances import Model
from empaste.foregrounds.em import maximise
from empaste.foregrounds.metric import fit_metric
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.tables import Tables
from empaste.layout import HERE
from empaste.masks import encode_mask
from tests.foregrounds.conftest import World, settings_of, square

CLASSES = pd.DataFrame({"class_id": [1, 3], "name": ["ball", "fish"], "supercategory": "thing"})
IMAGES = pd.DataFrame(
    {
        "image_id": range(1, 10),
        "split": ["train"] * 8 + ["val"],
        "file_name": [f"train/{i}.png" for i in range(1, 9)] + ["val/9.png"],
        "height": 20,
        "width": 30,
    }
)


def decision(
    image_id: int, verdict: Verdict, mask: np.ndarray, mended: np.ndarray | None = None, class_name: str = "fish"
) -> ForegroundDecision:
    drawn = None if mended is None else encode_mask(mended)
    return ForegroundDecision(f"train/{image_id}.png", class_name, verdict, encode_mask(mask), drawn)


def found(world: World, *decisions: ForegroundDecision) -> Decided:
    return find_decided(decisions, IMAGES, CLASSES, world[1], world[0])


def select(world: World, *decisions: ForegroundDecision, **changes: Any) -> dict[str, pd.DataFrame]:
    chosen = select_foregrounds(settings_of(**changes), Tables(*world), found(world, *decisions))
    for table in chosen.values():
        check_table(table, HERE.foregrounds, Foregrounds)
    return chosen


def pool_of(tables: dict[str, pd.DataFrame], image_id: int) -> list[int]:
    return tables["pool"].loc[tables["pool"]["image_id"] == image_id, "segment_id"].tolist()


OBJECT, OTHER = square(2, 5), square(12, 5)
"""Segments 0 and 1 of every image of the world."""
SHIFTED = square(3, 5)
"""The object, drawn a little beside segment 0: IoU 0.6."""
FAR = square(2, 14)
"""Overlaps no segment."""


def test_without_decisions_nothing_changes(world: World) -> None:
    assert found(world) == Decided()
    free = select_foregrounds(settings_of(), Tables(*world))
    for name, table in select(world).items():
        pd.testing.assert_frame_equal(table, free[name])


def test_a_kept_mask_is_chosen_in_every_iteration_and_surely_an_inlier(world: World) -> None:
    tables = select(world, decision(2, "keep", OTHER))
    for name in ("iter_0", "iter_1", "iter_2", "pool"):
        row = tables[name].set_index("image_id").loc[2]
        assert (row["segment_id"], row["inlier"]) == (4, True)
    assert tables["pool"].set_index("image_id").loc[2, "confidence"] == 1
    assert found(world, decision(2, "keep", OTHER)).by_hand is None


def test_a_kept_mask_stays_whatever_its_probability(world: World) -> None:
    assert pool_of(select(world, decision(2, "keep", OTHER), min_prob=0.99), 2) == [4]


@pytest.mark.parametrize("judged", [OBJECT, SHIFTED])
def test_a_rejected_mask_leaves_the_next_best(world: World, judged: np.ndarray) -> None:
    tables = select(world, decision(2, "reject", judged), min_prob=0.0)
    for name in ("iter_0", "iter_2", "pool"):
        assert tables[name].set_index("image_id").loc[2, "segment_id"] in (4, 5)
    assert pool_of(tables, 3) == [6]


def test_where_everything_is_rejected_nothing_is_chosen(world: World) -> None:
    decisions = [decision(2, "reject", square(x, 5)) for x in (2, 12, 22)]
    tables = select(world, *decisions)
    assert all(2 not in set(table["image_id"]) for table in tables.values())
    assert found(world, *decisions).counts == DecisionCounts(rejected=3, nothing_left=1)


def test_a_class_of_which_everything_is_rejected_is_empty(world: World) -> None:
    decisions = [decision(i, "reject", square(x, 5)) for i in range(1, 9) for x in (2, 12, 22)]
    assert all(table.empty for table in select(world, *decisions).values())


def test_a_mended_mask_is_a_row_of_its_own_with_the_look_of_its_segment(world: World) -> None:
    mended = decision(2, "mend", OTHER, SHIFTED)
    decided, tables = found(world, mended), select(world, mended)
    by_hand = check_table(
        decided.by_hand if decided.by_hand is not None else pd.DataFrame(), HERE.foregrounds, Segments
    )
    assert by_hand[["segment_id", "image_id", "area", "x", "y", "box_width"]].to_numpy().tolist() == [
        [24, 2, 16, 3, 5, 4]
    ]
    assert by_hand["counts"].tolist() == [encode_mask(SHIFTED)["counts"]]
    assert pool_of(tables, 2) == [24]
    assert tables["iter_2"].set_index("image_id").loc[2, "segment_id"] == 3
    row, free = (one["pool"].set_index("image_id").loc[2] for one in (tables, select(world)))
    assert (row["prob"], row["distance"]) == (free["prob"], pytest.approx(free["distance"], rel=0.5))


def test_a_mask_like_no_segment_is_pasted_and_teaches_nothing(world: World) -> None:
    tables, free = select(world, decision(2, "mend", OTHER, FAR)), select(world)
    assert pool_of(tables, 2) == [24]
    assert not tables["pool"].set_index("image_id").loc[2, "inlier"]
    pd.testing.assert_frame_equal(tables["iter_2"], free["iter_2"])


def test_a_mended_mask_that_is_a_segment_needs_no_row(world: World) -> None:
    assert pool_of(select(world, decision(2, "mend", OTHER, OBJECT)), 2) == [3]
    assert found(world, decision(2, "mend", OTHER, OBJECT)).by_hand is None


def test_one_mask_that_two_decisions_call_right_comes_once(world: World) -> None:
    twice = decision(2, "keep", OBJECT), decision(2, "mend", OTHER, OBJECT)
    assert pool_of(select(world, *twice), 2) == [3]


def test_what_is_right_is_stronger_than_a_rejected_neighbour(world: World) -> None:
    both = decision(2, "reject", SHIFTED), decision(2, "keep", OBJECT)
    assert pool_of(select(world, *both), 2) == [3]
    assert found(world, *both).counts == DecisionCounts(kept=1, rejected=1)


def test_further_instances_stay_beside_right_masks(world: World) -> None:
    wide = {"max_instances": 3, "instance_quantile": 1.0, "min_prob": 0.0}
    free = select_foregrounds(settings_of(**wide), Tables(*world))
    assert set(pool_of(free, 2)) == {3}
    tables = select(world, decision(2, "keep", OTHER), decision(2, "keep", square(22, 5)), **wide)
    rows = tables["pool"][tables["pool"]["image_id"] == 2]
    assert rows["segment_id"].tolist()[:2] == [4, 5]
    assert rows["instance"].tolist() == list(range(len(rows)))
    assert rows["inlier"].tolist()[:2] == [True, False]


def test_what_is_right_comes_once_however_much_instances_may_overlap(world: World) -> None:
    tables = select(world, decision(2, "keep", OBJECT), max_instances=3, instance_overlap=1.0, min_prob=0.0)
    assert pool_of(tables, 2).count(3) == 1


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (decision(77, "keep", OBJECT), "their image is no training image of data/images: fish in train/77.png"),
        (
            ForegroundDecision("val/9.png", "fish", "keep", encode_mask(OBJECT)),
            "their image is no training image of data/images: fish in val/9.png",
        ),
        (
            decision(1, "keep", OBJECT, class_name="ball"),
            "the image's labels do not name the class: ball in train/1.png",
        ),
        (decision(1, "keep", OBJECT, class_name="dog"), "the image's labels do not name the class: dog in train/1.png"),
        (
            decision(1, "keep", square(2, 5, size_hw=(40, 60))),
            "the image has another size: fish in train/1.png (height × width: 40 × 60, now 20 × 30)",
        ),
        (decision(1, "reject", FAR), "no segment shows what was rejected: fish in train/1.png"),
    ],
)
def test_a_decision_whose_foreground_is_gone_is_counted_and_said(
    world: World, one: ForegroundDecision, said: str
) -> None:
    decided = found(world, one)
    assert decided.counts == DecisionCounts(gone=1)
    assert [f"{reason}: {example}" for reason, example in decided.remarks] == [
        f"decisions are on foregrounds that are gone, since {said}"
    ]
    pd.testing.assert_frame_equal(select(world, one)["pool"], select(world)["pool"])


EMPTY = np.zeros((20, 30), bool)


def drawn(image_id: int, mask: np.ndarray, instance: int) -> ForegroundDecision:
    return decision(image_id, "mend", EMPTY, mask)._replace(instance=instance)


def test_several_objects_of_an_image_are_drawn(world: World) -> None:
    tables = select(world, drawn(2, FAR, 0), drawn(2, SHIFTED, 1))
    assert pool_of(tables, 2) == [24, 25]
    rows = tables["pool"][tables["pool"]["image_id"] == 2]
    assert rows["instance"].tolist() == [0, 1]
    assert rows["inlier"].tolist() == [False, True]  # F-EM learns from the one that shows a segment's object
    assert tables["iter_2"].set_index("image_id").loc[2, "segment_id"] == 3


def without_segments(world: World, *image_ids: int) -> World:
    """The world in which nothing was proposed in some images."""
    left = ~world[0]["image_id"].isin(image_ids).to_numpy()
    segments = world[0][left].assign(segment_id=range(left.sum()))
    return segments.reset_index(drop=True), world[1], world[2][left], world[3][left], *world[4:]


def test_what_is_drawn_where_nothing_was_proposed_is_pasted(world: World) -> None:
    bare = without_segments(world, 2)
    decisions = [drawn(2, FAR, 0), drawn(2, OTHER, 1), decision(2, "keep", SHIFTED)]
    assert found(bare, *decisions).counts == DecisionCounts(kept=1, mended=2)
    tables = select(bare, *decisions)
    rows = tables["pool"].query("image_id == 2").drop(columns="segment_id").to_dict("list")
    assert rows == {
        "image_id": [2] * 3, "class_id": [3] * 3, "distance": [pytest.approx(np.nan, nan_ok=True)] * 3,
        "prob": [0.9] * 3, "inlier": [False] * 3, "cam_empty": [False] * 3, "instance": [0, 1, 2],
        "confidence": [1.0] * 3,
    }  # fmt: skip
    assert pool_of(tables, 2) == [21, 22, 23]
    by_hand = found(bare, *decisions).by_hand
    assert by_hand is not None
    assert by_hand["counts"].tolist() == [encode_mask(mask)["counts"] for mask in (FAR, OTHER, SHIFTED)]
    free = select(bare)
    for name in ("iter_0", "iter_2"):
        pd.testing.assert_frame_equal(tables[name], free[name])
    pd.testing.assert_frame_equal(tables["pool"].query("image_id != 2").reset_index(drop=True), free["pool"])


def test_what_is_drawn_is_pasted_where_nothing_was_proposed_in_any_image(world: World) -> None:
    tables = select(without_segments(world, *range(1, 9)), drawn(8, FAR, 0))
    assert pool_of(tables, 8) == [0]
    assert [len(table) for table in tables.values()] == [0, 0, 0, 1]
    assert tables["pool"]["cam_empty"].tolist() == [True]


def test_a_rejected_mask_where_nothing_was_proposed_is_gone(world: World) -> None:
    assert found(without_segments(world, 2), decision(2, "reject", OBJECT)).counts == DecisionCounts(gone=1)


def test_sure_samples_are_inliers_before_nearer_ones() -> None:
    samples = np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1], [5.0, 5.0]])
    metric = fit_metric(samples, settings_of())
    sure = np.array([False, False, False, True])
    model, inlier = maximise(samples, 50, metric, sure)
    assert isinstance(model, Model)
    assert inlier[3]
    assert inlier.sum() == 2
    assert maximise(samples, 25, metric, np.ones(4, bool))[1].all()
    assert not maximise(samples, 50, metric)[1][3]
