"""The published .mat files: every layout gives the same proposals, and other files are refused by name."""

import random
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from scipy.io import savemat

from empaste.errors import InputError
from empaste.proposals import cob, mcg
from empaste.proposals.mat_files import find_file, read_fields
from tests.proposals.sources import cell_array, context_of, section_of, write_mat5, write_mat73

IMAGE = np.zeros((4, 6, 3), np.uint8)
SUPERPIXELS = np.array([[1, 1, 2, 2, 3, 3], [1, 1, 2, 2, 3, 3], [4, 4, 4, 4, 3, 3], [4, 4, 4, 4, 3, 3]], np.uint16)
LABELS = cell_array([np.array([[1, 2]], np.uint32), np.array([[4]], np.uint32), np.array([[1], [3]], np.uint32)])
FIELDS = {"superpixels": SUPERPIXELS, "labels": LABELS, "scores": np.array([[0.2], [1.4], [-0.3]])}
BEST_FIRST = [[4], [1, 2], [1, 3]]
MASKS = np.stack([np.isin(SUPERPIXELS, labels) for labels in [[1, 2], [4], [1, 3]]])

WRITERS = pytest.mark.parametrize("write", [write_mat5, write_mat73])

Write = Callable[[Path, dict[str, Any]], None]


def read(
    folder: Path, name: str = "2007_000032.jpg", image: np.ndarray = IMAGE, num_best: int = 100
) -> tuple[np.ndarray, np.ndarray]:
    settings = section_of(mcg.METHOD, root=str(folder), num_best=num_best)
    return mcg.METHOD.propose(image, settings, context_of(file_name=name))


def check(masks: np.ndarray, scores: np.ndarray) -> None:
    assert [sorted(set(SUPERPIXELS[mask])) for mask in masks] == BEST_FIRST
    assert np.allclose(scores, [1, 2 / 3, 1 / 3])


@WRITERS
@pytest.mark.parametrize("struct", [None, "proposals", "candidates"])
def test_superpixels_and_labels(tmp_path: Path, write: Write, struct: str | None) -> None:
    write(tmp_path / "2007_000032.mat", {struct: FIELDS} if struct else FIELDS)
    check(*read(tmp_path))


