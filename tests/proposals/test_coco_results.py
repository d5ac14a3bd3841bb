"""Segments of another program, as COCO results."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.image_keys import NamedImage
from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.proposals.coco_results import METHOD, match_images, propose
from tests.proposals.sources import context_of, section_of

IMAGE = np.zeros((4, 6, 3), np.uint8)
MASKS = np.zeros((3, 4, 6), bool)
MASKS[0, :2, :3] = MASKS[1, 1:, 4:] = MASKS[2, 0, 0] = True

Write = Callable[[Any], str]


@pytest.fixture
def file(tmp_path: Path) -> Write:
    def write(rows: Any) -> str:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
        return str(path)

    return write


def row(index: int, image_id: Any = 7, score: float = 0.5, **other: Any) -> dict[str, Any]:
    return {"image_id": image_id, "segmentation": encode_mask(MASKS[index]), "score": score} | other


def read(file: str, image: np.ndarray = IMAGE, num_best: int = 10) -> tuple[np.ndarray, np.ndarray]:
    return propose(image, section_of(METHOD, file=file, num_best=num_best), context_of(image_id=7))


def test_results_of_the_image_best_first(file: Write) -> None:
    masks, scores = read(file([row(0, score=0.2), row(1, score=1), row(2, image_id=8), row(2, score=0.6, bbox=[])]))
    assert np.array_equal(masks, MASKS[[1, 2, 0]])
    assert scores.tolist() == [1, 0.6, 0.2]


def test_images_are_known_by_id_or_by_name(file: Write) -> None:
    for image_id in (7, "7", 7.0, "2007_000032", "2007_000032.png", "train/2007_000032.jpg"):
        assert len(read(file([row(0, image_id), row(2, "other")]))[0]) == 1


def test_ids_and_names_are_not_joined(file: Write) -> None:
    with pytest.raises(InputError, match=r"\(ids: 7; file names: 2007_000032; neither: 2007_000033\)"):
        read(file([row(0, "2007_000032"), row(1, 7), row(2, "2007_000033")]))


def test_repeats_and_empty_masks_are_left_out(file: Write) -> None:
    empty = row(0, score=0.9) | {"segmentation": encode_mask(np.zeros((4, 6), bool))}
    masks, scores = read(file([row(0, score=0.4), row(0, score=0.3), empty]))
    assert np.array_equal(masks, MASKS[:1])
    assert scores.tolist() == [0.4]


def test_plain_runs(file: Write) -> None:
    runs = {"size": [4, 6], "counts": [0, 2, 2, 2, 2, 2, 14]}
    masks, _ = read(file([row(0) | {"segmentation": runs}]))
    assert np.array_equal(masks, MASKS[:1])


def test_only_the_best_are_taken(file: Write) -> None:
    assert len(read(file([row(0), row(1), row(2)]), num_best=2)[0]) == 2


def test_an_image_without_results_has_no_segments(file: Write) -> None:
    masks, scores = read(file([row(0, image_id=8)]))
    assert masks.shape == (0, 4, 6)
    assert scores.shape == (0,)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("[", "is not valid JSON"),
        ([], "is no list of COCO results"),
        ({"images": []}, "is no list of COCO results"),
        ([{"image_id": 7, "bbox": [0, 0, 1, 1], "score": 0.5}], "result 0 has no image_id, segmentation and score"),
        ([row(0), row(1, score=3)], "result 1: score is 3; scores are numbers from 0 to 1"),
        ([row(0) | {"segmentation": [[0, 0, 1, 0, 1, 1]]}], "segmentation is no RLE"),
        ([row(0) | {"segmentation": "mask"}], "result 0: segmentation is 'mask'; it is no RLE"),
        *(
            ([row(0) | {"segmentation": {"size": [4, 6], "counts": counts}}], "counts do not add up to 4 × 6 pixels")
            for counts in ([3, 4], None, "P01", "03", [-1, 25], [24.5, -0.5], "", "\x00")
        ),
        ([row(0) | {"segmentation": {"size": [2**20, 2**20], "counts": [2**40]}}], "counts do not add up to"),
        ([row(0, image_id=None)], "result 0: image_id is None; it must be a whole number"),
        ([row(0, image_id=True)], "result 0: image_id is True; it must be a whole number"),
        ([row(0, image_id=7.5)], "result 0: image_id is 7.5; it must be a whole number"),
        ([row(0, image_id=" ")], "result 0: image_id is ' '; it must be text"),
        ([row(0, score=float("nan"))], "score is nan; scores are numbers from 0 to 1"),
        ([row(0, score=True)], "score is True; scores are numbers from 0 to 1"),
        ('[{"image_id": 7, "image_id": 8}]', "an object names the key 'image_id' twice"),
    ],
)
def test_other_files_are_refused(file: Write, rows: Any, said: str) -> None:
    path = file(rows)
    with pytest.raises(InputError) as raised:
        read(path)
    assert said in str(raised.value)
    assert path in str(raised.value)


def test_masks_of_another_size_are_refused(file: Write) -> None:
    path = file([row(0)])
    with pytest.raises(InputError, match=r"have 4 × 6 pixels \(height × width\), the image has 6 × 4"):
        read(path, np.zeros((6, 4, 3), np.uint8))


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"proposals\.coco_results\.file .*none\.json cannot be read \(No such"):
        read(str(tmp_path / "none.json"))


def named(*names: str, split: str = "train") -> list[NamedImage]:
    return [NamedImage(number, f"{split}/{name}.jpg", split) for number, name in enumerate(names, 1)]


def matched(file: Write, rows: Any, images: list[NamedImage]) -> tuple[dict[int, Sequence[str]], list[str]]:
    keys, lines = match_images(images, section_of(METHOD, file=file(rows), num_best=9))
    return dict(keys), [line.replace(str(file), "") for line in lines]


def test_numbers_that_are_ids_and_names_are_ids_and_this_is_said(file: Write) -> None:
    """As images called 1.jpg … 12.jpg are numbered: 1, 10, 11, 12, 2 and so on."""
    images = named(*sorted(str(number) for number in range(1, 13)))
    for make in (int, str, float):
        keys, (said,) = matched(file, [row(0, make(number)) for number in range(1, 13)], images)
        assert keys == {number: [str(number)] for number in range(1, 13)}
        assert [len(own) for own in keys.values()] == [1] * 12
        assert "names images by id (12 of 12 are also names of files" in said
        assert "write file names with their ending" in said
    keys, (said,) = matched(file, [row(0, f"{number}.jpg") for number in range(1, 13)], images)
    assert {one.image_id: keys[one.image_id] for one in images} == {one.image_id: [one.file_name[6:]] for one in images}
    assert said.endswith("names images by file name")


def test_numbers_that_are_ids_in_part_are_refused_where_names_could_be_meant(file: Write) -> None:
    images = named("1", "10", "2")
    with pytest.raises(InputError, match=r"does not say .* \(file names: 10; either: 1, 2; neither: 99\); name all of"):
        matched(file, [row(0, number) for number in (1, 2, 10, 99)], images)
    keys, _ = matched(file, [row(0, number) for number in (1, 2, 10)], images)
    assert keys == {1: ["1"], 2: ["10"], 3: ["2"]}


def test_what_no_training_image_gets_is_counted(file: Write) -> None:
    images = [*named("a", "b"), NamedImage(9, "val/c.jpg", "val")]
    keys, lines = matched(file, [row(0, 1), row(0, 9), row(1, 9), row(0, 77)], images)
    assert keys == {1: ["1"], 9: ["9"]}
    assert [line.partition(".json")[2].lstrip(": ") for line in lines] == [
        "names images by id",
        "1 results are of images that are not in data/images: 77",
        "2 results are of validation images, which get no segments: the first is 9",
        "has no result for 1 of 2 training images: train/b.jpg",
    ]


def test_a_name_of_two_images_is_refused(file: Write) -> None:
    images = [NamedImage(1, "train/a.jpg", "train"), NamedImage(2, "val/a.jpg", "val")]
    with pytest.raises(InputError, match=r"a could mean train/a\.jpg, val/a\.jpg; write their folders"):
        matched(file, [row(0, "a")], images)
    assert matched(file, [row(0, "train/a.jpg"), row(0, "val/a")], images)[0] == {1: ["train/a.jpg"], 2: ["val/a"]}


def test_results_of_other_images_are_refused(file: Write) -> None:
    with pytest.raises(InputError, match=r"about none of the 2 images .* has x, 77; there are train/a\.jpg \(id 1\)"):
        matched(file, [row(0, "x"), row(1, 77)], named("a", "b"))
