"""A run's forecast: its lines, what it lacks, and what is refused."""

import shutil
from pathlib import Path

import pytest

from empaste.costs import forecast as forecast_module
from empaste.costs.cost import Cost, Passes, Task
from empaste.costs.forecast import Line, make_forecast, make_line, operation_seconds
from empaste.costs.rates import Estimate, read_rates
from empaste.costs.stages import STAGES
from empaste.costs.table import render
from empaste.errors import InputError
from tests.costs.shipped import TOP
from tests.datasets.layouts import ROWS, write_folder, write_voc

PRESETS = sorted(path.stem for path in (TOP / "presets").glob("*.yaml"))
RATES = read_rates()
OPEN = {"photos_gpu": ["refine", "train", "evaluate"]}
"""Its contours at 512 pixels and its standard heads were not measured."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository, and nothing in any cache."""
    shutil.copy(TOP / "params.yaml", tmp_path)
    (tmp_path / "presets").symlink_to(TOP / "presets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.parametrize("preset", PRESETS)
def test_shipped_presets_have_rates_for_all_that_they_do(workspace: Path, preset: str) -> None:
    root = [f"prepare.root={write_folder(workspace / 'mine', ROWS)}"] if preset.startswith("photos") else []
    found = make_forecast(["voc", preset] if preset == "long_tail" else [preset], root)
    assert [line.stage for line in found.lines] == list(STAGES)
    still_open = [line.stage for line in found.lines if line.core.seconds is None or line.core.partial]
    assert still_open == OPEN.get(preset, [])


@pytest.mark.parametrize("preset", ["voc", "coco"])
def test_the_recipes_show_the_plan_that_is_printed(monkeypatch: pytest.MonkeyPatch, preset: str) -> None:
    monkeypatch.setenv("EMPASTE_WORKERS", "2")
    lines = list(render(make_forecast([preset], [])))
    plan = "\n".join(lines[: lines.index("To download:")]).rstrip()
    assert f"```\n{plan}\n```" in (TOP / "docs" / "recipes.md").read_text()


def test_the_workspaces_parameters_are_what_is_meant_without_a_preset() -> None:
    found = make_forecast([], ["prepare.num_train=20", "prepare.num_val=5", "prepare.image_size=64"])
    assert found.title == "params.yaml"
    assert (found.data.counts.train, found.lacks, found.lacks_data, found.downloads) == (20, (), False, ())


def test_settings_win_over_presets() -> None:
    found = make_forecast(["smoke"], ["train.iterations=7"])
    assert next(line for line in found.lines if line.stage == "train").cost.steps == 7


def test_a_data_set_that_is_not_here_is_lacking_with_what_brings_it() -> None:
    for root, said in (([], "prepare.root is not set"), (["prepare.root=/absent"], "'/absent' does not exist")):
        found = make_forecast(["voc"], root)
        assert found.lacks_data
        assert found.lacks[0].startswith(f"the data set voc: {said}; run: wget http")
        assert "trainaug.txt" in found.lacks[0]


def test_a_data_set_that_is_here_is_counted(workspace: Path) -> None:
    write_voc(workspace)
    found = make_forecast(["voc"], ["prepare.root=VOCdevkit"])
    assert found.data.counts.train == 2
    assert not found.lacks_data
    assert not any("data set" in one for one in found.lacks)


def test_packages_and_files_that_are_missing_are_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "empaste.doctor.parameters.is_installed", lambda name: name not in ("diffusers", "transformers")
    )
    found = make_forecast(["voc"], ["classifier.weights=absent/r50.pth"])
    assert "backgrounds by diffusion need diffusers: uv pip install -e '.[generative]'" in found.lacks
    assert any(one.startswith("captions.method blip needs transformers: uv pip install") for one in found.lacks)
    assert any(one.startswith("classifier.weights names 'absent/r50.pth', but there is no such") for one in found.lacks)


@pytest.mark.parametrize(
    ("presets", "settings", "said"),
    [
        (["vocc"], [], "there is no preset 'vocc' in presets/; choose from coco"),
        (["voc"], ["train.iteration=5"], "--set: train.iteration is no parameter; did you mean train.iterations?"),
        (["voc"], ["train.iterations=0"], "params.yaml: train.iterations is 0; input should be greater"),
        (["photos"], [], "is one's own, and prepare.root is not set; add --set prepare.root=FOLDER"),
        (["photos"], ["prepare.root=/absent"], "'/absent', which does not exist, so that its images"),
        ([], ["prepare.root=/data/mine"], "'/data/mine', but prepare.dataset is demo, which is drawn"),
        (["voc"], ["prepare.root=presets"], "is no VOC devkit"),
        (["coco"], ["prepare.root=presets"], "holds no annotations of the split train"),
        (["coco"], ["prepare.root=params.yaml"], "prepare.root is 'params.yaml', which is a file"),
        (["voc"], ["classifier.weights=V7"], "classifier.weights is 'V7', no weights of resnet50"),
    ],
)  # fmt: skip
def test_what_is_refused(presets: list[str], settings: list[str], said: str) -> None:
    with pytest.raises(InputError) as found:
        make_forecast(presets, settings)
    assert said in str(found.value)


def test_a_line_adds_up_passes_and_tasks() -> None:
    rate = next(one for one in RATES.core.networks if one.kind == "classifier.forward")
    assert rate.seconds
    seen = Passes(rate.kind, rate.network, rate.side, 3, rate.width)
    line = make_line("cams", Cost(passes=(seen,), tasks=(Task("read", 2),), written=(Task("byte", 7),)), RATES)
    assert line.passes == (Estimate(3 * rate.seconds),)
    assert line.core == Estimate(3 * rate.seconds + 2 * RATES.core.operations["read"])
    assert line.gpu == Estimate(None)
    assert line.disk_bytes == 7


def test_a_line_with_an_open_pass_is_known_in_part_and_one_without_passes_is_none_of_a_gpu() -> None:
    unknown = Passes("proposals.sam", "a/sam", 1024, 3)
    read = Task("read", 2)
    assert make_line("proposals", Cost(passes=(unknown,), tasks=(read,)), RATES).core.partial
    assert make_line("proposals", Cost(passes=(unknown,)), RATES).core.seconds is None
    assert make_line("report", Cost(), RATES) == Line("report", Cost(), Estimate(0), (), None, 0)


def test_a_proposal_method_takes_what_its_record_says() -> None:
    assert operation_seconds("propose.slic", RATES) == 0.18
    assert operation_seconds("read", RATES) == RATES.core.operations["read"]


def test_the_stand_in_for_a_root_is_no_folder() -> None:
    assert not Path(forecast_module.NO_ROOT).exists()
