"""What there is to judge, and how decisions reach their files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    read_foreground_decisions,
    write_foreground_decisions,
)
from empaste.artifacts.label_decisions import LabelDecision, read_label_decisions, write_label_decisions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into, write_table
from empaste.errors import InputError
from empaste.foregrounds.decided import find_decided
from empaste.layout import HERE, Layout
from empaste.masks import decode_mask, encode_mask
from empaste.review.deciding import GoneError, Listed, Review
from empaste.rle import run_lengths
from tests.review.conftest import (
    MASKS,
    NAMES,
    SIZE_HW,
    UNCHOSEN,
    box,
    segment_rows,
    write_pool,
    write_refined,
    write_unchosen,
)

FISH = "fish & <chips>"
DRAWN = box(8)


def listed(review: Review, class_name: str = "ball") -> list[tuple[str, float | None, str | None]]:
    return [(one["image"], one["confidence"], one["verdict"]) for one in review.listed(class_name)]


def first(review: Review, class_name: str = "ball") -> Listed:
    return review.listed(class_name)[0]


def runs(mask: np.ndarray) -> list[int]:
    return run_lengths(encode_mask(mask)["counts"])


def test_foregrounds_come_by_class_least_sure_first(run: Layout) -> None:
    review = Review(run)
    assert [(one["name"], one["undecided"]) for one in review.classes()] == [("ball", 2), (FISH, 1)]
    assert listed(review) == [(NAMES[1], 0.2, None), (NAMES[0], 0.9, None)]
    assert listed(review, "no such class") == []


def test_a_foreground_is_shown_with_its_mask_and_labels(run: Layout) -> None:
    review = Review(run)
    shown = review.shown(first(review, FISH)["key"])
    assert (shown["class_name"], shown["size"], shown["mended"], shown["gone"]) == (FISH, list(SIZE_HW), None, None)
    assert shown["mask"] == runs(MASKS[1])
    assert shown["labels"] == ["ball", FISH]
    assert review.image_path(shown["key"]) == run.images / NAMES[0]


def test_another_object_can_be_begun_while_the_list_is_read(run: Layout) -> None:
    """By two threads of the server: a dictionary that grows while it is read is an error."""
    review = Review(run)
    reading = iter(review._known.foregrounds.values())
    next(reading)
    begun = review.another(first(review)["key"])
    assert begun["key"] not in [one.key for one in reading]
    assert review.shown(begun["key"])["instance"] == 1


def test_decisions_are_written_at_once_and_taken_back(run: Layout) -> None:
    review = Review(run)
    ball, fish = first(review)["key"], first(review, FISH)["key"]
    assert review.decide(ball, "keep")["verdict"] == "keep"
    review.decide(fish, "mend", runs(DRAWN))
    path = run.foreground_decisions
    assert read_foreground_decisions(path) == [
        ForegroundDecision(NAMES[0], FISH, "mend", encode_mask(MASKS[1]), encode_mask(DRAWN)),
        ForegroundDecision(NAMES[1], "ball", "keep", encode_mask(MASKS[2])),
    ]
    assert review.shown(fish)["mended"] == runs(DRAWN)
    assert review.classes()[1] == {
        "name": FISH,
        "undecided": 0,
        "keep": 0,
        "reject": 0,
        "mend": 1,
        "missing": 0,
        "drawn": 0,
    }
    review.decide(ball, "reject")
    assert [one.verdict for one in read_foreground_decisions(path)] == ["mend", "reject"]
    assert review.num_decisions() == (2, 0)
    for key in (ball, fish):
        review.decide(key, None)
    assert path.read_text() == '{"foregrounds": []}\n'


def test_what_was_written_beside_the_review_stays(run: Layout) -> None:
    review = Review(run)
    other = ForegroundDecision("train/z.png", "ball", "reject", encode_mask(box(1)))
    write_foreground_decisions(run.foreground_decisions, [other])
    review.decide(first(review)["key"], "keep")
    assert other in read_foreground_decisions(run.foreground_decisions)


def test_after_the_next_run_a_mended_foreground_is_the_one_that_was_judged(run: Layout) -> None:
    review = Review(run)
    key = first(review)["key"]
    review.decide(key, "mend", runs(DRAWN))
    drawn = segment_rows().iloc[2:].assign(segment_id=3, counts=encode_mask(DRAWN)["counts"])
    write_table(drawn, run.foregrounds / BY_HAND, Segments)
    write_pool(run, [(1, 1, 0, 0.9), (2, 1, 3, 1.0)])
    review.classes()
    assert {one["key"]: one["verdict"] for one in review.listed("ball")}[key] == "mend"
    assert len(review.listed("ball")) == 2


def test_a_rejected_foreground_that_another_replaced_comes_last(run: Layout) -> None:
    review = Review(run)
    review.decide(first(review)["key"], "reject")
    write_pool(run, [(1, 1, 0, 0.9)])
    review.classes()
    assert listed(review) == [(NAMES[0], 0.9, None), (NAMES[1], None, None), (NAMES[1], None, "reject")]
    assert [one["image"] for one in missing(review)] == [NAMES[1]]  # so that the person may draw it


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        (
            ForegroundDecision("train/z.png", "ball", "keep", encode_mask(box(1))),
            "Its image is no training image of this run.",
        ),
        (ForegroundDecision(NAMES[0], "cup", "keep", encode_mask(box(1))), "Its class is none of this run."),
        (
            ForegroundDecision(NAMES[0], "ball", "keep", encode_mask(np.ones((3, 3), bool))),
            "Its image has another size now.",
        ),
    ],
)
def test_a_decision_whose_foreground_is_gone_is_shown_and_can_be_cleared(
    run: Layout, gone: ForegroundDecision, said: str
) -> None:
    write_foreground_decisions(run.foreground_decisions, [gone])
    review = Review(run)
    key = review.listed(gone.class_name)[-1]["key"]
    assert review.shown(key)["gone"] == said
    review.decide(key, None)
    assert read_foreground_decisions(run.foreground_decisions) == []
    assert key not in [one["key"] for one in review.listed(gone.class_name)]


def test_the_image_of_a_gone_foreground(run: Layout) -> None:
    write_foreground_decisions(
        run.foreground_decisions, [ForegroundDecision("train/z.png", "ball", "keep", encode_mask(box(1)))]
    )
    review = Review(run)
    with pytest.raises(GoneError, match=r"image train/z\.png is no training image of this run"):
        review.image_path(review.listed("ball")[-1]["key"])


def test_a_key_of_an_earlier_run_is_refused(run: Layout) -> None:
    review = Review(run)
    key = first(review)["key"]
    write_pool(run, [(1, 1, 0, 0.9)])
    review.classes()
    with pytest.raises(GoneError, match="the pipeline has run since the page was loaded; load it again"):
        review.decide(key, "keep")
    assert not run.foreground_decisions.exists()


@pytest.mark.parametrize(
    ("verdict", "mended", "said"),
    [
        ("kept", None, "the verdict is 'kept'; choose from keep, reject, mend, null"),
        (["keep"], None, r"the verdict is \['keep'\]"),
        ("mend", None, "the mended mask: the RLE's counts do not add up to 40 × 60"),
        ("mend", [2, 3], "the mended mask: the RLE's counts do not add up to 40 × 60"),
        ("mend", [2400], "the mended mask is an empty mask; draw the object, or reject the foreground"),
    ],
)
def test_what_is_no_decision_is_refused_and_nothing_written(
    run: Layout, verdict: object, mended: object, said: str
) -> None:
    review = Review(run)
    with pytest.raises(InputError, match=said):
        review.decide(first(review)["key"], verdict, mended)
    assert not run.foreground_decisions.exists()


def test_labels_are_added_removed_and_as_they_were(run: Layout) -> None:
    review = Review(run)
    key = first(review)["key"]
    assert review.label(key, FISH, True) == ["ball", FISH]
    assert review.label(key, FISH, True) == ["ball", FISH]
    assert review.label(key, "ball", False) == [FISH]
    made = [LabelDecision(NAMES[1], "ball", "removed"), LabelDecision(NAMES[1], FISH, "added")]
    assert read_label_decisions(run.label_decisions) == made
    assert review.num_decisions() == (0, 2)
    assert review.label(key, FISH, False) == []
    assert review.label(key, "ball", True) == ["ball"]
    assert read_label_decisions(run.label_decisions) == []


def test_a_correction_that_the_run_has_obeyed_is_taken_back(run: Layout) -> None:
    write_label_decisions(run.label_decisions, [LabelDecision(NAMES[0], FISH, "added")])
    review = Review(run)
    assert review.label(first(review, FISH)["key"], FISH, False) == ["ball"]
    assert read_label_decisions(run.label_decisions) == []


@pytest.mark.parametrize(
    ("name", "present", "said"),
    [
        ("cup", True, "the label is 'cup'; choose from ball, fish & <chips>"),
        (None, True, "the label is None"),
        ("ball", 1, "whether the label is present is 1; it must be true or false"),
    ],
)
def test_what_is_no_label_is_refused(run: Layout, name: object, present: object, said: str) -> None:
    review = Review(run)
    with pytest.raises(InputError, match=said):
        review.label(first(review)["key"], name, present)


def test_nothing_to_judge_and_no_run(run: Layout, tmp_path: Path) -> None:
    write_pool(run, [(1, 1, 0, 0.9)][:0])
    assert [one["missing"] for one in Review(run).classes()] == [2, 1]
    write_into(run.labels, pd.DataFrame({"image_id": [3], "class_id": [1]}), Labels)
    with pytest.raises(InputError, match=r"holds no foreground to judge, and no training image has a label; look at"):
        Review(run)
    with pytest.raises(InputError, match=r"images\.parquet does not exist; run: dvc repro"):
        Review(HERE.below(tmp_path / "elsewhere"))


def test_masks_travel_as_runs() -> None:
    assert decode_mask(encode_mask(box(8))).sum() == sum(runs(box(8))[1::2])


def test_a_pool_out_of_step_with_the_segments(run: Layout) -> None:
    write_pool(run, [(1, 1, 9, 0.9)])
    with pytest.raises(InputError, match=r"names segment 9 of image 1, which data/segments lacks; run: dvc repro"):
        Review(run)


EMPTY = encode_mask(np.zeros(SIZE_HW, bool))


def missing(review: Review, class_name: str = "ball") -> list[Listed]:
    return [one for one in review.listed(class_name) if not one["chosen"]]


def test_a_label_without_a_foreground_is_listed_and_drawn(run: Layout) -> None:
    review = Review(write_unchosen(run))
    (one,) = missing(review)
    assert (one["image"], one["confidence"], one["verdict"], one["of_run"]) == (UNCHOSEN[0], None, None, True)
    assert review.shown(one["key"])["mask"] == runs(np.zeros(SIZE_HW, bool))
    assert review.classes()[0]["missing"] == 1
    review.decide(one["key"], "mend", runs(DRAWN))
    (made,) = read_foreground_decisions(run.foreground_decisions)
    assert made == ForegroundDecision(UNCHOSEN[0], "ball", "mend", EMPTY, encode_mask(DRAWN))
    counts = review.classes()[0]
    assert (counts["missing"], counts["drawn"], counts["undecided"], counts["mend"]) == (0, 1, 2, 0)
    review.decide(one["key"], None)
    assert review.classes()[0]["missing"] == 1


def test_the_stage_pastes_what_was_drawn_where_nothing_was_chosen(run: Layout) -> None:
    review = Review(write_unchosen(run))
    review.decide(missing(review)[0]["key"], "mend", runs(DRAWN))
    labels = read_from(run.labels, Labels)
    decided = find_decided(
        read_foreground_decisions(run.foreground_decisions), read_from(run.images, Images),
        read_from(run.labels, Classes), labels, read_from(run.segments, Segments),
    )  # fmt: skip
    (right,) = decided.right_of(1)
    assert (right.image_id, right.mask, right.nearest, right.is_like) == (4, encode_mask(DRAWN), 3, True)
    assert decided.counts.mended == 1


def test_after_the_next_run_a_drawn_foreground_is_still_the_one_that_was_drawn(run: Layout) -> None:
    review = Review(write_unchosen(run))
    key = missing(review)[0]["key"]
    review.decide(key, "mend", runs(DRAWN))
    drawn = segment_rows().iloc[2:].assign(segment_id=4, image_id=4, counts=encode_mask(DRAWN)["counts"])
    write_table(drawn, run.foregrounds / BY_HAND, Segments)
    write_pool(run, [(1, 1, 0, 0.9), (2, 1, 2, 0.2), (4, 1, 4, 1.0)])
    counts = review.classes()[0]
    assert (counts["missing"], counts["drawn"], counts["undecided"]) == (0, 1, 2)
    (one,) = missing(review)
    assert (one["key"], one["confidence"], one["verdict"]) == (key, 1.0, "mend")
    assert review.shown(key)["mended"] == runs(DRAWN)


@pytest.mark.parametrize("verdict", ["keep", "reject"])
def test_what_was_not_chosen_is_neither_kept_nor_rejected(run: Layout, verdict: str) -> None:
    review = Review(write_unchosen(run))
    with pytest.raises(InputError, match=f"nothing was chosen, so there is nothing to {verdict}; draw the object, or"):
        review.decide(missing(review)[0]["key"], verdict)
    assert not run.foreground_decisions.exists()


def test_an_image_in_which_nothing_was_proposed_can_be_drawn_in(run: Layout) -> None:
    review = Review(write_unchosen(run))
    (one,) = missing(review, FISH)
    assert (one["image"], review.shown(one["key"])["gone"]) == (UNCHOSEN[1], None)
    assert review.decide(one["key"], "mend", runs(DRAWN))["verdict"] == "mend"


def test_further_objects_are_drawn_beside_what_was_chosen(run: Layout) -> None:
    review = Review(run)
    chosen = first(review)
    numbers, keys = [], []
    for x in (1, 9):
        one = review.another(chosen["key"])
        assert (one["image"], one["verdict"], one["chosen"], one["of_run"]) == (chosen["image"], None, False, False)
        assert one["key"] not in [other["key"] for other in review.listed("ball")]
        assert review.classes()[0]["missing"] == 0  # another look at the run neither counts nor forgets what is begun
        review.decide(one["key"], "mend", runs(box(x)))
        numbers.append(one["instance"])
        keys.append(one["key"])
    made = read_foreground_decisions(run.foreground_decisions)
    assert numbers == [one.instance for one in made] == [1, 2]
    assert [one.mended for one in made] == [encode_mask(box(1)), encode_mask(box(9))]
    assert all(one.mask == EMPTY for one in made)
    assert review.classes()[0]["drawn"] == 2
    assert [one["key"] for one in review.listed("ball") if one["instance"]] == keys
    assert review.shown(keys[1])["others"] == [runs(MASKS[2]), runs(box(1))]
    review.decide(chosen["key"], "reject")
    assert review.shown(keys[1])["others"] == [runs(box(1))]
    review.decide(keys[0], None)
    assert [one["instance"] for one in review.listed("ball")] == [0, 0, 2]
    assert review.another(keys[1])["instance"] == 1
    assert review.shown(keys[1])["others"] == []


def test_after_the_next_run_further_objects_are_still_the_ones_that_were_drawn(run: Layout) -> None:
    review = Review(run)
    keys = []
    for x in (1, 9):
        keys.append(review.another(first(review)["key"])["key"])
        review.decide(keys[-1], "mend", runs(box(x)))
    drawn = segment_rows().iloc[[2, 2]].assign(
        segment_id=[3, 4], counts=[encode_mask(box(x))["counts"] for x in (1, 9)]
    )  # fmt: skip
    write_table(drawn, run.foregrounds / BY_HAND, Segments)
    write_pool(run, [(1, 1, 0, 0.9), (2, 1, 2, 0.2), (2, 1, 3, 1.0), (2, 1, 4, 1.0)])
    again = Review(run)
    assert {one["key"] for one in again.listed("ball") if one["instance"]} == set(keys)
    assert len(again.listed("ball")) == 4
    again.decide(keys[0], None)
    assert [one["instance"] for one in again.listed("ball") if not one["chosen"]] == [2]


def test_nothing_is_drawn_beside_what_is_gone(run: Layout) -> None:
    gone = ForegroundDecision("train/z.png", "ball", "keep", encode_mask(box(1)))
    write_foreground_decisions(run.foreground_decisions, [gone])
    review = Review(run)
    with pytest.raises(GoneError, match=r"Its image is no training image of this run\."):
        review.another(review.listed("ball")[-1]["key"])


def test_what_is_without_a_mask_follows_the_labels(run: Layout) -> None:
    review = Review(write_unchosen(run))
    (one,) = missing(review)
    assert review.label(one["key"], FISH, True) == ["ball", FISH]
    assert [other["image"] for other in missing(review, FISH)] == list(UNCHOSEN)
    assert review.label(one["key"], "ball", False) == [FISH]
    assert missing(review) == []
    assert review.label(one["key"], "ball", True) == ["ball", FISH]  # while the page still shows it
    assert [other["key"] for other in missing(review)] == [one["key"]]


@pytest.mark.parametrize("pasted", ["refined", "fem"])
def test_what_refine_drew_is_shown_beside(run: Layout, pasted: str) -> None:
    shown = Review(run).shown(first(Review(run))["key"])
    assert (shown["refined"], shown["pasted"]) == (None, "fem")
    write_refined(run, [(2, 1, box(9)), (2, 1, box(40, side=5)), (1, 2, box(1))], pasted)
    review = Review(run)
    shown = review.shown(first(review)["key"])
    assert (shown["refined"], shown["pasted"]) == ([runs(box(9)), runs(box(40, side=5))], pasted)
    assert review.shown(review.listed("ball")[1]["key"])["refined"] == []


def test_a_run_without_rounds_has_no_refined_masks(run: Layout) -> None:
    write_refined(run, [])
    review = Review(run)
    assert review.shown(first(review)["key"])["refined"] is None
