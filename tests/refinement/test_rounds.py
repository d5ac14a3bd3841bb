"""Rounds: who learns what, who is looked at, what stays, and that a run goes on."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.edges.settings import WalkSettings
from empaste.edges.walk import Walk, build_walk
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.masks import decode_mask, encode_mask
from empaste.refinement import inference
from empaste.refinement import rounds as rounds_module
from empaste.refinement.rounds import Instance, LabelledImage, Round, deal, refine
from empaste.refinement.segmenter import Segmenter
from empaste.refinement.settings import RefineSettings
from empaste.refinement.training import Example, fit_segmenter
from tests.networks.hed_files import save_step_finder
from tests.refinement.scenes import COLOURS, draw_images, foreground, square_of, tiny_settings

CLASS_IDS = list(COLOURS)
Fits = list[tuple[list[int], tuple[int, ...]]]


def run(
    tmp_path: Path,
    shown: dict[int, list[int]],
    foregrounds: Sequence[Instance] | None = None,
    work: str = "work",
    **changes: Any,
) -> list[Round]:
    """The rounds over images of ``shown`` classes; every square is a foreground unless some are given."""
    images = draw_images(tmp_path / "images", shown)
    given = [foreground(key, c) for key, ids in shown.items() for c in ids] if foregrounds is None else foregrounds
    (tmp_path / work).mkdir(exist_ok=True)
    return refine(given, images, CLASS_IDS, tiny_settings(**changes), map, tmp_path / work)


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    """Of every network that is trained: the images that it learns, and its key."""
    seen = Fits()

    def recorded(
        examples: Sequence[Example], num: int, settings: RefineSettings, key: Sequence[int], what: str
    ) -> Segmenter:
        seen.append(([int(example.path.stem) for example in examples], tuple(key)))
        return fit_segmenter(examples, num, settings, key, what)

    monkeypatch.setattr(rounds_module, "fit_segmenter", recorded)
    return seen


def see(monkeypatch: pytest.MonkeyPatch, without: Sequence[tuple[int, int]] = ()) -> list[tuple[int, list[int]]]:
    """Networks see each class exactly where its colour is, but for (image, place) of ``without``.

    Gives the images that are looked at, in order, with the places of the classes that are asked for.
    """
    looked: list[tuple[int, list[int]]] = []
    names: list[int] = []

    def read(path: Path) -> np.ndarray:
        names.append(int(path.stem))
        return read_rgb(path)

    def maps(_: Segmenter, image: np.ndarray, places: Sequence[int], *_how: Any) -> np.ndarray:
        looked.append((names[-1], list(places)))
        found = np.zeros((len(places), *image.shape[:2]), np.float32)
        for prob, place in zip(found, places, strict=True):
            colour = COLOURS[CLASS_IDS[place]]
            prob[(image == colour).all(2) & ((names[-1], place) not in without)] = 1
        return found

    monkeypatch.setattr(inference, "read_rgb", read)
    monkeypatch.setattr(inference, "class_maps", maps)
    return looked


def pairs(one: Round) -> list[tuple[int, int]]:
    return [(each["image_id"], each["class_id"]) for each in one["instances"]]


@pytest.mark.parametrize(("num", "num_folds", "sizes"), [(5, 2, [3, 2]), (3, 1, [3]), (2, 5, [1, 1]), (0, 2, [])])
def test_images_are_dealt_evenly_and_all_once(num: int, num_folds: int, sizes: list[int]) -> None:
    folds = deal(range(10, 10 + num), num_folds, 0)
    assert [len(fold) for fold in folds] == sizes
    assert sorted(image_id for fold in folds for image_id in fold) == list(range(10, 10 + num))
    assert all(fold == sorted(fold) for fold in folds)


def test_classes_that_alternate_by_id_are_in_all_folds() -> None:
    for seed in range(5):
        assert all(len({image_id % 2 for image_id in fold}) == 2 for fold in deal(range(40), 2, seed))
    assert deal(range(40), 2, 0) == deal(range(40), 2, 0) != deal(range(40), 2, 1)


def test_an_image_is_looked_at_by_a_network_that_did_not_learn_it(
    tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = see(monkeypatch)
    run(tmp_path, {key: [3] for key in range(1, 8)}, folds=3, rounds=2)
    assert [key for _, key in fits] == [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)]
    own = deal(range(1, 8), 3, 0) * 2
    assert [image_id for image_id, _ in looked] == [image_id for seen in own for image_id in seen]
    for (learned, _), seen in zip(fits, own, strict=True):
        assert sorted(learned + seen) == list(range(1, 8))


def test_with_one_fold_all_learn_all(tmp_path: Path, fits: Fits) -> None:
    run(tmp_path, {key: [3] for key in range(1, 5)}, folds=1)
    assert fits == [([1, 2, 3, 4], (1, 0))]


def test_a_single_image_is_learned_and_looked_at(tmp_path: Path, fits: Fits) -> None:
    run(tmp_path, {6: [3]}, folds=2)
    assert fits == [([6], (1, 0))]


def test_the_foreground_of_a_class_with_one_image_is_kept_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = see(monkeypatch)
    shown = {1: [3], 2: [3], 3: [3, 9], 4: [3]}
    [first, second] = run(tmp_path, shown, rounds=2)
    for one in (first, second):
        assert one["kept"] == [(3, 9)]
        assert one["empty"] == []
        assert [each for each in one["instances"] if each["class_id"] == 9] == [foreground(3, 9)]
        assert pairs(one) == [(1, 3), (2, 3), (3, 3), (3, 9), (4, 3)]
    assert [places for _, places in looked] == [[0]] * 8


def test_what_no_network_knows_and_nobody_chose_is_counted(tmp_path: Path) -> None:
    [one] = run(tmp_path, {1: [3, 7], 2: [3]}, [foreground(1, 3), foreground(2, 3)])
    assert one["kept"] == [(1, 7)]


def test_a_fold_whose_others_have_no_foreground_keeps_what_it_has(tmp_path: Path, fits: Fits) -> None:
    """All foregrounds are in the first fold, so the network of the first has nothing to learn."""
    [one] = run(tmp_path, {1: [3], 2: [3], 3: [3]}, [foreground(1, 3), foreground(3, 3)])
    assert fits == [([1, 3], (1, 1))]
    assert one["kept"] == [(1, 3), (3, 3)]
    assert [each for each in one["instances"] if each["image_id"] != 2] == [foreground(1, 3), foreground(3, 3)]


def test_an_image_whose_map_is_empty_has_no_instance_and_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(monkeypatch, without=[(2, 0), (3, 1)])
    [one] = run(tmp_path, {1: [3, 7], 2: [3, 7], 3: [3, 7], 4: [3]})
    assert one["empty"] == [(2, 3), (3, 7)]
    assert one["kept"] == []
    assert pairs(one) == [(1, 3), (1, 7), (2, 7), (3, 3), (4, 3)]


def test_every_class_of_the_labels_is_drawn_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch)
    [one] = run(tmp_path, {1: [3, 7, 9], 2: [7, 9], 3: [3, 9], 4: [3, 7, 9]})
    for each in one["instances"]:
        assert np.array_equal(decode_mask(each["segmentation"]), square_of(each["class_id"]))
        assert each["score"] == 1.0
    assert pairs(one) == [(1, 3), (1, 7), (1, 9), (2, 7), (2, 9), (3, 3), (3, 9), (4, 3), (4, 7), (4, 9)]


def test_an_image_without_a_foreground_is_looked_at_and_learned_in_the_next_round(
    tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(monkeypatch)
    given = [foreground(1, 3), foreground(3, 3), foreground(4, 3)]
    [first, _] = run(tmp_path, {1: [3], 2: [3], 3: [3], 4: [3]}, given, rounds=2)
    assert pairs(first) == [(1, 3), (2, 3), (3, 3), (4, 3)]
    assert [sorted(learned) for learned, _ in fits] == [[4], [1, 3], [2, 4], [1, 3]]


def test_what_a_person_decided_is_in_every_round_and_learned(
    tmp_path: Path, fits: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a network sees nothing, or more than one instance, and where a person drew several."""
    see(monkeypatch, without=[(2, 0)])
    drawn, other = np.zeros((2, 32, 32), bool)
    drawn[3:5, 4:20] = other[20:25, 4:20] = True
    decided = [
        Instance(image_id=k, class_id=3, segmentation=encode_mask(mask), score=1.0)
        for k, mask in ((1, drawn), (1, other), (2, drawn))
    ]
    given = [*decided, foreground(1, 7), foreground(3, 3), foreground(4, 3), foreground(4, 7)]
    shown = {1: [3, 7], 2: [3], 3: [3], 4: [3, 7]}
    images = draw_images(tmp_path / "images", shown)
    (tmp_path / "work").mkdir()
    rounds = refine(given, images, CLASS_IDS, tiny_settings(rounds=2), map, tmp_path / "work", decided)
    assert len(fits) == 4
    for one in rounds:
        masks = [decode_mask(each["segmentation"]) for each in one["instances"]]
        assert pairs(one) == [(1, 3), (1, 3), (1, 7), (2, 3), (3, 3), (4, 3), (4, 7)]
        assert np.array_equal(masks[:4], [drawn, other, square_of(7), drawn])
        assert one["empty"] == []
    assert 2 in fits[3][0] or 2 in fits[2][0]