@WRITERS
def test_masks_as_a_cell_array_or_as_one_array(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.mat", {"maskmat": cell_array([mask.astype(np.uint8) for mask in MASKS])})
    write(tmp_path / "b.mat", {"maskmat": MASKS.astype(np.uint8)})
    for name in ("a.jpg", "b.jpg"):
        masks, scores = read(tmp_path, name)
        assert np.array_equal(masks, MASKS)
        assert np.allclose(scores, [1, 2 / 3, 1 / 3])


def test_both_sources_read_alike(tmp_path: Path) -> None:
    write_mat5(tmp_path / "2007_000032.mat", FIELDS)
    check(*cob.METHOD.propose(IMAGE, section_of(cob.METHOD, root=str(tmp_path), num_best=9), context_of()))


def test_names_of_2014_are_found(tmp_path: Path) -> None:
    write_mat5(tmp_path / "COCO_val2014_000000000042.mat", FIELDS)
    check(*read(tmp_path, "000000000042.jpg"))


def test_only_the_best_are_read(tmp_path: Path) -> None:
    write_mat5(tmp_path / "a.mat", FIELDS)
    masks, scores = read(tmp_path, "a.jpg", num_best=2)
    assert [sorted(set(SUPERPIXELS[mask])) for mask in masks] == BEST_FIRST[:2]
    assert scores.tolist() == [1, 0.5]


@WRITERS
def test_one_proposal_of_the_whole_image(tmp_path: Path, write: Write) -> None:
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
def test_no_proposals(tmp_path: Path, write: Write) -> None:
    write(
        tmp_path / "a.mat",
        {"superpixels": SUPERPIXELS, "labels": np.empty((0, 1), object), "scores": np.zeros((0, 1))},
    )
    masks, scores = read(tmp_path, "a.jpg")
    assert masks.shape == (0, 4, 6)
    assert scores.shape == (0,)


@WRITERS
def test_empty_and_equal_proposals_are_left_out(tmp_path: Path, write: Write) -> None:
    labels = cell_array([np.array([[2]]), np.zeros((1, 0)), np.array([[2]])])
    write(tmp_path / "a.mat", {"superpixels": SUPERPIXELS, "labels": labels})
    masks, scores = read(tmp_path, "a.jpg")
    assert np.array_equal(masks, [SUPERPIXELS == 2])
    assert scores.tolist() == [1]


def message(folder: Path, name: str = "a.jpg", image: np.ndarray = IMAGE) -> str:
    with pytest.raises(InputError) as raised:
        read(folder, name, image)
    return str(raised.value)


def test_missing_folder_and_missing_file(tmp_path: Path) -> None:
    assert "proposals.mcg.root is" in message(tmp_path / "none")
    write_mat5(tmp_path / "b.mat", FIELDS)
    text = message(tmp_path)
    assert "has no a.mat for the image a.jpg (1 .mat files lie in it)" in text


@WRITERS
@pytest.mark.parametrize("key", ["superpixels", "maskmat"])
def test_file_of_another_data_set(tmp_path: Path, write: Write, key: str) -> None:
    write(tmp_path / "a.mat", FIELDS if key == "superpixels" else {"maskmat": MASKS.astype(np.uint8)})
    text = message(tmp_path, image=np.zeros((6, 4, 3), np.uint8))
    assert "about an image of 4 × 6 pixels (height × width), the image of the data set has 6 × 4" in text
    assert "prepare.max_side" in text


def test_the_exact_name_wins_then_another_case_or_form(tmp_path: Path) -> None:
    for name in ("B.MAT", "COCO_val2014_b.mat", unicodedata.normalize("NFD", "é.mat")):
        write_mat5(tmp_path / name, FIELDS)
    assert find_file(tmp_path, "é.jpg", "k").name == unicodedata.normalize("NFD", "é.mat")
    assert find_file(tmp_path, "b.jpg", "k").name == "COCO_val2014_b.mat"
    assert find_file(tmp_path, "coco_VAL2014_b.jpg", "k").name == "COCO_val2014_b.mat"
    (tmp_path / "COCO_val2014_b.mat").unlink()
    assert find_file(tmp_path, "b.jpg", "k").name == "B.MAT"
    write_mat5(tmp_path / "b.mat", FIELDS)
    assert find_file(tmp_path, "b.jpg", "k").name == "b.mat"


def test_several_files_that_could_be_meant_are_listed(tmp_path: Path) -> None:
    for name in ("COCO_train2014_a.mat", "COCO_val2014_a.mat", "B.mat", "b.MAT"):
        write_mat5(tmp_path / name, FIELDS)
    assert "several files for the image a.jpg: COCO_train2014_a.mat, COCO_val2014_a.mat; keep" in message(tmp_path)
    assert "several files for the image b.jpg: B.mat, b.MAT; keep one, or name the right one b.mat" in message(
        tmp_path, "b.jpg"
    )


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ({"proposals": FIELDS, "candidates": FIELDS}, "proposals, candidates"),
        (FIELDS | {"candidates": FIELDS}, "the file itself, candidates"),
    ],
)
def test_proposals_in_several_places(tmp_path: Path, content: dict[str, Any], places: str) -> None:
    write_mat5(tmp_path / "a.mat", content)
    assert f"a.mat holds proposals in several places: {places}; keep one of them" in message(tmp_path)


def test_a_struct_of_several_is_no_file_of_one_image(tmp_path: Path) -> None:
    several = np.zeros((1, 2), [(name, object) for name in FIELDS])
    for name, value in FIELDS.items():
        several[name][0, 0] = several[name][0, 1] = value
    write_mat5(tmp_path / "a.mat", {"proposals": several})
    assert "a.mat holds proposals of the published variables" in message(tmp_path)


def test_what_else_a_file_holds_does_not_matter(tmp_path: Path) -> None:
    others = {"note": "by MCG", "sparse": scipy.sparse.eye(3), "waves": np.array([[1j]]), "flag": np.array([[True]])}
    write_mat5(tmp_path / "a.mat", {"proposals": FIELDS | others, **others})
    check(*read(tmp_path, "a.jpg"))


