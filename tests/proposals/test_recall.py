"""Recall on instances drawn by hand."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.artifacts.truth import GroundTruth, TrueInstance
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import encode_mask
from empaste.per_process import PerProcess
from empaste.proposals import METHODS, felzenszwalb
from empaste.proposals.method import Context
from empaste.proposals.recall import (
    Measured,
    Scene,
    Source,
    instance_ious,
    known_scenes,
    measure_sources,
    proposal_metrics,
    recall_table,
)
from empaste.proposals.settings import network_loaders
from tests.proposals.sources import context_of, section_of


def box_mask(left: int, right: int) -> np.ndarray:
    mask = np.zeros((10, 10), bool)
    mask[:, left:right] = True
    return mask


def segments_of(*entries: tuple[int, tuple[int, int]]) -> pd.DataFrame:
    rows = [(image_id, encode_mask(box_mask(*box))["counts"], 10, 10) for image_id, box in entries]
    return pd.DataFrame(rows, columns=["image_id", "counts", "height", "width"])


def truth_of(*entries: tuple[int, tuple[int, int]], crowd: bool = False) -> GroundTruth:
    return GroundTruth(
        TrueInstance(image_id, 1, number, encode_mask(box_mask(*box)), box_mask(*box).sum(), crowd)
        for number, (image_id, box) in enumerate(entries)
    )


def test_best_segment_of_the_same_image_counts() -> None:
    segments = segments_of((1, (0, 6)), (1, (0, 5)), (2, (0, 4)))
    assert instance_ious(segments, truth_of((1, (0, 5)), (2, (0, 8)), (3, (0, 5)))).tolist() == [1.0, 0.5, 0.0]


def test_metrics_in_percent() -> None:
    segments = segments_of((1, (0, 5)), (2, (0, 4)))
    metrics = proposal_metrics(segments, truth_of((1, (0, 5)), (2, (0, 8)), (3, (0, 5))), num_images=4)
    assert metrics == {"recall50": 66.67, "recall70": 33.33, "segments_per_image": 0.5, "images_without_segments": 2}


def test_without_ground_truth_recall_is_not_measured() -> None:
    metrics = proposal_metrics(segments_of((1, (0, 5))), truth_of(), num_images=1)
    assert metrics == {"recall50": None, "recall70": None, "segments_per_image": 1.0, "images_without_segments": 0}


def test_crowds_do_not_count() -> None:
    assert instance_ious(segments_of((1, (0, 5))), truth_of((1, (0, 5)), crowd=True)).size == 0


def paths(count: int) -> dict[int, Path]:
    return {number: Path(f"images/{number}.png") for number in range(1, count + 1)}


def test_scenes_are_images_with_a_large_enough_instance() -> None:
    truth = truth_of((1, (0, 5)), (1, (0, 1)), (3, (0, 1)), (4, (2, 4)))
    scenes = known_scenes(paths(4), truth, 0.2, num_images=0)
    assert [(scene.image_id, scene.path, len(scene.instances)) for scene in scenes] == [
        (1, Path("images/1.png"), 1),
        (4, Path("images/4.png"), 1),
    ]


def test_a_sample_is_spread_over_the_data_set() -> None:
    truth = truth_of(*((number, (0, 5)) for number in range(1, 8)))
    assert [s.image_id for s in known_scenes(paths(7), truth, 0.0, num_images=3)] == [1, 4, 7]
    assert len(known_scenes(paths(7), truth, 0.0, num_images=50)) == 7


def test_recall_needs_masks() -> None:
    with pytest.raises(InputError, match=r"holds no mask of at least 1\.0% of its image; recall needs masks"):
        known_scenes(paths(2), truth_of(), 0.01, 0)


def test_sources_are_measured_on_one_image(tmp_path: Path, disc_image: np.ndarray, disc_mask: np.ndarray) -> None:
    write_rgb(tmp_path / "a.png", disc_image)
    scene = Scene(1, tmp_path / "a.png", [encode_mask(disc_mask)])
    filters: dict[str, Any] = {"max_side": 0, "min_area": 0.01, "max_extent": 1.1, "max_segments": 9}
    section = section_of(felzenszwalb.METHOD, scales=[200.0], sigma=0.5, min_size=40)
    context = context_of(method="felzenszwalb", felzenszwalb=section, **filters)
    [measured] = measure_sources(scene, [Source(context.settings)])
    assert measured.source == "felzenszwalb"
    assert measured.num_segments > 0
    assert measured.ious.shape == (1,)
    assert measured.ious[0] > 0.8
    assert measured.seconds > 0


def test_loading_a_network_is_no_part_of_an_image_s_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, disc_image: np.ndarray, disc_mask: np.ndarray
) -> None:
    def load(_section: Any) -> str:
        began = time.process_time()
        while time.process_time() - began < 0.5:
            pass
        return "network"

    def propose(_image: np.ndarray, _section: Any, context: Context) -> tuple[np.ndarray, np.ndarray]:
        assert context.network() == "network"
        return disc_mask[None], np.ones(1)

    monkeypatch.setitem(METHODS, "sam", replace(METHODS["sam"], load=load, propose=propose))
    write_rgb(tmp_path / "a.png", disc_image)
    settings = context_of(method="sam").settings
    networks = {name: PerProcess(one) for name, one in network_loaders(settings).items()}
    scene = Scene(1, tmp_path / "a.png", [encode_mask(disc_mask)])
    [measured] = measure_sources(scene, [Source(settings, networks=networks)])
    assert (measured.num_segments, measured.ious.tolist()) == (1, [1.0])
    assert measured.seconds < 0.4


def test_table_counts_instances_and_images_by_part() -> None:
    first = Measured("slic", Path("voc_1.png"), np.array([0.9, 0.6]), 10, 0.1)
    second = Measured("slic", Path("other.png"), np.array([0.4]), 20, 0.3)
    lines = recall_table([first, second], {"voc": {"voc_1.png"}, "both": {"voc_1.png", "other.png"}}).splitlines()
    assert lines[2:] == ["| slic | 66.7 / 33.3; 50.0 | 100.0 / 50.0; 100.0 | 66.7 / 33.3; 50.0 | 15 | 200 |"]
