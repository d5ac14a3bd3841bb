"""What was measured is taken as it is, what is of the same kind is scaled and marked, all else stays open."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.costs.cost import Passes
from empaste.costs.flops import traits
from empaste.costs.rates import SHIPPED, Estimate, Rates, core_seconds, gpu_seconds, read_rates, summed
from empaste.errors import InputError

FLOP = traits("resnet18", 0, 64).flop


def row(kind: str, network: str, side: int, seconds: float, flop: int) -> dict[str, Any]:
    return {"kind": kind, "network": network, "width": 0, "side": side, "seconds": seconds, "flop": flop}


def rates(**changes: Any) -> Rates:
    core = {
        "hardware": "a core", "command": "measure", "operations": {"read": 0.5}, "bytes": {"byte": 1.0},
        "networks": [
            row("classifier.forward", "resnet18", 64, 0.25, FLOP),
            row("classifier.forward", "resnet50", 512, 9.0, 10**12),
            row("diffusion.denoise", "some/model", 512, 8.0, 10**9),
        ],
    }  # fmt: skip
    trained = row("detector.v2.training", "resnet18", 64, 0.5, FLOP)
    gpu = {"hardware": "a GPU", "command": "train", "networks": [trained], "flop_per_second": 1e10}
    return Rates.model_validate({"core": core | changes, "gpu": gpu})


def passes(kind: str, network: str, side: int, **changes: Any) -> Passes:
    return replace(Passes(kind, network, side, 4), **changes)


def test_what_was_measured_is_taken_as_it_is() -> None:
    assert core_seconds(passes("classifier.forward", "resnet18", 64), rates()) == Estimate(1.0)


def test_a_width_counts_for_slim_networks_alone() -> None:
    assert core_seconds(passes("classifier.forward", "resnet18", 64, width=32), rates()) == Estimate(1.0)
    measured = rates(networks=[row("classifier.forward", "resnet_slim", 64, 1.0, 9) | {"width": 16}])
    assert not core_seconds(passes("classifier.forward", "resnet_slim", 64, width=16), measured).scaled
    assert core_seconds(passes("classifier.forward", "resnet_slim", 64, width=32), measured).scaled


def test_another_size_is_scaled_from_the_nearest() -> None:
    found = core_seconds(passes("classifier.forward", "resnet18", 128), rates())
    assert found.seconds == pytest.approx(4 * 0.25 * traits("resnet18", 0, 128).flop / FLOP)
    assert found.scaled


@pytest.mark.parametrize(
    "one",
    [
        passes("classifier.training", "resnet18", 64),
        passes("diffusion.denoise", "some/model", 768),
        passes("diffusion.denoise", "another/model", 512),
    ],
)
def test_what_nothing_says_stays_open(one: Passes) -> None:
    assert core_seconds(one, rates()).seconds is None


def test_a_gpu_is_known_in_half_precision_alone() -> None:
    trained = passes("detector.v2.training", "resnet18", 64, half=True)
    assert gpu_seconds(trained, rates()) == Estimate(2.0)
    assert gpu_seconds(replace(trained, half=False), rates()).seconds is None
    assert gpu_seconds(replace(trained, side=128), rates()).scaled
    assert gpu_seconds(passes("classifier.forward", "resnet18", 64, half=True), rates()).seconds is None


def test_a_gpu_denoises_as_fast_as_it_trained() -> None:
    denoised = passes("diffusion.denoise", "some/model", 512, half=True)
    assert gpu_seconds(denoised, rates()) == Estimate(4 * 10**9 / 1e10, scaled=True)
    assert gpu_seconds(replace(denoised, network="another/model"), rates()).seconds is None


def test_words_come_one_after_the_other_on_a_gpu() -> None:
    written = passes("captions.blip.word", "a/blip", 384, half=True)
    measured = rates(networks=[row("captions.blip.word", "a/blip", 384, 1.0, 10**9)])
    assert core_seconds(written, measured) == Estimate(4.0)
    assert gpu_seconds(written, measured).seconds is None


def test_what_was_counted_and_not_timed_is_scaled_by_its_own_operations() -> None:
    counted = row("diffusion.decode", "a/b", 512, 1.0, 2 * FLOP) | {"seconds": None}
    measured = rates(networks=[row("classifier.forward", "resnet18", 64, 0.25, FLOP), counted])
    assert core_seconds(passes("diffusion.decode", "a/b", 512), measured) == Estimate(4 * 0.5, scaled=True)


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([], Estimate(0)),
        ([Estimate(1.0), Estimate(2.0)], Estimate(3.0)),
        ([Estimate(1.0), Estimate(2.0, scaled=True)], Estimate(3.0, scaled=True)),
        ([Estimate(1.0), Estimate(None)], Estimate(1.0, partial=True)),
        ([Estimate(1.0, partial=True), Estimate(1.0)], Estimate(2.0, partial=True)),
        ([Estimate(None)], Estimate(None)),
    ],
)
def test_sums(parts: list[Estimate], whole: Estimate) -> None:
    assert summed(parts) == whole


def test_the_shipped_rates_are_valid_and_name_hardware_and_command() -> None:
    shipped = read_rates()
    assert "python -m benchmarks.stage_rates" in shipped.core.command
    assert "python -m benchmarks.detector_training" in shipped.gpu.command
    assert shipped.core.hardware
    assert shipped.gpu.hardware
    for one in (*shipped.core.networks, *shipped.gpu.networks):
        if one.seconds and one.kind.startswith(("classifier", "segmenter", "detector")):
            assert one.flop == traits(one.network, one.width, one.side).flop


def test_a_file_of_rates_that_is_not_valid_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load(SHIPPED.read_text())
    content["core"]["operations"]["read"] = -1.0
    path = tmp_path / "rates.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(InputError, match=r"core\.operations\.read is -1\.0; input should be greater than 0"):
        read_rates(path)
