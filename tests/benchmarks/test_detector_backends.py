"""The benchmark of the detector's backends on a tiny workspace: it runs, and ends with its figures."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.detector_backends import fewer_regions, main
from empaste.artifacts.shards import Shards
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from tests.detectors.conftest import draw_composites
from tests.optional_packages import needs_detectron2


def test_figures_of_every_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    truth = draw_composites(data / "composites", 4)
    (data / "ground_truth").mkdir()
    (data / "ground_truth" / "val.json").write_text(truth.read_text())
    (data / "images").mkdir()
    for number in range(1, 5):
        (data / "images" / f"{number}.png").write_bytes(Shards(data / "composites").read(f"{number}.png"))
    main(tmp_path, backends="torchvision", architecture="resnet_slim", seeds=2, iterations=2, image_size=64, regions=16,
         proposals=20)  # fmt: skip
    *table, last = capsys.readouterr().out.splitlines()
    assert table[0] == "| backend | mAP50 | mAP75 | CPU seconds per step |"
    assert table[2].startswith("| torchvision | ")
    runs = json.loads(last)["torchvision"]
    assert len(runs) == 2
    assert set(runs[0]) == {"mAP50", "mAP75", "step_seconds"}
    assert all(0 <= one["mAP75"] <= one["mAP50"] <= 100 and np.isfinite(one["step_seconds"]) for one in runs)


@pytest.mark.parametrize("name", ["torchvision", pytest.param("detectron2", marks=needs_detectron2)])
def test_regions_are_bounded_while_it_runs(name: str) -> None:
    network = Network("resnet18", "standard", False, 8, 64, frozen_norm=False, msra=False)
    whole = dict(BACKENDS)
    with fewer_regions(7, 9):
        module: Any = BACKENDS[name].build(network, 2, None)
    if name == "torchvision":
        assert module.roi_heads.fg_bg_sampler.batch_size_per_image == 7
        assert module.rpn.post_nms_top_n() == 2000
        assert module.eval().rpn.post_nms_top_n() == 9
    else:
        assert module.roi_heads.batch_size_per_image == 7
        assert module.proposal_generator.post_nms_topk == {True: 2000, False: 9}
    assert whole == BACKENDS
