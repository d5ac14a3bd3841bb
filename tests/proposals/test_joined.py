"""Methods joined: ranks, what they have in common, and lists and files that are refused."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from empaste.artifacts.image_keys import NamedImage
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.overlaps import mask_ious
from empaste.per_process import PerProcess
from empaste.proposals import METHODS, joined
from empaste.proposals.method import Context
from empaste.proposals.recall import images_without
from empaste.proposals.settings import (
    ProposalsSettings,
    network_loaders,
    num_processes,
    running_methods,
    supervision,
    with_method,
)
from empaste.proposals.suppression import best_unlike
from empaste.proposals.table import match_images, propose_image, seen_side
from empaste.settings import load_settings
from tests.proposals.sources import SHIPPED, context_of, prepare, section_of

IMAGE = np.zeros((10, 10, 3), np.uint8)
ALL: dict[str, Any] = {"min_area": 0.0, "max_extent": 2.0, "max_side": 0}


Given = dict[str, Sequence[tuple[np.ndarray, float]]]


def rows(*numbers: int) -> np.ndarray:
    """The mask of these rows of `IMAGE`."""
    mask = np.zeros((10, 10), bool)
    mask[list(numbers)] = True
    return mask


def join(
    monkeypatch: pytest.MonkeyPatch, given_by: Given, max_iou: float = 0.5
) -> tuple[list[bytes], list[float], dict[str, int]]:
    """The masks and scores of the join of methods that give these segments, and what is noted of each method."""
    for name, segments in given_by.items():
        masks = np.array([mask for mask, _ in segments], bool).reshape(-1, 10, 10)
        scores = np.array([score for _, score in segments], float)
        found = replace(METHODS[name], propose=lambda *_, masks=masks, scores=scores: (masks, scores))
        monkeypatch.setitem(METHODS, name, found)
    context = context_of(**ALL)._replace(found={})
    section = section_of(joined.METHOD, methods=list(given_by), max_iou=max_iou)
    masks, scores = joined.propose(IMAGE, section, context)
    return [mask.tobytes() for mask in masks], scores.tolist(), context.found or {}


def test_scores_are_ranks_within_each_method(monkeypatch: pytest.MonkeyPatch) -> None:
    slic = [(rows(0), 0.01), (rows(1), 0.03), (rows(2), 0.02), (rows(3), 0.0)]
    sam = [(rows(5), 0.99), (rows(6), 0.98)]
    masks, scores, found = join(monkeypatch, {"slic": slic, "sam": sam})
    order = [rows(1), rows(5), rows(2), rows(0), rows(6), rows(3)]
    assert masks == [mask.tobytes() for mask in order]
    assert scores == [1, 1, 0.75, 0.5, 0.5, 0.25]
    assert found == {"slic": 4, "sam": 2}


def test_of_what_is_common_the_better_rank_stays_and_then_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    slic = [(rows(0, 1, 2), 0.9), (rows(4, 5, 6, 7), 0.8)]
    sam = [(rows(4, 5, 6), 0.9), (rows(0, 1), 0.8)]
    masks, scores, found = join(monkeypatch, {"slic": slic, "sam": sam})
    assert masks == [rows(0, 1, 2).tobytes(), rows(4, 5, 6).tobytes()]
    assert scores == [1, 1]
    assert found == {"slic": 2, "sam": 2}
    same = [(rows(0, 1, 2, 3), 0.1)], [(rows(0, 1, 2), 0.9)]
    assert join(monkeypatch, {"slic": same[0], "sam": same[1]})[0] == [rows(0, 1, 2, 3).tobytes()]
    assert join(monkeypatch, {"sam": same[1], "slic": same[0]})[0] == [rows(0, 1, 2).tobytes()]


@pytest.mark.parametrize(("max_iou", "num"), [(0.74, 1), (0.75, 2), (1.0, 2)])
def test_the_limit_itself_is_allowed(monkeypatch: pytest.MonkeyPatch, max_iou: float, num: int) -> None:
    pair: Given = {"slic": [(rows(0, 1, 2, 3), 1.0)], "sam": [(rows(0, 1, 2), 1.0)]}
    assert len(join(monkeypatch, pair, max_iou)[0]) == num


def test_equal_masks_stay_once_whatever_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    same = [(rows(0), 1.0)]
    assert len(join(monkeypatch, {"slic": same, "sam": same}, 1.0)[0]) == 1


def test_a_method_that_finds_nothing_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    masks, scores, found = join(monkeypatch, {"slic": [], "sam": [(rows(3), 0.2)]})
    assert (masks, scores) == ([rows(3).tobytes()], [1])
    assert found == {"slic": 0, "sam": 1}
    assert join(monkeypatch, {"slic": [], "sam": []}) == ([], [], {"slic": 0, "sam": 0})


def test_what_the_filters_drop_takes_no_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole image is never eligible; the segment after it is the first."""
    _, scores, found = join(monkeypatch, {"slic": [(rows(*range(10)), 0.9), (rows(1), 0.8)]})
    assert scores == [1]
    assert found == {"slic": 1}


