"""The published .mat files: every layout gives the same proposals, and other files are refused by name."""

import sys

import numpy as np
import pytest

from empaste.errors import InputError
from empaste.proposals import cob, mcg
from empaste.proposals.mat_files import read_fields
from tests.proposals.sources import cell_array, write_mat5, write_mat73

IMAGE = np.zeros((4, 6, 3), np.uint8)
SUPERPIXELS = np.array([[1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3], [4, 4, 4, 4, 3, 3], [4, 4, 4, 4, 3, 3]], np.uint16)
LABELS = cell_array([np.array([[1, 2]], np.uint32), np.array([[4]], np.uint32), np.array([[1], [3]], np.uint32)])
FIELDS = {"superpixels": SUPERPIXELS, "labels": LABELS, "scores": np.array([[0.2], [1.4], [-0.3]])}
BEST_FIRST = [[4], [1, 2], [1, 3]]
MASKS = np.stack([np.isin(SUPERPIXELS, labels) for labels in [[1, 2], [4], [1, 3]]])

WRITERS = pytest.mark.parametrize("write", [write_mat5, write_mat73])


def read(folder, name="2007_000032.jpg", image=IMAGE, num_best=100):
    return mcg.propose(image, file_name=name, root=str(folder), num_best=num_best)


def check(masks, scores):
    assert [sorted(set(SUPERPIXELS[mask])) for mask in masks] == BEST_FIRST
    assert np.allclose(scores, [1, 2 / 3, 1 / 3])


@WRITERS
@pytest.mark.parametrize("struct", [None, "proposals", "candidates"])
def test_superpixels_and_labels(tmp_path, write, struct):
    write(tmp_path / "2007_000032.mat", {struct: FIELDS} if struct else FIELDS)
    check(*read(tmp_path))


@WRITERS
def test_masks_as_a_cell_array_or_as_one_array(tmp_path, write):
    write(tmp_path / "a.mat", {"maskmat": cell_array([mask.astype(np.uint8) for mask in MASKS])})
    write(tmp_path / "b.mat", {"maskmat": MASKS.astype(np.uint8)})
    for name in ("a.jpg", "b.jpg"):
        masks, scores = read(tmp_path, name)
        assert np.array_equal(masks, MASKS)
        assert np.allclose(scores, [1, 2 / 3, 1 / 3])


def test_both_sources_read_alike(tmp_path):
    write_mat5(tmp_path / "2007_000032.mat", FIELDS)
    check(*cob.propose(IMAGE, file_name="2007_000032.jpg", root=str(tmp_path), num_best=9))


def test_names_of_2014_are_found(tmp_path):
    write_mat5(tmp_path / "COCO_val2014_000000000042.mat", FIELDS)
    check(*read(tmp_path, "000000000042.jpg"))


def test_only_the_best_are_read(tmp_path):
    write_mat5(tmp_path / "a.mat", FIELDS)
    masks, scores = read(tmp_path, "a.jpg", num_best=2)
    assert [sorted(set(SUPERPIXELS[mask])) for mask in masks] == BEST_FIRST[:2]
    assert scores.tolist() == [1, 0.5]


@WRITERS
def test_one_proposal_of_the_whole_image(tmp_path, write):
    """What MCG writes for an image without contours."""
    write(
        tmp_path / "a.mat",
        {
            "superpixels": np.ones((4, 6)),
            "labels": cell_array([np.array([[1.0]])]),
            "scores": np.array([[1.0]]),
        },
    )
    masks, _ = read(tmp_path, "a.jpg")
    assert masks.shape == (1, 4, 6)
    assert masks.all()


@WRITERS
def test_no_proposals(tmp_path, write):
    write(
        tmp_path / "a.mat",
        {"superpixels": SUPERPIXELS, "labels": np.empty((0, 1), object), "scores": np.zeros((0, 1))},
    )
    masks, scores = read(tmp_path, "a.jpg")
    assert masks.shape == (0, 4, 6)
    assert scores.shape == (0,)


@WRITERS
def test_empty_and_equal_proposals_are_left_out(tmp_path, write):
    labels = cell_array([np.array([[2]]), np.zeros((1, 0)), np.array([[2]])])
    write(tmp_path / "a.mat", {"superpixels": SUPERPIXELS, "labels": labels})
    masks, scores = read(tmp_path, "a.jpg")
    assert np.array_equal(masks, [SUPERPIXELS == 2])
    assert scores.tolist() == [1]


def message(folder, name="a.jpg", image=IMAGE):
    with pytest.raises(InputError) as raised:
        read(folder, name, image)
    return str(raised.value)


def test_missing_folder_and_missing_file(tmp_path):
    assert "proposals.mcg.root is" in message(tmp_path / "none")
    write_mat5(tmp_path / "b.mat", FIELDS)
    text = message(tmp_path)
    assert "has no a.mat for the image a.jpg (1 .mat files lie in it)" in text


@WRITERS
@pytest.mark.parametrize("key", ["superpixels", "maskmat"])
def test_file_of_another_data_set(tmp_path, write, key):
    write(tmp_path / "a.mat", FIELDS if key == "superpixels" else {"maskmat": MASKS.astype(np.uint8)})
    text = message(tmp_path, image=np.zeros((6, 4, 3), np.uint8))
    assert "about an image of 4 × 6 pixels (height × width), the image of the data set has 6 × 4" in text
    assert "prepare.max_side" in text


@WRITERS
def test_file_of_another_kind(tmp_path, write):
    write(tmp_path / "a.mat", {"ucm2": np.zeros((9, 13)), "bboxes": np.zeros((3, 4))})
    text = message(tmp_path)
    assert "a.mat holds" in text
    assert "proposals hold superpixels and labels, or maskmat" in text


@pytest.mark.parametrize(
    "content",
    [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 8\n" * 4, b"<html>", bytes(600)],
    ids=["empty", "pointer", "page", "zeros"],
)
def test_no_mat_file_at_all(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    text = message(tmp_path)
    assert "a.mat" in text
    assert "download" in text


@WRITERS
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_file(tmp_path, write, share):
    write(tmp_path / "a.mat", FIELDS)
    content = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(content[: int(share * len(content))])
    assert "a.mat" in message(tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"labels": cell_array([np.array([[5]])])}, "superpixels beyond those there are, 1 … 4"),
        ({"scores": np.array([[0.2], [0.1]])}, "scores has 2 finite numbers for 3 proposals"),
        ({"scores": np.array([[0.2], [np.nan], [0.1]])}, "scores has 2 finite numbers for 3 proposals"),
        ({"superpixels": cell_array([SUPERPIXELS])}, "superpixels is no matrix"),
        ({"maskmat": cell_array([MASKS[0].astype("u1"), np.ones((2, 2))])}, "no list of masks of one size"),
    ],
)
def test_inconsistent_content(tmp_path, changed, said):
    write_mat5(tmp_path / "a.mat", FIELDS | changed)
    assert said in message(tmp_path)


def test_missing_h5py_is_named(tmp_path, monkeypatch):
    write_mat73(tmp_path / "a.mat", FIELDS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"h5py is not installed; install it with: pip install 'empaste\[matlab\]'"):
        read_fields(tmp_path / "a.mat")
