"""F-EM on tables in which the right choice is known."""

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.schemas import Foregrounds
from empaste.artifacts.tables import check_table
from empaste.foregrounds.em import DISTANCES
from empaste.foregrounds.selection import select_foregrounds

SETTINGS = {
    "num_nearest": 1,
    "iterations": 2,
    "keep_percent": 70,
    "distance": "mahalanobis",
    "covariance": "identity_shrinkage",
    "shrinkage": 0.3,
    "normalise": False,
    "min_prob": 0.1,
}


def select(world, **changes):
    segments, cams, phi, probs, class_ids = world
    return select_foregrounds(segments, cams, phi, probs, class_ids, **(SETTINGS | changes))


def test_tables_in_order_and_on_their_schema(world, tmp_path):
    chosen = select(world)
    assert list(chosen) == ["iter_0", "iter_1", "iter_2", "pool"]
    for table in chosen.values():
        check_table(table, tmp_path, Foregrounds)
        assert table["image_id"].tolist() == list(range(1, 9))


def test_step_one_follows_the_map_and_the_iterations_the_look(world):
    chosen = select(world)
    right = [3 * i for i in range(8)]
    assert chosen["iter_0"]["segment_id"].tolist() == [*right[:4], 14, *right[5:]]
    assert chosen["iter_1"]["segment_id"].tolist() == right
    assert chosen["iter_2"]["segment_id"].tolist() == right


def test_first_distances_are_pixels_and_an_empty_map_has_none(world):
    first = select(world)["iter_0"]
    assert first["distance"].iloc[0] == pytest.approx(np.mean(np.hypot(*np.indices((4, 4)) - 1.5)))
    assert first["cam_empty"].tolist() == [False] * 7 + [True]
    assert np.isnan(first["distance"].iloc[7])
    assert first["prob"].iloc[7] == pytest.approx(0.9)


def test_wrong_first_choice_is_no_inlier(world):
    first = select(world)["iter_0"]
    assert not first["inlier"].iloc[4]
    assert first["inlier"].sum() == 6


def test_improbable_foregrounds_leave_the_pool(world):
    chosen = select(world, min_prob=0.5)
    assert (chosen["pool"]["prob"] >= 0.5).all()
    assert len(chosen["iter_2"]) == 8 > len(chosen["pool"]) > 0


def test_image_without_segments_has_no_row(world):
    segments, cams, phi, probs, class_ids = world
    extra = pd.concat([cams, cams.iloc[:1].assign(image_id=99)], ignore_index=True)
    assert 99 not in select((segments, extra, phi, probs, class_ids))["pool"]["image_id"].tolist()


@pytest.mark.parametrize("part", ["segments", "cams"])
def test_nothing_to_choose_from_gives_empty_tables(world, tmp_path, part):
    segments, cams, phi, probs, class_ids = world
    if part == "segments":
        segments, phi, probs = segments.iloc[:0], phi[:0], probs[:0]
    else:
        cams = cams.iloc[:0]
    chosen = select((segments, cams, phi, probs, class_ids))
    assert list(chosen) == ["iter_0", "iter_1", "iter_2", "pool"]
    for table in chosen.values():
        assert len(check_table(table, tmp_path, Foregrounds)) == 0


@pytest.mark.parametrize("distance", DISTANCES)
def test_class_with_a_single_image(world, distance, tmp_path):
    segments, cams, phi, probs, class_ids = world
    chosen = select((segments, cams.iloc[:1], phi, probs, class_ids), distance=distance)
    assert len(check_table(chosen["pool"], tmp_path, Foregrounds)) == 1
    assert chosen["iter_0"]["inlier"].tolist() == [True]


def test_two_classes_in_one_image_choose_apart(world):
    segments, cams, phi, probs, class_ids = world
    phi, probs = phi.copy(), probs.copy()
    phi[1::3] = -4 + np.random.default_rng(1).normal(0, 0.2, (8, 5))
    probs[1::3, 0] = 0.8
    both = pd.concat([cams, cams.assign(class_id=1, centre_x=13.5, cam_empty=False, centre_y=6.5)], ignore_index=True)
    pool = select((segments, both, phi, probs, class_ids))["pool"]
    assert pool[["image_id", "class_id"]].to_numpy().tolist() == [[i, c] for i in range(1, 9) for c in (1, 3)]
    assert pool["segment_id"].to_numpy().reshape(8, 2).tolist() == [[3 * i + 1, 3 * i] for i in range(8)]


def test_no_iteration_ends_with_step_one(world):
    chosen = select(world, iterations=0, min_prob=0.0)
    assert list(chosen) == ["iter_0", "pool"]
    assert chosen["pool"]["segment_id"].tolist() == chosen["iter_0"]["segment_id"].tolist()
