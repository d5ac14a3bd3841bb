"""A stage that is asked for numbers in which this CPU is slow says so, once, before it begins."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from empaste.params import Params, load_params
from empaste.precision import SLOW, slow_precision
from stages.runner import stage

ROOT = Path(__file__).parents[1]
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "train": ({"precision": "bfloat16", "device": "cpu"}, "train.precision is bfloat16"),
    "captions": ({"method": "blip", "model": "a", "dtype": "bfloat16", "device": "cpu"}, "captions.dtype is bfloat16"),
    "backgrounds": (
        {"method": "diffusion", "diffusion": {"model": "a", "dtype": "bfloat16"}, "device": "cpu"},
        "backgrounds.diffusion.dtype is bfloat16",
    ),
}
"""Stage → parameters that ask for bfloat16 on a CPU, and how the warning begins."""


@pytest.fixture(autouse=True)
def on_a_cpu_with_avx2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")


def params_with(section: str, changes: dict[str, Any]) -> Params:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    for key, value in changes.items():
        content[section][key] = content[section][key] | value if isinstance(value, dict) else value
    Path("params.yaml").write_text(yaml.safe_dump(content))
    return load_params(Path("params.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_bfloat16_on_a_cpu_without_instructions_for_it(name: str) -> None:
    changes, beginning = CASES[name]
    said = slow_precision(name, params_with(name, changes))
    assert said is not None
    assert said.startswith(
        f"{beginning}, for which this machine's CPU has no fast instructions: a step can take minutes"
    )
    assert said.endswith("set it to float32, or run on a GPU or on a CPU with AVX-512")


@pytest.mark.parametrize("name", CASES)
def test_a_stage_speaks_for_itself_alone(name: str) -> None:
    params = params_with(name, CASES[name][0])
    assert [other for other in ("prepare", "cams", *CASES) if slow_precision(other, params)] == [name]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("train", {}),
        ("train", {"precision": "float32"}),
        ("train", {"device": "cuda"}),
        ("captions", {"method": "labels"}),
        ("captions", {"dtype": "auto"}),
        ("backgrounds", {"method": "inpaint"}),
    ],
)
def test_nothing_is_said_of_other_numbers_methods_and_devices(
    name: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: changes.get("device") == "cuda")
    asked = {**CASES[name][0], **changes} if changes else {}
    assert slow_precision(name, params_with(name, asked)) is None


def test_a_device_that_is_not_there_is_the_stages_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert slow_precision("train", params_with("train", {"precision": "bfloat16", "device": "cuda"})) is None


@pytest.mark.parametrize("capability", ["AVX512", "SVE256"])
def test_nothing_is_said_of_a_cpu_that_has_them(capability: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert capability not in SLOW
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert slow_precision("train", params_with("train", CASES["train"][0])) is None


@pytest.mark.parametrize(("rank", "times"), [(None, 1), ("0", 1), ("1", 0)])
def test_a_stage_warns_before_it_begins_in_one_process(
    rank: str | None, times: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    params_with("train", CASES["train"][0])
    if rank is not None:
        monkeypatch.setenv("RANK", rank)

    @stage("train")
    def main(params: Path = Path("params.yaml")) -> None:
        assert params.exists()
        assert capsys.readouterr().err.count("WARNING: train.precision is bfloat16") == times

    main()
    assert "WARNING" not in capsys.readouterr().err