@WRITERS
def test_file_of_another_kind(tmp_path: Path, write: Write) -> None:
    write(tmp_path / "a.mat", {"ucm2": np.zeros((9, 13)), "bboxes": np.zeros((3, 4))})
    text = message(tmp_path)
    assert "a.mat holds" in text
    assert "proposals hold superpixels and labels, or maskmat" in text


@pytest.mark.parametrize(
    "content",
    [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 8\n" * 4, b"<html>", bytes(600)],
    ids=["empty", "pointer", "page", "zeros"],
)
def test_no_mat_file_at_all(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mat").write_bytes(content)
    text = message(tmp_path)
    assert "a.mat" in text
    assert "download" in text


@WRITERS
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_truncated_file(tmp_path: Path, write: Write, share: float) -> None:
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
        ({"superpixels": SUPERPIXELS / 2}, "superpixels is no matrix of labels"),
        ({"superpixels": np.full((4, 6), np.nan)}, "superpixels is no matrix of labels"),
        ({"superpixels": np.full((4, 6), 1e12)}, "superpixels is no matrix of labels"),
        ({"superpixels": -SUPERPIXELS.astype(int)}, "superpixels is no matrix of labels"),
        ({"superpixels": np.zeros((4, 6, 2))}, "superpixels is no matrix of labels"),
        ({"superpixels": "text"}, "superpixels is no matrix of labels"),
        ({"labels": np.ones((3, 2))}, "labels is no cell array of lists of numbers"),
        ({"labels": cell_array(["a", "b", "c"])}, "labels is no cell array of lists of numbers"),
        ({"labels": cell_array([np.array([[1.5]])] * 3)}, "superpixels beyond those there are, 1 … 4"),
        ({"labels": cell_array([np.array([[np.nan]])] * 3)}, "superpixels beyond those there are, 1 … 4"),
        ({"scores": "high"}, "scores has 0 finite numbers for 3 proposals"),
        ({"maskmat": "text"}, "no list of masks of one size"),
        ({"maskmat": MASKS[0].astype("u1")}, "no list of masks of one size"),
        ({"maskmat": cell_array(["a"])}, "no list of masks of one size"),
        ({"maskmat": cell_array([MASKS[0].astype("u1"), np.ones((2, 2))])}, "no list of masks of one size"),
    ],
)
def test_inconsistent_content(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    write_mat5(tmp_path / "a.mat", FIELDS | changed)
    assert said in message(tmp_path)


def test_missing_h5py_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mat73(tmp_path / "a.mat", FIELDS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"h5py is not installed; install it with: uv pip install -e '\.\[matlab\]'"):
        read_fields(tmp_path / "a.mat")


def damaged(data: bytes, rng: random.Random) -> bytes:
    """``data`` with a few bytes changed, left out or repeated, or its end cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        place = rng.randrange(len(changed))
        end = place + rng.randrange(1, 48)
        changed[place:end] = rng.choice(
            [bytes([rng.randrange(256)]), b"\xff" * 4, bytes(4), b"", changed[place:end] * 2, b"\x00\x00\x00\x7f"]
        )
        if rng.random() < 0.05:
            del changed[rng.randrange(128, max(129, len(changed))) :]
    return bytes(changed) or b"0"


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Never another exception, never the end of the process."""
    rng = random.Random(seed)
    write, fields = [(write_mat5, FIELDS), (write_mat73, FIELDS)][seed % 2]
    if seed == 4:
        savemat(tmp_path / "a.mat", fields, do_compression=False)
    else:
        write(tmp_path / "a.mat", {"proposals": fields} if seed < 2 else fields)
    data = (tmp_path / "a.mat").read_bytes()
    outcomes = set()
    for _ in range(150):
        (tmp_path / "a.mat").write_bytes(damaged(data, rng))
        try:
            masks, scores = read(tmp_path, "a.jpg")
        except InputError as error:
            outcomes.add("refused" if "a.mat" in str(error) else str(error))
        else:
            assert masks.shape == (len(scores), 4, 6)
            outcomes.add("read")
    assert "refused" in outcomes
    assert outcomes <= {"refused", "read"}
