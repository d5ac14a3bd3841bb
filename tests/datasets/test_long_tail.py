"""Class sizes by the density, and data sets drawn to fit them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.datasets.long_tail import Resampled, pareto_sizes, read_labels, resample
from empaste.datasets.records import ClassName, DataSet, Example, Picture
from empaste.errors import InputError

VOC_MASKS = {
    "aeroplane": 474, "bicycle": 229, "bird": 338, "boat": 384, "bottle": 331, "bus": 274, "car": 685, "cat": 790,
    "chair": 335, "cow": 130, "diningtable": 126, "dog": 787, "horse": 280, "motorbike": 335, "person": 3142,
    "pottedplant": 253, "sheep": 198, "sofa": 254, "train": 327, "tvmonitor": 441,
}  # fmt: skip
"""Masks extracted per class on VOC trainaug, as the paper states them."""


def load(_example: Example, _max_side: int) -> Picture:
    return Picture(b"", 4, 4, (2, 3), ())


def dataset(labels: Sequence[tuple[int, ...]], names: list[str] | None = None) -> DataSet:
    """Training images with ``labels``, numbered from 1, and a validation image of the first class."""
    names = names or [f"class {k}" for k in range(1, 1 + max(one for row in labels for one in row))]
    examples = [Example(number, "train", f"train/{number}.jpg", row) for number, row in enumerate(labels, 1)]
    val = Example(len(labels) + 1, "val", "val/1.jpg", (1,))
    return DataSet(tuple(ClassName(k, name, "thing") for k, name in enumerate(names, 1)), (*examples, val), load)


def sizes(resampled: Resampled) -> dict[int, int]:
    """Training images per class."""
    training = [example for example in resampled.data.examples if example.split == "train"]
    return dict(Counter(class_id for example in training for class_id in example.class_ids))


def test_sizes_follow_the_density_between_their_ends() -> None:
    assert pareto_sizes(6, 6.0, 75, 5) == [75, 40, 22, 13, 8, 5]
    places = np.linspace(1, 15 ** (1 / 7), 6)
    density = 6 / places**7
    assert pareto_sizes(6, 6.0, 75, 5) == np.rint(75 * density / density[0]).tolist()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((1, 6.0, 9, 2), [9]), ((3, 6.0, 7, 7), [7, 7, 7]), ((2, 0.01, 8, 1), [8, 1]), ((0, 6.0, 8, 1), [])],
)
def test_sizes_at_the_limits(arguments: tuple[int, float, int, int], expected: list[int]) -> None:
    assert pareto_sizes(*arguments) == expected


@given(st.integers(1, 90), st.floats(1e-3, 100), st.integers(1, 5000), st.integers(1, 5000))
def test_sizes_fall_from_the_largest_to_the_smallest(num: int, shape: float, first: int, second: int) -> None:
    largest, smallest = max(first, second), min(first, second)
    found = pareto_sizes(num, shape, largest, smallest)
    assert found == sorted(found, reverse=True)
    assert found[0] == largest
    assert found[-1] == (smallest if num > 1 else largest)


def test_the_published_shape_on_vocs_class_counts() -> None:
    """2,018 images, 800 and 1; the published version, in masks that came along too: 2,415 images, 836 and 4."""
    labels = [(k,) for k, count in enumerate(VOC_MASKS.values(), 1) for _ in range(count)]
    drawn = resample(dataset(labels, list(VOC_MASKS)), 6.0, 800, 1, seed=0)
    assert sum(drawn.available.values()) == 10_113
    assert list(drawn.wanted)[:3] == ["person", "cat", "dog"]
    expected = [800, 454, 269, 166, 105, 68, 46, 31, 22, 15, 11, 8, 6, 5, 3, 3, 2, 2, 1, 1]
    assert list(drawn.wanted.values()) == expected
    assert sorted(sizes(drawn).values(), reverse=True) == expected
    assert sum(example.split == "train" for example in drawn.data.examples) == sum(expected) == 2018
    assert list(drawn.wanted)[-1] == "diningtable"
    assert drawn.data.warnings == ()


MIXED = [(1,)] * 40 + [(1, 2)] * 30 + [(2,)] * 10 + [(2, 3)] * 10 + [(3,)] * 5 + [(1, 2, 3)] * 5
"""Class sizes 75, 55, 20."""


def test_images_of_several_classes_count_for_each_and_no_class_exceeds_its_size() -> None:
    drawn = resample(dataset(MIXED), 6.0, 30, 3, seed=0)
    assert list(drawn.available.values()) == [75, 55, 20]
    assert list(drawn.wanted.values()) == [30, 9, 3]
    assert sizes(drawn) == {1: 30, 2: 9, 3: 3}
    assert drawn.data.examples[-1].split == "val"


def test_images_that_show_a_class_alone_come_first() -> None:
    drawn = resample(dataset(MIXED), 6.0, 30, 3, seed=0)
    assert {example.class_ids for example in drawn.data.examples} == {(1,), (2,), (3,)}


def test_drawing_hangs_on_the_seed_and_keeps_the_order() -> None:
    first, again, other = (resample(dataset(MIXED), 6.0, 30, 3, seed).data.examples for seed in (4, 4, 5))
    assert first == again != other
    assert [example.image_id for example in first] == sorted(example.image_id for example in first)


def test_a_class_without_an_image_stays_empty() -> None:
    drawn = resample(dataset([(1,)] * 6 + [(3,)] * 4), 6.0, 5, 2, seed=0)
    assert drawn.wanted == {"class 1": 5, "class 3": 2}
    assert sizes(drawn) == {1: 5, 3: 2}


def test_where_classes_only_come_together_the_shortfall_is_told() -> None:
    drawn = resample(dataset([(1, 2)] * 6 + [(2,)]), 6.0, 5, 2, seed=0)
    assert drawn.available == {"class 2": 7, "class 1": 6}
    assert sizes(drawn) == {1: 2, 2: 3}
    assert drawn.data.warnings == ("the long tail is short of images that show no class in excess: class 2 3 of 5",)


@given(st.lists(st.sets(st.integers(1, 4), min_size=1), min_size=1, max_size=30), st.integers(0, 9))
def test_never_above_the_sizes_and_full_where_images_show_one_class(labels: list[set[int]], seed: int) -> None:
    rows = [tuple(sorted(row)) for row in labels]
    counts = Counter(one for row in rows for one in row)
    largest = min(counts.values())
    drawn = resample(dataset(rows), 3.0, largest, 1, seed)
    found = sizes(drawn)
    wanted = {int(name.split()[1]): size for name, size in drawn.wanted.items()}
    assert all(found.get(one, 0) <= size for one, size in wanted.items())
    rarest = list(wanted)[-1]
    assert found[rarest] == wanted[rarest]
    if all(len(row) == 1 for row in rows):
        assert found == wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((6.0, 76, 3), r"is 76, by which class 1 would show in 76 .*, but .* has 75; lower max_size to 75"),
        ((6.0, 10**12, 3), r"lower max_size to 75 or less"),
        ((0.01, 75, 60), r"class 2 would show in 67 .*, but the data set has 55; lower min_size to 20 or less, and"),
        ((6.0, 30, 21), r"class 3 would show in 21 training images, but the data set has 20; lower min_size to 20 or"),
    ],
)  # fmt: skip
def test_more_than_there_is_is_refused_with_what_fits(arguments: tuple[float, int, int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        resample(dataset(MIXED), *arguments, seed=0)
    if "to 75" in message:
        resample(dataset(MIXED), arguments[0], 75, arguments[2], seed=0)


def test_labels_that_only_the_image_tells_are_read_from_it() -> None:
    assert read_labels(Example(1, "train", "a", ()), load).class_ids == (2, 3)
