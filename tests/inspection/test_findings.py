"""Findings in words and as a table."""

from dataclasses import replace

import pytest

from empaste.datasets.records import Example
from empaste.inspection.duplicates import Pair
from empaste.inspection.findings import BAD, LOOK, OK, OPEN, findings_table, summarise_findings
from empaste.inspection.inspecting import Inspection, spread
from empaste.inspection.labels import Doubt, Judged
from empaste.inspection.looking import Look
from empaste.inspection.sizes import SmallObjects, find_small
from tests.inspection.looks import inspection, look, picture

LOOKS = [
    look(1, picture(1), areas=(0.004, 0.2)),
    look(2, picture(2), "val", areas=(0.001,)),
    Look(Example(3, "train", "train/3.jpg", (1,), listed_as="3.jpg"), (1,), error="3.jpg is damaged"),
]
FULL = inspection(
    LOOKS,
    num_images=10,
    pairs=(Pair(0, 1, False, 3), Pair(0, 2, True, 0)),
    judged=Judged([Doubt(0, 0, True, 0.01), Doubt(1, 1, False, 0.98)], [1]),
    small=SmallObjects(3, 2, [1]),
    left_out=(("x.jpg", "no label"),),
    without_label=1,
    counts={"cat": {"train": 3, "val": 0}, "dog <b>": {"train": 40, "val": 2}},
)


def said(found: Inspection) -> dict[str, tuple[str, str, str]]:
    return {one.what: (one.state, one.result, one.advice) for one in summarise_findings(found)}


def test_a_clean_data_set_has_nothing_to_look_at() -> None:
    clean = said(inspection(LOOKS[:2]))
    assert {state for state, _, _ in clean.values()} == {OK, OPEN}
    assert clean["images"] == (OK, "2, all looked at", "")
    assert clean["objects under 1.0% of the image"][1] == "not checked: the data set has no masks or boxes to measure"


def test_every_finding_says_how_many_and_what_to_do() -> None:
    found = said(FULL)
    assert found["images"] == (LOOK, "3 of 10 looked at", "--max-images 0 looks at all")
    assert found["unreadable"][:2] == (BAD, "1, such as 3.jpg")
    assert found["without label"] == (LOOK, "1; 1 image in left_out.csv", "label them to use them")
    assert found["classes"][1] == "2; cat has 3 training images, dog <b> 40"
    assert found["classes"][2] == "1 with fewer than 20: add images of them; 1 without a validation image: not measured"
    assert found["near-duplicates across splits"][:2] == (BAD, "1 pair, 0 of the same pixels")
    assert found["near-duplicates within a split"][:2] == (LOOK, "1 pair, 1 of the same pixels")
    assert found["labels doubted"][:2] == (LOOK, "2 images: 1 labels given, 1 lacking")
    assert "1 label not checked" in found["labels doubted"][2]
    assert found["objects under 1.0% of the image"][1] == "2 of 3 objects; in 1 image all of them"


def test_a_class_that_every_training_image_shows_is_counted_with_what_to_do() -> None:
    found = said(inspection(LOOKS[:2], num_train=40))
    assert found["classes"] == (
        LOOK,
        "2; dog <b> has 20 training images, cat 40",
        "1 that every training image shows: add images that do not show it, with a label of their own, such as other",
    )


def test_margins_of_training_images_are_counted_and_what_becomes_of_them_said() -> None:
    places = [("train", 0.1), ("train", 0.4), ("val", 0.5)]
    looks = [look(number, picture(number), split, margin_area=area) for number, (split, area) in enumerate(places)]
    found = inspection(looks)
    what = "plain margins around training images"
    assert said(found)[what] == (LOOK, "2 images", "set prepare.trim_margins to true: prepare then cuts them off")
    assert said(replace(found, trims_margins=True))[what][:2] == (
        OK,
        "2 images, which prepare cuts off (prepare.trim_margins)",
    )
    assert findings_table(found).to_numpy().tolist() == [
        ["1.jpg", "train", "plain margins", "its margins take up 40% of the image"],
        ["0.jpg", "train", "plain margins", "its margins take up 10% of the image"],
    ]


def test_without_weights_labels_are_not_checked_which_is_said() -> None:
    state, result, advice = said(replace(FULL, judged=None))["labels doubted"]
    assert (state, result) == (OPEN, "not checked")
    assert advice.endswith("uv pip install -e '.[imagenet]'")


def test_the_table_has_a_row_per_image_and_finding() -> None:
    table = findings_table(FULL)
    assert table.to_csv(index=False).splitlines() == [
        "file,split,finding,detail",
        "3.jpg,train,unreadable,3.jpg is damaged",
        "x.jpg,,left out,no label",
        "1.jpg,train,near-duplicate across splits,nearly 2.jpg",
        "1.jpg,train,near-duplicate within a split,the same pixels as 3.jpg",
        '1.jpg,train,label doubted,"labelled cat, which is unlikely (1%)"',
        '2.jpg,val,label doubted,"not labelled dog <b>, which is likely (98%)"',
        "2.jpg,val,objects too small,the largest object takes up 0.10% of the image",
    ]


def test_objects_are_small_by_their_share_of_the_image() -> None:
    assert find_small(LOOKS, 0.01) == SmallObjects(3, 2, [1])
    assert find_small(LOOKS, 0.0005) == SmallObjects(3, 0, [])
    assert find_small([LOOKS[2]], 0.01) is None


@pytest.mark.parametrize(("most", "ids"), [(0, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4]), (3, [0, 2, 4]), (1, [0])])
def test_images_are_looked_at_evenly(most: int, ids: list[int]) -> None:
    examples = [Example(number, "train", "", ()) for number in range(5)]
    assert [one.image_id for one in spread(examples, most)] == ids
