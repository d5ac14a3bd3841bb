"""Presets: files with what differs from ``params.yaml`` for a data set or a machine, nested as it is.

They are applied the way any change is: as ``dvc exp run -S key=value …``, or written into ``params.yaml``.
"""

import copy
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.layout import HERE
from empaste.params import takes
from empaste.yaml_files import compose_yaml, parse_yaml, read_text, read_yaml

FOLDER = Path("presets")
PARAMS = HERE.params
NULLS = ("", "null", "Null", "NULL", "~")
"""What stands for nothing."""

Settings = dict[str, Any]
"""Dotted key -> value."""


def overrides(
    names: Sequence[str], extra: Sequence[str] = (), folder: Path = FOLDER, params: Path = PARAMS
) -> list[str]:
    """The presets ``names``, then the ``key=value`` items ``extra``, as values for DVC's ``-S``; later ones win.

    The items are one word each, without quotes, so that a shell takes them from ``$(empaste preset …)`` as they are.
    `InputError` for an unknown preset or key, and for a value that has no such form.
    """
    return [f"{key}={_one_word(key, value)}" for key, value in chosen(names, extra, folder, params).items()]


def chosen(names: Sequence[str], extra: Sequence[str], folder: Path = FOLDER, params: Path = PARAMS) -> Settings:
    """Dotted keys and values of the presets and of the items, each key a parameter of the file ``params``."""
    settings: Settings = {}
    for name in names:
        path = preset_path(name, folder)
        settings |= _known(flat(_read(path)), params, str(path))
    return settings | _known(dict(_parse(item) for item in extra), params, "--set")


def override(params: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``params`` with the dotted keys of ``changes``, all of them parameters, set."""
    changed = copy.deepcopy(dict(params))
    for key, value in changes.items():
        section, *parts = changed, *key.split(".")
        for part in parts[:-1]:
            section = section[part]
        section[parts[-1]] = copy.deepcopy(value)
    return changed


def preset_path(name: str, folder: Path = FOLDER) -> Path:
    """The file of a preset, given by its name or by its path."""
    for path in (folder / f"{name}.yaml", Path(name)):
        if path.is_file():
            return path
    there = ", ".join(sorted(path.stem for path in folder.glob("*.yaml"))) or f"none (run from the folder of {PARAMS})"
    raise InputError(f"there is no preset {name!r} in {folder}/; choose from {there}, or give the path of a file")


def write_params(names: Sequence[str], extra: Sequence[str], params: Path = PARAMS, folder: Path = FOLDER) -> None:
    """The file ``params`` holds the values of the presets and of the items; its other lines stay, comments too."""
    settings = chosen(names, extra, folder, params)
    text = read_text(params, "restore it")
    places = _places(compose_yaml(text))
    for key in sorted(settings, key=lambda key: places[key], reverse=True):
        text = _replaced(text, places[key], _yaml_word(settings[key]))
    _check_written(text, settings, params)
    write_whole(params, text.encode())


def _check_written(text: str, settings: Settings, params: Path) -> None:
    """`InputError` where ``text``, to be written into ``params``, does not say what ``settings`` says."""
    try:
        content = parse_yaml(text)
    except yaml.YAMLError:
        content = None
    for key, value in settings.items():
        if _said(content, key) != repr(value):
            raise InputError(f"{key} cannot be set to {value!r} in {params} as it is laid out; edit the file by hand")


def _said(content: Any, key: str) -> str | None:
    """What stands in ``content`` under the dotted ``key``, in Python's form; None where it has no such key."""
    try:
        for part in key.split("."):
            content = content[part]
    except (LookupError, TypeError):
        return None
    return repr(content)


def _read(path: Path) -> Settings:
    content = read_yaml(path, "correct it")
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no sections; a preset is nested as {PARAMS} is: section, parameter, value")
    return content


def flat(nested: Mapping[str, Any], prefix: str = "") -> Settings:
    """Nested sections as dotted keys; an empty mapping is a value."""
    settings: Settings = {}
    for key, value in nested.items():
        is_section = isinstance(value, dict) and value
        settings |= flat(value, f"{prefix}{key}.") if is_section else {f"{prefix}{key}": value}
    return settings


def _parse(item: str) -> tuple[str, Any]:
    """``key=value`` as DVC's -S takes it, the value read as YAML."""
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise InputError(f"--set has {item!r}; write key=value, as in paste.n_p=4")
    return key, _meant(key, text)


def _meant(key: str, text: str) -> Any:
    """``text`` as YAML; as it stands where the parameter takes text, and YAML would cut it or make another thing of it.

    So a path may hold blanks and number signs without quotes, and 2012 or no may be one.
    """
    plain = text.strip()
    try:
        value = parse_yaml(text)
    except yaml.YAMLError as error:
        begun: Any = {"[": [], "{": {}}.get(plain[:1], plain)
        if takes(key, plain) and (begun is plain or not takes(key, begun)):
            return plain
        raise InputError(f"--set {key} has the value {text!r}, which is not valid YAML; write key=value") from error
    if not takes(key, plain):
        return value
    if isinstance(value, str):
        return value if plain.startswith(("'", '"')) else plain
    if value is None:
        return value if plain in NULLS and takes(key, None) else plain
    return value if takes(key, value) else plain


def _known(settings: Settings, params: Path, origin: str) -> Settings:
    """``settings`` where all keys are parameters of the file ``params``."""
    if not params.exists():
        raise InputError(f"{params} does not exist; run from the top of the repository")
    keys = list(flat(_read(params)))
    for key in settings:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            meant = f"; did you mean {near[0]}?" if near else f"; choose from those in {params}"
            raise InputError(f"{origin}: {key} is no parameter{meant}")
    return settings


def _yaml_word(value: Any) -> str:
    """The value in one line of YAML, which `parse_yaml` reads as this value."""
    for style in (None, '"'):
        text = yaml.safe_dump(value, default_flow_style=True, width=10**9, allow_unicode=True, default_style=style)
        word = text.removesuffix("\n").removesuffix("\n...")
        if style or ("\n" not in word and repr(parse_yaml(word)) == repr(value)):
            break
    return word


def _one_word(key: str, value: Any) -> str:
    """The value as one word that neither a shell nor DVC's -S takes apart, and that both read as this value."""
    word = re.sub(r",\s+", ",", _yaml_word(value)) if isinstance(value, list) else _yaml_word(value)
    if not re.fullmatch(r"[\w./:@%+\-]+|\[[\w.+\-,]*\]", word, re.ASCII):
        raise InputError(
            f"{key} is {value!r}, which needs quotes; write it into {PARAMS}: empaste preset --write … --set '{key}=…'"
        )
    return word


def _places(node: yaml.Node | None, prefix: str = "") -> dict[str, tuple[int, int]]:
    """Dotted key -> where its value starts and ends in the text."""
    places: dict[str, tuple[int, int]] = {}
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        inner = _places(value, f"{prefix}{key.value}.")
        places |= inner or {f"{prefix}{key.value}": (value.start_mark.index, value.end_mark.index)}
    return places


def _replaced(text: str, place: tuple[int, int], value: str) -> str:
    """``text`` with ``value`` in ``place``; a comment behind it keeps its column where there is room."""
    start, end = place
    end = start + len(text[start:end].rstrip())  # a list over several lines ends where the next key begins
    value = value if text[start - 1 : start].isspace() else f" {value}"
    rest, newline, following = text[end:].partition("\n")
    comment = rest.lstrip()
    gap = max(len(rest) - len(comment) + (end - start) - len(value), 2) if comment else 0
    return text[:start] + value + " " * gap + comment + newline + following
