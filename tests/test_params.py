"""params.yaml is read exactly, and every misfit is named with key, value, what is allowed and what to do."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.detectors.settings import TrainSettings
from empaste.errors import InputError
from empaste.params import Params, load_params, takes
from empaste.paste.settings import PasteSettings
from empaste.settings import load_settings
from empaste.yaml_files import parse_yaml

SHIPPED = Path(__file__).parent.parent / "params.yaml"


def changed(folder: Path, key: str, value: Any) -> Path:
    """A copy of the shipped file in which ``key`` (dotted) is ``value``."""
    content = yaml.safe_load(SHIPPED.read_text())
    *sections, name = key.split(".")
    place = content
    for section in sections:
        place = place[section]
    place[name] = value
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def message(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        load_params(path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-05", 1e-5),
        ("4e-05", 4e-5),
        ("-2E+3", -2000.0),
        ("1.5e-7", 1.5e-7),
        ("1e5m", "1e5m"),
        ("12", 12),
        ("'1e-05'", "1e-05"),
    ],
)
def test_numbers_as_dvc_writes_them_are_numbers(text: str, value: Any) -> None:
    """``dvc exp run -S train.weight_decay=0.00001`` leaves 1e-05 in the file."""
    assert parse_yaml(f"key: {text}") == {"key": value}
    assert type(parse_yaml(f"key: {text}")["key"]) is type(value)


def test_shipped_file_loads_and_is_frozen() -> None:
    params = load_params(SHIPPED)
    assert params.prepare.dataset == "demo"
    with pytest.raises(Exception, match="frozen"):
        params.paste.n_p = 6


def test_every_parameter_has_a_line_of_comment() -> None:
    lines = SHIPPED.read_text().splitlines()
    values = [line for line in lines if line.startswith("  ") and line.split("#")[0].rstrip()[-1] != ":"]
    assert not [line for line in values if "#" not in line]


def test_sections_are_the_stages() -> None:
    stages = yaml.safe_load((SHIPPED.parent / "dvc.yaml").read_text())["stages"]
    assert list(Params.model_fields) == list(stages)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("paste.n_p", 0, ["paste.n_p is 0", "whole number of 1 or more"]),
        ("paste.n_p", "six", ["paste.n_p is 'six'", "[1, 4]"]),
        ("paste.n_p", [4, 1], ["paste.n_p is [4, 1]", "write [1, 4]"]),
        ("paste.n_p", [1, 2, 3], ["paste.n_p is [1, 2, 3]"]),
        ("paste.n_p", True, ["paste.n_p is True"]),
        ("foregrounds.keep_percent", 130, ["foregrounds.keep_percent is 130", "a number over 0 and up to 100"]),
        ("foregrounds.keep_percent", [30, 0], ["foregrounds.keep_percent is [30, 0]", "or a list with one per"]),
        ("paste.scale", [1.0, 0.3], ["paste.scale is [1.0, 0.3]", "write [0.3, 1.0]"]),
        ("paste.foregrounds", "file", ["paste.foregrounds_file is null", "set paste.foregrounds_file to it"]),
        ("paste.np", 6, ["paste.np is 6", "did you mean n_p?", "allowed here: placement"]),
        ("proposals.slic.num_segmets", [4], ["proposals.slic.num_segmets", "did you mean num_segments?"]),
        ("pasta", {}, ["pasta is {}", "did you mean paste?"]),
        ("proposals.method", "sma", ["proposals.method is 'sma'; choose from 'hierarchical'"]),
        ("classifier.epochs", 2.5, ["classifier.epochs is 2.5", "valid integer"]),
        ("classifier.learning_rate", "fast", ["classifier.learning_rate is 'fast'", "valid number"]),
        ("classifier.learning_rate", float("nan"), ["classifier.learning_rate is nan"]),
        ("prepare.dataset", "coco", ["prepare.root is null", "set prepare.root"]),
        (
            "train.width",
            16,
            [
                "train.weights is classifier, but the detector's backbone (resnet_slim_pooled, width 16) is another "
                "network than the classifier (resnet_slim_pooled, width 32); set both to the same, or train.weights to "
                "null",
            ],
        ),
        ("backgrounds.method", "random", ["backgrounds.root is null"]),
        ("backgrounds.method", "diffusion", ["backgrounds.diffusion.model is null"]),
        ("backgrounds.method", "api", ["backgrounds.api.model is null"]),
        ("backgrounds.keep_per_caption", 9, ["backgrounds.keep_per_caption is 9", "per_caption, 2"]),
    ],
)
def test_misfit_is_named(tmp_path: Path, key: str, value: Any, said: list[str]) -> None:
    text = message(changed(tmp_path, key, value))
    assert str(tmp_path / "params.yaml") in text
    for part in said:
        assert part in text


def test_all_misfits_are_listed_at_once(tmp_path: Path) -> None:
    path = changed(tmp_path, "paste.np", 6)
    content = yaml.safe_load(path.read_text())
    del content["train"]["iterations"]
    path.write_text(yaml.safe_dump(content))
    text = message(path)
    assert "paste.np is 6" in text
    assert "train.iterations is missing" in text


def test_files_that_are_no_params(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    assert "does not exist; run from the top" in message(path)
    path.write_text("")
    assert "holds no sections but None" in message(path)
    path.write_text("a: [")
    assert "is not valid YAML" in message(path)


def test_ranges_and_numbers_pass(tmp_path: Path) -> None:
    assert load_params(changed(tmp_path, "paste.n_p", [1, 4])).paste.n_p == [1, 4]
    assert load_params(changed(tmp_path, "paste.n_p", 6)).paste.n_p == 6


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("paste:\n  n_p: 3\n  seed: 0\n  n_p: 4\n")
    assert "the key n_p stands in line 2 and again in line 4" in message(path)


@pytest.mark.parametrize(
    ("key", "value", "taken"),
    [
        ("prepare.root", "a", True),
        ("prepare.root", None, True),
        ("prepare.root", 3, False),
        ("paste.n_p", [1, 4], True),
        ("proposals.sam.model", "a", True),
        ("proposals.sam.model", False, False),
        ("no.such", 3, True),
    ],
)
def test_kinds_that_a_parameter_takes(key: str, value: Any, taken: bool) -> None:
    assert takes(key, value) is taken


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (b"a: !!float x", "is not valid YAML: a value is none of its kind"),
        (b"a: 2001-99-99", "is not valid YAML: a value is none of its kind"),
        (b"a: !!bool maybe", "is not valid YAML: a value is none of its kind"),
        (b"a: " + b"[" * 20_000, "is not valid YAML: a value is none of its kind, or too deep"),
        (b"a: &a [*a]", r"is not valid YAML: \*a spells a value without end"),
        (b"a: &a {b: *a}", "spells a value without end"),
        (b"a: &a [1]\nb: [" + b"*a, " * 30 + b"]", "spells a value without end"),
        (b"a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
        (b"\x00", "is not valid YAML"),
    ],
)
def test_text_that_is_no_yaml(tmp_path: Path, text: bytes, expected: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text)
    assert re.search(rf"params\.yaml {expected}.*; correct it, or restore it", message(path), re.DOTALL) or re.search(
        expected, message(path)
    )


@pytest.mark.usefixtures("tmp_path")
def test_references_are_read() -> None:
    assert parse_yaml("a: &a [1, 2]\nb: *a\nc: {<<: {d: 1}}") == {"a": [1, 2], "b": [1, 2], "c": {"d": 1}}


def test_a_message_stays_short_whatever_the_file(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump({f"key{n}": ["x" * 5000] for n in range(200)}))
    assert "and 194 more" in message(path)
    assert len(message(path)) < 20 * 500


def test_a_file_of_another_kind_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("a: " + "[1, " * 2**20)
    assert "params.yaml has 4,194,307 bytes; allowed are 1,048,576; correct it" in message(tmp_path / "params.yaml")


def test_what_is_loaded_equals_what_the_file_says() -> None:
    """A stage's settings are its section, value by value: code that reads them cannot change what a stage does."""
    content = yaml.safe_load(SHIPPED.read_text())
    assert load_params(SHIPPED).model_dump() == content
    for section, values in content.items():
        model: Any = Params.model_fields[section].annotation
        assert model is not None
        assert load_settings(SHIPPED, section, model).model_dump() == values


def test_a_section_is_read_without_the_others(tmp_path: Path) -> None:
    path = changed(tmp_path, "train.iterations", 0)
    assert load_settings(path, "paste", PasteSettings).n_p == 3
    with pytest.raises(InputError, match=r"train\.iterations is 0"):
        load_settings(path, "train", TrainSettings)
    path.write_text("paste: {}\n")
    with pytest.raises(InputError, match=r"train is missing; add it"):
        load_settings(path, "train", TrainSettings)
    with pytest.raises(InputError, match=r"paste\.n_q is 1, but there is no such parameter; did you mean n_p\?"):
        load_settings(changed(tmp_path, "paste.n_q", 1), "paste", PasteSettings)


def test_reading_the_parameters_imports_no_torch() -> None:
    """``empaste preset`` and ``empaste doctor`` read them, and should not wait for networks to be loaded."""
    code = "import sys, empaste.params; assert 'torch' not in sys.modules"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=SHIPPED.parent / "src", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
