"""F-EM on tables in which the right choice is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import check_table
from empaste.errors import InputError
from empaste.foregrounds.covariances import COVARIANCES
from empaste.foregrounds.distances import DISTANCES
from empaste.foregrounds.initial import misfit, overlapping_segments
from empaste.foregrounds.selection import select_foregrounds
from empaste.foregrounds.tables import Tables
from tests.foregrounds.conftest import World, settings_of


def select(world: World, evidence: pd.DataFrame | None = None, **changes: Any) -> dict[str, pd.DataFrame]:
    return select_foregrounds(settings_of(**changes), Tables(*world, evidence))


def evidence_of(world: World, best: Callable[[int], int], judged: list[int] | None = None) -> pd.DataFrame:
    """Evidence for class 3 in every image of the world: for segment ``best(image)`` of it, against the others."""
    segments = world[0]
    place = segments["segment_id"] % 3
    wanted = segments["image_id"].map(best)
    return pd.DataFrame(
        {
            "image_id": segments["image_id"],
            "class_id": 3,
            "segment_id": segments["segment_id"],
            "score": np.where(place == wanted, 1.4, -0.7),
            "judged": True if judged is None else place.isin(judged),
        }
    )


def test_tables_in_order_and_on_their_schema(world: World, tmp_path: Path) -> None:
    chosen = select(world)
    assert list(chosen) == ["iter_0", "iter_1", "iter_2", "pool"]
    for table in chosen.values():
        check_table(table, tmp_path, Foregrounds)
        assert table["image_id"].tolist() == list(range(1, 9))


def test_step_one_follows_the_map_and_the_iterations_the_look(world: World) -> None:
    chosen = select(world)
    right = [3 * i for i in range(8)]
    assert chosen["iter_0"]["segment_id"].tolist() == [*right[:4], 14, *right[5:]]
    assert chosen["iter_1"]["segment_id"].tolist() == right
    assert chosen["iter_2"]["segment_id"].tolist() == right


def test_first_distances_are_pixels_and_an_empty_map_has_none(world: World) -> None:
    first = select(world)["iter_0"]
    assert first["distance"].iloc[0] == pytest.approx(np.mean(np.hypot(*np.indices((4, 4)) - 1.5)))
    assert first["cam_empty"].tolist() == [False] * 7 + [True]
    assert np.isnan(first["distance"].iloc[7])
    assert first["prob"].iloc[7] == pytest.approx(0.9)


def test_wrong_first_choice_is_no_inlier(world: World) -> None:
    first = select(world)["iter_0"]
    assert not first["inlier"].iloc[4]
    assert first["inlier"].sum() == 6


def test_improbable_foregrounds_leave_the_pool(world: World) -> None:
    chosen = select(world, min_prob=0.5)
    assert (chosen["pool"]["prob"] >= 0.5).all()
    assert len(chosen["iter_2"]) == 8 > len(chosen["pool"]) > 0


def test_image_without_segments_has_no_row(world: World) -> None:
    segments, cams, phi, probs, class_ids = world
    extra = pd.concat([cams, cams.iloc[:1].assign(image_id=99)], ignore_index=True)
    assert 99 not in select((segments, extra, phi, probs, class_ids))["pool"]["image_id"].tolist()


@pytest.mark.parametrize("part", ["segments", "cams"])
def test_nothing_to_choose_from_gives_empty_tables(world: World, tmp_path: Path, part: str) -> None:
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
def test_class_with_a_single_image(world: World, distance: str, tmp_path: Path) -> None:
    segments, cams, phi, probs, class_ids = world
    chosen = select((segments, cams.iloc[:1], phi, probs, class_ids), distance=distance)
    assert len(check_table(chosen["pool"], tmp_path, Foregrounds)) == 1
    assert chosen["iter_0"]["inlier"].tolist() == [True]


def test_two_classes_in_one_image_choose_apart(world: World) -> None:
    segments, cams, phi, probs, class_ids = world
    phi, probs = phi.copy(), probs.copy()
    phi[1::3] = -4 + np.random.default_rng(1).normal(0, 0.2, (8, 5))
    probs[1::3, 0] = 0.8
    both = pd.concat([cams, cams.assign(class_id=1, centre_x=13.5, cam_empty=False, centre_y=6.5)], ignore_index=True)
    pool = select((segments, both, phi, probs, class_ids))["pool"]
    assert pool[["image_id", "class_id"]].to_numpy().tolist() == [[i, c] for i in range(1, 9) for c in (1, 3)]
    assert pool["segment_id"].to_numpy().reshape(8, 2).tolist() == [[3 * i + 1, 3 * i] for i in range(8)]


def test_no_iteration_ends_with_step_one(world: World) -> None:
    chosen = select(world, iterations=0, min_prob=0.0)
    assert list(chosen) == ["iter_0", "pool"]
    assert chosen["pool"]["segment_id"].tolist() == chosen["iter_0"]["segment_id"].tolist()


def test_evidence_chooses_first(world: World) -> None:
    chosen = select(world, evidence_of(world, lambda image: image % 3), initial="evidence", iterations=0, min_prob=0.0)
    assert chosen["iter_0"]["segment_id"].tolist() == [3 * (i - 1) + i % 3 for i in range(1, 9)]
    assert chosen["iter_0"]["distance"].isna().all()


def test_crop_probability_chooses_first(world: World) -> None:
    assert select(world, initial="crop")["iter_0"]["segment_id"].tolist() == [3 * i for i in range(8)]


def test_evidence_weighs_against_the_look(world: World) -> None:
    evidence = evidence_of(world, lambda _image: 1)
    firsts = [
        select(world, evidence, initial="crop", evidence_weight=weight)["iter_2"]["segment_id"].tolist()
        for weight in (0.0, 100.0)
    ]
    assert firsts == [[3 * i for i in range(8)], [3 * i + 1 for i in range(8)]]


def test_choice_among_the_judged_and_the_best_by_evidence(world: World) -> None:
    evidence = evidence_of(world, lambda _image: 2, judged=[1, 2])
    judged = select(world, evidence, initial="crop", evidence_weight=0.01)["iter_1"]["segment_id"] % 3
    assert set(judged) <= {1, 2}
    best = select(world, evidence_of(world, lambda _image: 2), initial="crop", num_best=1)["iter_1"]["segment_id"] % 3
    assert set(best) == {2}


def test_image_of_which_nothing_is_judged_chooses_among_all(world: World) -> None:
    evidence = evidence_of(world, lambda _image: 0)
    evidence["judged"] = evidence["image_id"] != 2
    chosen = select(world, evidence, initial="evidence", num_best=2)
    assert chosen["iter_2"]["segment_id"].tolist() == [3 * i for i in range(8)]


@pytest.mark.parametrize("setting", [{"initial": "evidence"}, {"evidence_weight": 1.0}, {"num_best": 3}])
def test_evidence_that_is_asked_for_must_be_there(world: World, setting: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="ask for evidence, and there is none; run: dvc repro evidence"):
        select(world, **setting)


@pytest.mark.parametrize(
    ("keep", "segment", "image"), [(lambda t: t[t["segment_id"] != 7], 7, 3), (lambda t: t[:0], 0, 1)]
)
def test_evidence_out_of_step_names_the_segment(
    world: World, keep: Callable[[pd.DataFrame], pd.DataFrame], segment: int, image: int
) -> None:
    evidence = keep(evidence_of(world, lambda _image: 0))
    with pytest.raises(InputError, match=f"nothing of segment {segment} of image {image} for class 3; run: dvc repro"):
        select(world, evidence, initial="evidence")


@pytest.mark.parametrize(("which", "what"), [(2, "features"), (3, "class probabilities")])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_name_image_and_segment(world: World, which: int, what: str, value: float) -> None:
    changed: list[Any] = list(world)
    changed[which] = changed[which].copy()
    changed[which][13, 1] = value
    with pytest.raises(InputError, match=f"the {what} of segment 13 of image 5 are not finite.*run: dvc repro"):
        select(tuple(changed))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("covariance", COVARIANCES)
def test_features_without_any_difference_choose_the_same_way_always(
    world: World, tmp_path: Path, distance: str, covariance: str
) -> None:
    segments, cams, phi, probs, class_ids = world
    flat = np.ones_like(phi)
    chosen = select((segments, cams, flat, probs, class_ids), distance=distance, covariance=covariance)
    assert check_table(chosen["pool"], tmp_path, Foregrounds)["segment_id"].tolist() == [3 * i for i in range(8)]


def test_further_instances_are_alike_and_apart(world: World, tmp_path: Path) -> None:
    segments, cams, phi, probs, class_ids = world
    phi, probs = phi.copy(), probs.copy()
    phi[2::3], probs[2::3, 1] = phi[::3], 0.6
    probs[23, 1] = 0.05
    world = segments, cams, phi, probs, class_ids
    chosen = select(world, max_instances=3, instance_quantile=1.0, keep_percent=100)
    pool = check_table(chosen["pool"], tmp_path, Foregrounds)
    assert len(chosen["iter_2"]) == 8
    assert not chosen["iter_2"]["instance"].any()
    assert pool["instance"].tolist() == [0, 1] * 7 + [0]
    assert set(pool["segment_id"] % 3) == {0, 2}
    assert not pool.loc[pool["instance"] > 0, "inlier"].any()
    assert len(select(world, max_instances=1)["pool"]) == 8
    overlapping = segments.assign(counts=[segments["counts"].iloc[row - row % 3] for row in range(24)])
    assert len(select((overlapping, *world[1:]), max_instances=3, instance_quantile=1.0, keep_percent=100)["pool"]) == 8


def test_confidence_tells_where_two_segments_are_alike(world: World) -> None:
    segments, cams, phi, probs, class_ids = world
    phi = phi.copy()
    phi[2] = phi[0]
    confidence = select((segments, cams, phi, probs, class_ids))["pool"]["confidence"]
    assert confidence.argmin() == 0
    assert confidence.iloc[0] < 0.6 < confidence.iloc[1:].min()


def test_overlapping_segments_do_not_fit_the_few_nearest(world: World) -> None:
    segments = world[0]
    assert overlapping_segments(segments) == pytest.approx(3 * 16 / 600)
    assert overlapping_segments(segments.iloc[:0]) == 0
    stacked = pd.concat([segments.assign(area=600)] * 2)
    assert misfit(segments, settings_of(initial="published", num_nearest=3)) is None
    assert misfit(stacked, settings_of(initial="evidence", num_nearest=3)) is None
    assert misfit(stacked, settings_of(initial="published", num_nearest=6)) is None
    trouble = misfit(stacked, settings_of(initial="published", num_nearest=3))
    assert trouble is not None
    assert "6.0 segments lie over the average pixel, so the 3 nearest" in trouble