def test_images_in_which_a_method_found_nothing_are_counted() -> None:
    found = [{"slic": 3, "cutout": 0}, {"slic": 1, "cutout": 2}, {"slic": 0, "cutout": 0}]
    assert images_without(found) == {"slic": 1, "cutout": 2}
    assert images_without([{}, {}]) == images_without([]) == {}


@hypothesis_settings(deadline=None)
@given(
    st.lists(st.lists(st.booleans(), min_size=9, max_size=9).filter(any), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
    st.floats(0, 1),
)
def test_no_two_are_alike_and_what_is_left_out_resembles_a_better_one(
    bits: list[list[bool]], seed: int, max_iou: float
) -> None:
    masks = np.array(bits).reshape(-1, 3, 3)
    scores = np.random.default_rng(seed).integers(0, 4, len(masks)) / 4
    kept = best_unlike(masks, scores, max_iou)
    rles = [encode_mask(mask) for mask in masks]
    alike = (ious := mask_ious(rles, rles)) > max_iou
    alike |= ious == 1
    assert not (alike[np.ix_(kept, kept)] & ~np.eye(len(kept), dtype=bool)).any()
    assert (np.diff(scores[kept]) <= 0).all()
    for index in set(range(len(masks))) - set(kept.tolist()):
        assert any(alike[index, better] and scores[better] >= scores[index] for better in kept)


def settings_of(methods: Sequence[str], **sections: dict[str, Any]) -> ProposalsSettings:
    own = {"joined": {"methods": list(methods), "max_iou": 0.9}} | sections
    changed = {name: section_of(METHODS[name], **changes) for name, changes in own.items()}
    return SHIPPED.model_copy(update={"method": "joined", **changed})


@pytest.mark.parametrize("seed", range(3))
def test_one_method_joined_gives_what_it_gives_alone(tmp_path: Path, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8).repeat(50, 0).repeat(50, 1)
    write_rgb(tmp_path / "a.png", image)
    alone = propose_image((1, tmp_path / "a.png"), with_method(SHIPPED, "slic")).rows
    settings = settings_of(["slic"], joined={"methods": ["slic"], "max_iou": 1.0})
    rows, found = propose_image((1, tmp_path / "a.png"), settings)
    assert rows.drop(columns="score").equals(alone.drop(columns="score"))
    assert rows["score"].tolist() == [1 - rank / len(alone) for rank in range(len(alone))]
    assert found == {"slic": len(alone)}


def test_each_joined_method_runs_its_own_network_which_is_loaded_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded: list[str] = []

    def add(name: str, number: int) -> None:
        def load(section: Any) -> np.ndarray:
            loaded.append(section.model)
            columns: np.ndarray = np.arange(100) % 10 == number
            return columns

        def propose(image: np.ndarray, _: Any, context: Context) -> tuple[np.ndarray, np.ndarray]:
            return np.tile(context.network(), (1, image.shape[0], 1)), np.ones(1)

        monkeypatch.setitem(METHODS, name, replace(METHODS[name], propose=propose, load=load))

    add("sam", 2)
    add("mask2former", 7)
    settings = settings_of(["sam", "slic", "mask2former"], sam={"model": "a"}, mask2former={"model": "b"})
    networks = {name: PerProcess(load) for name, load in network_loaders(settings).items()}
    assert list(networks) == ["sam", "mask2former"]
    write_rgb(tmp_path / "a.png", np.zeros((40, 100, 3), np.uint8))
    for _ in range(2):
        rows, found = propose_image((1, tmp_path / "a.png"), settings, networks=networks)
        assert found == {"sam": 1, "slic": found["slic"], "mask2former": 1}
        assert {2, 7} <= set(rows["x"])
    assert loaded == ["a", "b"]


def test_each_method_sees_the_image_at_its_own_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sizes: dict[str, tuple[int, ...]] = {}

    def look(name: str) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
        def propose(image: np.ndarray, *_: Any) -> tuple[np.ndarray, np.ndarray]:
            sizes[name] = image.shape[:2]
            left = np.arange(image.shape[1]) < image.shape[1] // (2 + len(sizes))
            return np.tile(left, (1, image.shape[0], 1)), np.ones(1)

        return propose

    for name in ("slic", "gca10", "mcg"):
        monkeypatch.setitem(METHODS, name, replace(METHODS[name], propose=look(name)))
    write_rgb(tmp_path / "a.png", np.zeros((200, 400, 3), np.uint8))
    both = settings_of(["slic", "gca10"])
    assert seen_side(both) == 256
    assert set(propose_image((1, tmp_path / "a.png"), both).rows["width"]) == {400}
    assert sizes == {"slic": (128, 256), "gca10": (80, 160)}
    with_files = settings_of(["slic", "mcg"], mcg={"root": "unseen"})
    assert seen_side(with_files) == 0
    sizes.clear()
    propose_image((1, tmp_path / "a.png"), with_files)
    assert sizes == {"slic": (128, 256), "mcg": (200, 400)}


def test_what_is_said_of_a_join_is_said_of_each_method() -> None:
    weak, strong = settings_of(["slic", "hierarchical"]), settings_of(["slic", "sam"])
    assert [method.name for method in running_methods(strong)] == ["slic", "sam"]
    assert supervision(weak) == "slic: nothing; hierarchical: nothing"
    assert supervision(strong) == "slic: nothing; sam: masks (SA-1B)"
    assert supervision(with_method(SHIPPED, "slic")) == "nothing"
    assert (num_processes(weak), num_processes(strong)) == (None, 1)


@pytest.mark.parametrize(
    ("methods", "said"),
    [
        ([], "proposals.joined.methods is []; list should have at least 1 item"),
        (["slic", "sam", "slic"], "proposals.joined.methods is ['slic', 'sam', 'slic']; slic is listed more than once"),
        (["slic", "joined"], "proposals.joined.methods lists 'joined'; choose from hierarchical, entity_like"),
        (["slik"], "proposals.joined.methods lists 'slik'; choose from hierarchical, entity_like"),
        (["slic", "cutout"], "proposals.cutout.model is null, but method cutout needs it; set proposals.cutout.model"),
        (["mcg"], "proposals.mcg.root is null, but method mcg needs it; set proposals.mcg.root"),
    ],
)
def test_other_lists_are_refused(params_file: Path, methods: list[str], said: str) -> None:
    content = yaml.safe_load(params_file.read_text())
    content["proposals"].update(method="joined", joined={"methods": methods, "max_iou": 0.9})
    params_file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError) as raised:
        load_settings(params_file, "proposals", ProposalsSettings)
    assert said in str(raised.value)
    assert "choose from" not in said or "joined," not in str(raised.value)