def test_what_is_not_seen_is_dropped_or_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    see(monkeypatch, without=[(2, 0), (3, 1)])
    shown = {1: [3, 7], 2: [3], 3: [3, 7]}
    given = [foreground(1, 3), foreground(1, 7), foreground(2, 3), foreground(3, 3)]
    [dropped] = run(tmp_path, shown, given, folds=1, unseen="drop")
    assert pairs(dropped) == [(1, 3), (1, 7), (3, 3)]
    assert (dropped["empty"], dropped["kept"]) == ([(2, 3), (3, 7)], [])
    [kept] = run(tmp_path, shown, given, folds=1, unseen="keep", work="keep")
    assert pairs(kept) == [(1, 3), (1, 7), (2, 3), (3, 3)]
    assert (kept["empty"], kept["kept"]) == ([(3, 7)], [(2, 3)])  # of the other there was nothing before
    assert given[2] in kept["instances"]


def test_what_may_be_more_of_a_class_is_void_but_where_a_person_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Networks are sure of the square, and half sure of a stripe beside it, which no mask holds."""
    stripe = np.zeros((32, 32), bool)
    stripe[31, :] = True

    def maps(_: Segmenter, image: np.ndarray, places: Sequence[int], *_how: Any) -> np.ndarray:
        found = np.zeros((len(places), *image.shape[:2]), np.float32)
        for prob, place in zip(found, places, strict=True):
            prob[(image == COLOURS[CLASS_IDS[place]]).all(2)] = 1
            prob[stripe] = 0.4
        return found

    monkeypatch.setattr(inference, "class_maps", maps)
    monkeypatch.setattr(inference, "chances_in", lambda _walk, prob: prob)
    images = draw_images(tmp_path / "images", {1: [3, 7], 2: [3]})
    (tmp_path / "work").mkdir()
    given = [foreground(1, 3), foreground(1, 7), foreground(2, 3)]
    settings = tiny_settings(folds=1, void_threshold=0.3)
    [one] = refine(given, images, CLASS_IDS, settings, map, tmp_path / "work", given[1:2])
    assert [(region["image_id"], region["class_id"]) for region in one["void"]] == [(1, 3), (2, 3)]
    assert all(np.array_equal(decode_mask(region["segmentation"]), stripe) for region in one["void"])


def test_the_largest_foreground_is_painted_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Example] = []

    def recorded(examples: Sequence[Example], *rest: Any) -> Segmenter:
        seen.extend(examples)
        return fit_segmenter(examples, *rest)

    monkeypatch.setattr(rounds_module, "fit_segmenter", recorded)
    small, large = np.zeros((2, 32, 32), bool)
    small[:4, :4] = large[:9, :9] = True
    given = [
        Instance(image_id=1, class_id=c, segmentation=encode_mask(mask), score=1.0)
        for c, mask in ((3, small), (7, large))
    ]
    run(tmp_path, {1: [3, 7], 2: [3]}, given, folds=1)
    assert [[one.place for one in example.foregrounds] for example in seen] == [[1, 0]]


def test_contours_of_a_file_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[np.ndarray | None] = []

    def build(image: np.ndarray, contours: np.ndarray | None, settings: WalkSettings) -> Walk:
        given.append(contours)
        return build_walk(image, contours, settings)

    monkeypatch.setattr(inference, "build_walk", build)
    file = save_step_finder(tmp_path / "steps.weights.h5")
    run(tmp_path, {1: [3]}, contours=str(file))
    run(tmp_path, {1: [3]}, work="other")
    [contours, without] = given
    assert without is None
    assert contours is not None
    assert contours.shape == (32, 32)
    outline = square_of(3) ^ np.roll(square_of(3), 1, axis=1)
    assert contours[outline].mean() > contours[20:, 20:].mean() + 0.3


def test_contours_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"refine\.contours names 'no\.h5', but there is no such file"):
        run(tmp_path, {1: [3]}, contours="no.h5")


def test_no_foreground_ends_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"round 1 of refine has no foreground to learn; look at data/foregrounds, .*rounds to 0"
    ):
        run(tmp_path, {1: [3]}, [])


def test_when_every_foreground_is_gone_the_rounds_before_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    see(monkeypatch, without=[(1, 0), (2, 0)])
    with pytest.raises(
        InputError,
        match=r"round 2 of refine has no foreground to learn; .*refine\.min_area, or set refine\.rounds to 1",
    ):
        run(tmp_path, {1: [3], 2: [3]}, rounds=2)


def test_no_round_asks_for_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, {1: [3]}, [], rounds=0) == []


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    images = draw_images(tmp_path, {1: [3], 2: [3]})
    images[2] = LabelledImage(tmp_path / "gone.png", [3])
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        refine([foreground(1, 3)], images, CLASS_IDS, tiny_settings(), map, tmp_path)


SHOWN = {1: [3, 7], 2: [3], 3: [7, 3], 4: [7], 5: [3], 6: [9]}


def test_two_runs_give_equal_results(tmp_path: Path) -> None:
    first = run(tmp_path, SHOWN, rounds=2, flip=True, iterations=4, threshold=0.02)
    assert run(tmp_path, SHOWN, work="other", rounds=2, flip=True, iterations=4, threshold=0.02) == first
    assert all(len(one["instances"]) > 3 for one in first)
    assert all((6, 9) in one["kept"] for one in first)


def test_a_run_goes_on_behind_what_is_done(tmp_path: Path, fits: Fits) -> None:
    whole = run(tmp_path, SHOWN, rounds=2, seed=1, threshold=0.02)
    folders = sorted(file.name for file in (tmp_path / "work").iterdir())
    assert folders == [f"round_{k}_fold_{m}" for k in (1, 2) for m in (0, 1)]
    shutil.rmtree(tmp_path / "work/round_1_fold_1")
    shutil.rmtree(tmp_path / "work/round_2_fold_0/part-000000")
    fits.clear()
    assert run(tmp_path, SHOWN, rounds=2, seed=1, threshold=0.02) == whole
    assert [key for _, key in fits] == [(1, 1)], "the network of the other fold was kept"


@pytest.mark.parametrize("name", ["segmenter.pt", "part-000000/pieces.json"])
def test_what_was_damaged_is_made_again(tmp_path: Path, name: str) -> None:
    whole = run(tmp_path, SHOWN)
    folder = tmp_path / "work/round_1_fold_1"
    os.truncate(folder / name, 1)
    if name == "segmenter.pt":
        shutil.rmtree(folder / "part-000000")
    assert run(tmp_path, SHOWN) == whole
