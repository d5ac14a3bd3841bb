"""Captions, their substitution, and what became of the backgrounds made from them."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.shards import write_shards
from empaste.artifacts.tables import read_from, write_into
from empaste.backgrounds.inpaint import make
from empaste.backgrounds.reading import read_erased, read_scenes
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.layout import HERE, Layout
from empaste.paper_figures.contexts import MAX_LETTERS, caption_lines, draw_contexts
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.panels import BLUE, INK, ORANGE
from tests.paper_figures.conftest import pictures, texts
from tests.report.conftest import CLASSES, make_run


def test_words_that_differ_are_marked_in_both_lines() -> None:
    above, below = caption_lines("a ball by a tv", "a lion by a lamp")
    assert [(words.text, words.colour, words.bold) for words in above[1:]] == [
        ("a ", INK, False), ("ball", ORANGE, True), (" by a ", INK, False), ("tv", ORANGE, True),
    ]  # fmt: skip
    assert [words.text for words in below if words.bold] == ["lion", "lamp"]
    assert {words.colour for words in below if words.bold} == {BLUE}
    above, below = caption_lines("the same", "the same")
    assert not any(words.bold for words in (*above, *below))


def test_a_caption_that_has_no_room_is_cut_with_a_sign() -> None:
    for line in caption_lines("long " * 60, "longer " * 60):
        text = "".join(words.text for words in line)
        assert len(text) == MAX_LETTERS + 1
        assert text.endswith("…")


def test_a_row_shows_caption_substitution_and_candidates(files: Layout) -> None:
    drawing = draw_contexts(files, Wish())
    assert drawing.caption == "backgrounds made from captions: of images 1"
    found = texts(drawing.figure)
    assert {"caption: ", "a ", "ball", "lion", " <on> grass"} <= set(found)
    assert {"image 1: ball", "kept: p(tv & <monitor>) 0.12", "CLIP 0.31", "p(ball) 0.90"} <= set(found)
    assert "dropped:\na class shows in it" in found
    original, kept = pictures(drawing.figure)
    assert to_hex(kept.spines["left"].get_edgecolor()) == BLUE
    assert not original.spines["left"].get_visible()


def test_images_without_a_background_are_refused(files: Layout, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no background of the images to show; ask for others"):
        draw_contexts(files, Wish(image_ids=(2,)))
    bare = make_run(tmp_path / "bare", backgrounds=False)
    with pytest.raises(InputError, match=r"to show; set backgrounds\.method to another than none, and run: dvc repro"):
        draw_contexts(HERE.below(bare), Wish())


@pytest.fixture
def inpainted(run_folder: Path, tmp_path: Path) -> Layout:
    """The run with two inpainted backgrounds of image 3, the first kept and the second dropped."""
    files = HERE.below(shutil.copytree(run_folder, tmp_path / "run"))
    files.features.mkdir()
    np.save(files.features / "probs.npy", np.zeros((12, 2), np.float32))
    erase = read_erased(files.labels, files.segments, files.features, files.foregrounds, 0.5)
    scene = read_scenes(files.images, files.labels, files.captions, CLASSES, erase)[2]
    kept, _ = make(scene, 2, 0).candidates
    table = read_from(files.backgrounds, Backgrounds).assign(image_id=3, caption_id=-1, prompt="", clip_score=np.nan)
    write_into(files.backgrounds, table, Backgrounds)
    write_shards(files.backgrounds, [("00000000.jpg", encode_rgb(kept.image, ".jpg"))])
    return files


def test_an_inpainting_shows_what_was_erased_and_what_was_dropped(inpainted: Layout) -> None:
    drawing = draw_contexts(inpainted, Wish())
    assert drawing.caption == "backgrounds made without captions: of images 3"
    assert len(pictures(drawing.figure)) == 4
    found = texts(drawing.figure)
    assert "caption: " not in found
    assert any(text.startswith("erased: ") for text in found)
    assert "dropped, a class shows in it:" in " ".join(found)


def test_what_was_made_otherwise_is_not_made_again(inpainted: Layout) -> None:
    other = encode_rgb(np.full((48, 48, 3), 77, np.uint8), ".jpg")
    write_shards(inpainted.backgrounds, [("00000000.jpg", other)])
    drawing = draw_contexts(inpainted, Wish())
    assert len(pictures(drawing.figure)) == 2
    assert "dropped:\na class shows in it" in texts(drawing.figure)


def test_without_a_kept_background_nothing_is_made_again(inpainted: Layout) -> None:
    table = read_from(inpainted.backgrounds, Backgrounds)
    write_into(inpainted.backgrounds, table.assign(selected=False, dropped_by="selection"), Backgrounds)
    drawing = draw_contexts(inpainted, Wish())
    assert isinstance(table, pd.DataFrame)
    assert len(pictures(drawing.figure)) == 1
    assert texts(drawing.figure).count("dropped:\nothers were better") == 2
