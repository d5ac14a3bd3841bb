"""Presets name real parameters, give valid settings, and come out as one word each."""

import contextlib
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.params import load_params
from empaste.presets import chosen, overrides, preset_path, write_params
from empaste.yaml_files import parse_yaml

ROOT = Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (ROOT / "presets").glob("*.yaml"))
NEEDS_ROOT = {
    **dict.fromkeys(("photos", "photos_scratch", "photos_gpu"), "/data/photos"),
    "voc": "/data/VOCdevkit",
    "coco": "/data/coco",
}


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    Path("presets").symlink_to(ROOT / "presets")


def written() -> dict[str, Any]:
    content: dict[str, Any] = parse_yaml(Path("params.yaml").read_text())
    return content


def test_the_promised_presets_are_there() -> None:
    assert set(NAMES) >= {"smoke", "gpu", "photos", "photos_scratch", "photos_gpu", "voc", "coco"}


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
    assert items["train.image_size"] == "1024"
    assert items["train.iterations"] == "7"
    assert items["paste.scale"] == "[0.5,1]"
    assert items["prepare.num_train"] == "60"


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
    with pytest.raises(
        InputError, match=r"'smok' in presets/; choose from coco, gpu, long_tail, photos, photos_gpu, .*, voc"
    ):
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("/x #y", "/x #y"),
        ("#y", "#y"),
        ("my photos # of 2012", "my photos # of 2012"),
        ("a: b", "a: b"),
        ("- a", "- a"),
        ("*a", "*a"),
        ("&a", "&a"),
        ("!a b", "!a b"),
        ("@a", "@a"),
        ("%a", "%a"),
        ("| a", "| a"),
        ("'tis", "'tis"),
        ("it's 5\" wide", "it's 5\" wide"),
        ("[draft]", "[draft]"),
        ("{a}", "{a}"),
        ("  a b ", "a b"),
        ("2012", "2012"),
        ("2012-01-02", "2012-01-02"),
        ("1e-05", "1e-05"),
        ("12:30", "12:30"),
        ("no", "no"),
        ("true", "true"),
        ("--- a", "--- a"),
        ("a\tb", "a\tb"),
        ("ü u\u0308 😀", "ü u\u0308 😀"),
        ("C:\\new", "C:\\new"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ('"a #b"', "a #b"),
        ("'a' # a comment", "a"),
        ("nullable", "nullable"),
        ("~/data", "~/data"),
    ],
)
def test_text_is_what_a_person_means(text: str, value: str | None) -> None:
    write_params([], [f"prepare.root={text}"])
    assert written()["prepare"]["root"] == value
    by_yaml = yaml.safe_load(Path("params.yaml").read_text())["prepare"]["root"]
    assert by_yaml == value or text == "1e-05"


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("paste.n_p=4 # four", 4),
        ("paste.n_p=[1, 4]", [1, 4]),
        ("train.device=cpu # here", "cpu"),
        ("cams.flip=true", True),
        ("captions.supercategories={ball: 'a #b'}", {"ball": "a #b"}),
        ("captions.supercategories=ball: sports", {"ball": "sports"}),
        ("features.backbones=[classifier#maps, 'clip:a b']", ["classifier#maps", "clip:a b"]),
        ("backgrounds.api.options={quality: low}", {"quality": "low"}),
    ],
)
def test_other_kinds_stay_yaml(item: str, value: object) -> None:
    write_params([], [item])
    place = written()
    for part in item.partition("=")[0].split("."):
        place = place[part]
    assert place == value


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.text("ab #:'\"-?[]{},&*!|>%@`~\\\n\t01", max_size=12)
)
def test_what_is_written_is_read_back(text: str) -> None:
    Path("params.yaml").write_text("captions:\n  prompt: null   # how every caption begins\n  model: null\n")
    meant = chosen([], [f"captions.prompt={text}"])["captions.prompt"]
    write_params([], [f"captions.prompt={text}"])
    assert written()["captions"]["prompt"] == meant
    quoted = text.strip().startswith(("'", '"'))
    if text.strip() not in ("", "null", "Null", "NULL", "~") and not quoted:
        assert meant == text.strip()


def test_writing_fills_a_value_that_is_left_out_and_a_list_over_several_lines() -> None:
    Path("params.yaml").write_text("a:\n  b:\n  c:\n    - 1\n    - 2\n  d: x\n")
    write_params([], ["a.b=4", "a.c=[3]"])
    assert written() == {"a": {"b": 4, "c": [3], "d": "x"}}


def test_text_that_needs_quotes_is_refused_for_a_shell() -> None:
    with pytest.raises(InputError, match=r"prepare.root is '/x #y', which needs quotes; write it into params.yaml"):
        overrides([], ["prepare.root=/x #y"])


@pytest.mark.parametrize("text", ["train: {width: 1\n", "\x00", "a: &a [*a]", "train: 2001-99-99"])
def test_files_that_are_no_yaml_are_named(text: str) -> None:
    """Neither the preset nor the parameters end with a traceback, and the parameters stay."""
    Path("mine.yaml").write_text(text)
    before = Path("params.yaml").read_text()
    with pytest.raises(InputError, match=r"mine\.yaml is not valid YAML"):
        write_params(["mine.yaml"], [])
    assert Path("params.yaml").read_text() == before
    Path("params.yaml").write_text(text)
    with pytest.raises(InputError, match=r"params\.yaml is not valid YAML"):
        write_params(["smoke"], [])
    with pytest.raises(InputError, match=r"--set train.width has the value .* which is not valid YAML"):
        chosen([], ["train.width=2001-99-99"])


def test_missing_parameters_are_named() -> None:
    Path("params.yaml").unlink()
    with pytest.raises(InputError, match=r"params\.yaml does not exist; run from the top"):
        write_params(["smoke"], [])


def test_a_layout_that_a_value_cannot_be_written_into_is_left_alone() -> None:
    text = Path("params.yaml").read_text().replace("max_side: ", "max_side:\n  ? [a]\n  : ", 1)
    text = text.replace("\n  n_p: ", "\n  n_p:\n  ", 1)
    Path("params.yaml").write_text(text)
    with contextlib.suppress(InputError):
        write_params([], ["paste.n_p=4"])
    assert Path("params.yaml").read_text() == text or written()["paste"]["n_p"] == 4
