"""What is shown: as asked for, else spread over the classes, and the same every time."""

import pytest

from empaste.errors import InputError
from empaste.layout import Layout
from empaste.paper_figures.choosing import classes_to_show, labels_to_show, middles, spread, spread_labels
from empaste.paper_figures.figure import Wish
from empaste.report.inputs import Run


@pytest.mark.parametrize(
    ("num", "expected"), [(0, ""), (1, "d"), (2, "bf"), (3, "bdf"), (7, "abcdefg"), (9, "abcdefg")]
)
def test_the_middles_of_equal_parts(num: int, expected: str) -> None:
    assert "".join(middles("abcdefg", num)) == expected


def test_groups_are_drawn_from_in_turn() -> None:
    assert spread(["abc", "", "de", "f"], 2) == ["b", "e"]
    assert spread(["abc", "", "de", "f"], 4) == ["a", "c", "e", "f"]
    assert sorted(spread(["abc", "", "de", "f"], 99)) == list("abcdef")


def test_every_other_class_shows_something_interesting_first() -> None:
    labels = [(image_id, class_id) for class_id in (1, 2, 3) for image_id in (10, 20, 30)]
    interesting = {(30, 1), (30, 2), (30, 3)}
    assert spread_labels(labels, interesting, 3) == [(30, 1), (20, 2), (30, 3)]
    assert spread_labels(labels, set(), 3) == [(20, 1), (20, 2), (20, 3)]
    assert spread_labels(labels, interesting, 1) == [(30, 1)]
    assert set(spread_labels(labels, interesting, 99)) == set(labels)


def test_labels_are_those_of_training_images_classes_and_images_asked_for(files: Layout) -> None:
    run = Run(files, 0)

    def shown(**wish: object) -> list[tuple[int, int]]:
        rows = labels_to_show(run, Wish(**wish))  # type: ignore[arg-type]
        return list(rows.itertuples(index=False, name=None))

    assert shown() == [(1, 1), (2, 2), (3, 1), (3, 2)]
    assert shown(class_names=("ball",)) == [(1, 1), (3, 1)]
    assert shown(image_ids=(3,)) == [(3, 1), (3, 2)]
    assert classes_to_show(run, Wish(class_names=("tv & <monitor>", "ball"))) == [2, 1]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(class_names=("bal",)), "--class is 'bal', but the data set has no such class; did you mean ball?"),
        (Wish(class_names=("xyz",)), "no such class; choose from ball, tv & <monitor>"),
        (Wish(image_ids=(5,)), r"--image is 5, which is no training image of .*; choose from 1, 2, 3, 4"),
        (
            Wish((2,), ("ball",)),
            "no training image with a label fits --image 2 and --class 'ball'; .* says which image",
        ),
    ],
)
def test_what_is_not_there_is_refused(files: Layout, wish: Wish, said: str) -> None:
    with pytest.raises(InputError, match=said):
        labels_to_show(Run(files, 0), wish)
