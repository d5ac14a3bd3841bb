"""Presets name real parameters, give valid settings, and come out as one word each."""

import shlex
from pathlib import Path

import pytest
import yaml

from empaste.errors import InputError
from empaste.params import load_params, parse_yaml
from empaste.presets import chosen, overrides, preset_path, write_params

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
NEEDS_ROOT = {"photos": "/data/photos", "voc": "/data/VOCdevkit", "coco": "/data/coco"}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    Path("presets").symlink_to(ROOT / "presets")


def written() -> dict:
    return parse_yaml(Path("params.yaml").read_text())


def test_the_promised_presets_are_there() -> None:
    assert set(NAMES) >= {"smoke", "gpu", "photos", "voc", "coco"}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_gives_valid_params(name: str) -> None:
    root = [f"prepare.root={NEEDS_ROOT[name]}"] if name in NEEDS_ROOT else []
    write_params([name], root)
    load_params(Path("params.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_takes_overrides_as_they_are(name: str) -> None:
    items = overrides([name])
    assert all(shlex.split(item) == [item] for item in items)
    assert len(items) == len(chosen([name], []))


def test_later_presets_and_items_win() -> None:
    items = dict(
        item.split("=", 1) for item in overrides(["smoke", "voc"], ["train.iterations=7", "paste.scale=[0.5, 1]"])
    )
    assert items["train.image_size"] == "1024" and items["train.iterations"] == "7"
    assert items["paste.scale"] == "[0.5,1]" and items["prepare.num_train"] == "60"


def test_writing_changes_values_alone() -> None:
    before = Path("params.yaml").read_text().splitlines()
    write_params([], ["prepare.root=/some where/é", "paste.n_p=[1, 4]", "classifier.learning_rate=1e-4"])
    after = Path("params.yaml").read_text().splitlines()
    assert len(after) == len(before)
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == 3
    assert all(old.split("#")[1] == new.split("#")[1] for old, new in changed)
    assert written()["prepare"]["root"] == "/some where/é"
    assert written()["paste"]["n_p"] == [1, 4]
    assert written()["classifier"]["learning_rate"] == 1e-4


def test_writing_reaches_nested_sections_and_lists_over_several_lines() -> None:
    Path("params.yaml").write_text("a:\n  b:\n    c: [1,\n      2]  # two\n    d: x\n")
    write_params([], ["a.b.c=[3]", "a.b.d=null"])
    assert written() == {"a": {"b": {"c": [3], "d": None}}}
    assert "# two" in Path("params.yaml").read_text()


@pytest.mark.parametrize("value", ["two words", "a'b", "x;y", "*", "", "a,b c", "$HOME", "é", "12", "null", "a,b"])
def test_values_that_a_shell_would_take_apart_are_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"prepare.root is .*needs quotes; write it into params.yaml"):
        overrides([], ["prepare.root=" + yaml.safe_dump(value, default_style='"').strip()])


def test_unknown_presets_keys_and_forms_are_named() -> None:
    with pytest.raises(InputError, match=r"'smok' in presets/; choose from coco, gpu, long_tail, photos, smoke, voc"):
        preset_path("smok")
    with pytest.raises(InputError, match=r"--set: paste.np is no parameter; did you mean paste.n_p\?"):
        overrides([], ["paste.np=4"])
    with pytest.raises(InputError, match=r"--set: zzz is no parameter; choose from those in params.yaml"):
        write_params([], ["zzz=4"])
    with pytest.raises(InputError, match=r"--set has 'paste.n_p'; write key=value"):
        overrides([], ["paste.n_p"])
    with pytest.raises(InputError, match=r"--set paste.n_p has the value '\[1,', which is not valid YAML"):
        overrides([], ["paste.n_p=[1,"])


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("paste:\n  n_p: 6\n")
    assert overrides([str(path)]) == ["paste.n_p=6"]
    path.write_text("paste:\n  n: 6\n")
    with pytest.raises(InputError, match=r"mine.yaml: paste.n is no parameter"):
        overrides([str(path)])
    path.write_text("- 6\n")
    with pytest.raises(InputError, match=r"mine.yaml holds no sections"):
        overrides([str(path)])
    path.write_text("a: [\n")
    with pytest.raises(InputError, match=r"mine.yaml is not valid YAML"):
        overrides([str(path)])


def test_away_from_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"choose from none \(run from the folder of params.yaml\)"):
        overrides(["smoke"])
    with pytest.raises(InputError, match=r"params.yaml does not exist; run from the top"):
        overrides([], ["paste.n_p=6"])


@pytest.mark.parametrize("name", NAMES)
def test_dvc_reads_overrides_as_the_same_values(name: str) -> None:
    from dvc.utils.hydra import apply_overrides

    items = overrides([name], ["prepare.root=/data/set-1.0@a+b", "paste.n_p=[1,4]", "captions.model=null"])
    original = Path("params.yaml").read_text()
    apply_overrides(Path("params.yaml"), items)
    by_dvc = written()
    Path("params.yaml").write_text(original)
    write_params([name], ["prepare.root=/data/set-1.0@a+b", "paste.n_p=[1,4]", "captions.model=null"])
    assert written() == by_dvc


def test_an_empty_mapping_is_a_value_that_can_be_written() -> None:
    write_params([], ["captions.supercategories={ball: sports}"])
    assert written()["captions"]["supercategories"] == {"ball": "sports"}
    write_params([], ["captions.supercategories.ball=food"])
    assert written()["captions"]["supercategories"] == {"ball": "food"}