def test_a_list_is_checked_before_it_is_chosen(params_file: Path) -> None:
    content = yaml.safe_load(params_file.read_text())
    content["proposals"]["joined"]["methods"] = ["slik"]
    params_file.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"proposals\.joined\.methods lists 'slik'"):
        load_settings(params_file, "proposals", ProposalsSettings)


def test_an_image_that_one_method_lacks_names_the_method(tmp_path: Path) -> None:
    settings = settings_of(["slic", "mcg"], mcg={"root": str(tmp_path)})
    with pytest.raises(InputError) as raised:
        joined.propose(IMAGE, METHODS["joined"].section(settings), Context(settings, 1, "a.jpg"))
    said = str(raised.value)
    assert said.startswith("mcg, which proposals.joined.methods lists: proposals.mcg.root, ")
    assert "has no a.mat for the image a.jpg" in said


def test_the_file_of_a_joined_method_is_compared_with_all_images(tmp_path: Path) -> None:
    """Of two images the file has one: the other has the segments of the other method alone."""
    image = np.full((40, 48, 3), 90, np.uint8)
    image[10:30, 10:30] = (200, 30, 30)
    own = prepare("coco_results", tmp_path, image)
    settings = settings_of(["slic", "coco_results"], coco_results=own)
    images = [NamedImage(number, f"train/{number}.png", "train") for number in (1, 2)]
    keys, said = match_images(settings, images)
    assert keys == {"coco_results": {1: ["1"]}}
    assert any("has no result for 1 of 2 training images: train/2.png" in line for line in said)
    found = []
    for number in (1, 2):
        write_rgb(tmp_path / f"{number}.png", image)
        found.append(propose_image((number, tmp_path / f"{number}.png"), settings, keys).found["coco_results"])
    assert found == [9, 0]
    other = json.loads(Path(own["file"]).read_text())
    (tmp_path / "other.json").write_text(json.dumps([row | {"image_id": 77} for row in other]))
    settings = settings_of(["slic", "coco_results"], coco_results={"file": str(tmp_path / "other.json")})
    with pytest.raises(InputError, match=r"proposals\.coco_results\.file .* is about none of the 2 images"):
        match_images(settings, images)
