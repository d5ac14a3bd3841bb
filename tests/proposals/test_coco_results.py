"""Segments of another program, as COCO results."""

import json

import numpy as np
import pytest

from empaste.errors import InputError
from empaste.masks import encode_mask
from empaste.proposals.coco_results import propose

IMAGE = np.zeros((4, 6, 3), np.uint8)
MASKS = np.zeros((3, 4, 6), bool)
MASKS[0, :2, :3] = MASKS[1, 1:, 4:] = MASKS[2, 0, 0] = True


@pytest.fixture
def file(tmp_path):
    def write(rows):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(rows if isinstance(rows, str) else json.dumps(rows))
        return str(path)

    return write


def row(index, image_id=7, score=0.5, **other):
    return {"image_id": image_id, "segmentation": encode_mask(MASKS[index]), "score": score} | other


def read(file, image=IMAGE, num_best=10):
    return propose(image, image_id=7, file_name="2007_000032.jpg", file=file, num_best=num_best)


def test_results_of_the_image_best_first(file):
    masks, scores = read(file([row(0, score=0.2), row(1, score=1), row(2, image_id=8), row(2, score=0.6, bbox=[])]))
    assert np.array_equal(masks, MASKS[[1, 2, 0]])
    assert scores.tolist() == [1, 0.6, 0.2]


def test_images_are_known_by_id_or_by_name(file):
    masks, _ = read(file([row(0, "2007_000032"), row(1, 7), row(2, "2007_000033")]))
    assert {mask.tobytes() for mask in masks} == {mask.tobytes() for mask in MASKS[:2]}


def test_repeats_and_empty_masks_are_left_out(file):
    empty = row(0, score=0.9) | {"segmentation": encode_mask(np.zeros((4, 6), bool))}
    masks, scores = read(file([row(0, score=0.4), row(0, score=0.3), empty]))
    assert np.array_equal(masks, MASKS[:1])
    assert scores.tolist() == [0.4]


def test_plain_runs(file):
    runs = {"size": [4, 6], "counts": [0, 2, 2, 2, 2, 2, 14]}
    masks, _ = read(file([row(0) | {"segmentation": runs}]))
    assert np.array_equal(masks, MASKS[:1])


def test_only_the_best_are_taken(file):
    assert len(read(file([row(0), row(1), row(2)]), num_best=2)[0]) == 2


def test_an_image_without_results_has_no_segments(file):
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
        ([row(0) | {"segmentation": {"size": [4, 6], "counts": [3, 4]}}], "counts add up to 7 pixels"),
        (
            [row(0) | {"segmentation": {"size": [4, 6], "counts": None}}],
            "counts is None; it must be the text or the list",
        ),
        ([row(0) | {"segmentation": {"size": [4, 6], "counts": "P01"}}], "counts add up to 1 pixels, size is [4, 6]"),
        ([row(0) | {"segmentation": {"size": [4, 6], "counts": "03"}}], "counts add up to 3 pixels, size is [4, 6]"),
    ],
)
def test_other_files_are_refused(file, rows, said):
    path = file(rows)
    with pytest.raises(InputError) as raised:
        read(path)
    assert said in str(raised.value)
    assert path in str(raised.value)


def test_masks_of_another_size_are_refused(file):
    path = file([row(0)])
    with pytest.raises(InputError, match=r"have 4 × 6 pixels \(height × width\), the image has 6 × 4"):
        read(path, np.zeros((6, 4, 3), np.uint8))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"proposals\.coco_results\.file is '.*none\.json', which cannot be read"):
        read(str(tmp_path / "none.json"))
