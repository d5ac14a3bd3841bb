"""The page on the parameters, made of what declares them.

Types and ranges come from the settings' models, meanings, units and defaults from ``params.yaml``, other values from
``presets/``, and the stages that a change runs again from ``dvc.yaml``.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from empaste.params import Params
from empaste.settings import Settings
from empaste.yaml_files import compose_yaml, parse_yaml

INTRODUCTION = """# Parameters

Every parameter of `params.yaml`. This page is made of the code that checks the parameters, and of the comments in
`params.yaml`, which give the meaning, the unit and the effect. Shares and probabilities are numbers from 0 to 1;
sizes and sides are in pixels.

Change one value for one experiment with `dvc exp run -S paste.n_p=6`. A value that is not allowed ends the run before
its first stage, with a message that says what is. Paths are relative to the top of the repository.
"""
KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "string": "text",
    "null": "`null`",
}
MARKUP = re.compile(r"([\\`*_{}\[\]<>|#])")
"""Characters that Markdown would take for its own."""
PAGE = re.compile(r"docs/(\w+)\.md")


class Parameter(NamedTuple):
    """One value of ``params.yaml``."""

    key: str
    """With its sections: ``paste.n_p``."""
    default: Any
    allowed: str
    meaning: str
    presets: dict[str, Any]
    """Its value in the presets that set it."""


def parameters_page(root: Path) -> str:
    """The page in Markdown, of the files below ``root``: a table per section, a row per parameter."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())["stages"]
    parameters = list(read_parameters(root))
    comments = read_comments((root / "params.yaml").read_text())
    sections = (_section(name, parameters, comments, rerun(name, stages)) for name in Params.model_fields)
    return "\n".join([INTRODUCTION, *sections])


def read_parameters(root: Path) -> Iterator[Parameter]:
    """Every parameter, in the order of ``params.yaml``."""
    text = (root / "params.yaml").read_text()
    comments, fields = read_comments(text), dict(fields_of(Params))
    presets = {
        path.stem: dict(flat(parse_yaml(path.read_text()), fields)) for path in sorted(root.glob("presets/*.yaml"))
    }
    for key, value in flat(parse_yaml(text), fields):
        others = {name: values[key] for name, values in presets.items() if key in values}
        yield Parameter(key, value, allowed_values(fields[key]), comments[key], others)


def fields_of(model: type[Settings], *path: str) -> Iterator[tuple[str, FieldInfo]]:
    """Dotted key and declaration of every parameter in ``model``, at any depth."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from fields_of(field.annotation, *path, name)
        else:
            yield ".".join((*path, name)), field


def flat(values: Mapping[str, Any], fields: Mapping[str, FieldInfo], *path: str) -> Iterator[tuple[str, Any]]:
    """Dotted key and value of every parameter in ``values``; a mapping that is itself a value stays whole."""
    for name, value in values.items():
        key = ".".join((*path, name))
        if isinstance(value, Mapping) and key not in fields:
            yield from flat(value, fields, *path, name)
        else:
            yield key, value


def read_comments(text: str) -> dict[str, str]:
    """Dotted key -> the comment in its line, of every key in the YAML ``text``; empty where there is none."""
    lines, node = text.splitlines(), compose_yaml(text)
    assert isinstance(node, yaml.MappingNode)
    return {key: _comment(lines[at.line], at.column) for key, at in _ends(node)}


def _ends(node: yaml.MappingNode, *path: str) -> Iterator[tuple[str, yaml.Mark]]:
    """Dotted key, and the place after its value, or, of a section, after its name."""
    for name, value in node.value:
        here = (*path, name.value)
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield ".".join(here), name.end_mark
            yield from _ends(value, *here)
        else:
            yield ".".join(here), value.end_mark


def _comment(line: str, column: int) -> str:
    return line[column:].partition("#")[2].strip()


def allowed_values(field: FieldInfo) -> str:
    """What a parameter takes, in words and Markdown."""
    declared = TypeAdapter(field.rebuild_annotation())
    schema = declared.json_schema()
    return _asked_for(declared) or describe(schema)


def _asked_for(declared: TypeAdapter[Any]) -> str:
    """What a check of this project's own asks for, in its words and as plain text; empty where the type says it all."""
    try:
        declared.validate_python(object())
    except ValidationError as error:
        first = error.errors()[0]
        return _plain(first["msg"].removeprefix("Value error, write ")) if first["type"] == "value_error" else ""
    return ""


def describe(schema: Mapping[str, Any]) -> str:
    """The values that fit a JSON schema, in words and Markdown."""
    if "anyOf" in schema:
        return " or ".join(describe(one) for one in schema["anyOf"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema["type"] == "array":
        return f"{_length(schema)}, each {_each(schema['items'])}"
    if schema["type"] == "object":
        return f"a mapping of names, each to {describe(schema['additionalProperties'])}"
    return KINDS[schema["type"]] + _range(schema)


def _length(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if least == most:
        return f"a list of {least}"
    return "a list" if least == 0 else f"a list of {least} or more"


def _each(schema: Mapping[str, Any]) -> str:
    return f"one of {describe(schema)}" if "enum" in schema else describe(schema)


def _range(schema: Mapping[str, Any]) -> str:
    """The bounds of a number, as a person writes them, after its kind."""
    words = {"minimum": "from", "exclusiveMinimum": "over", "maximum": "up to", "exclusiveMaximum": "under"}
    bounds = [f"{word} {schema[bound]:g}" for bound, word in words.items() if bound in schema]
    steps = [f"a multiple of {schema['multipleOf']:g}"] if "multipleOf" in schema else []
    return "".join(f" {part}" if n == 0 else f", {part}" for n, part in enumerate(bounds + steps))


def rerun(section: str, stages: Mapping[str, Any]) -> list[str]:
    """The stages that run again after a change in ``section``, in the order of ``dvc.yaml``."""
    outputs = {
        out: name
        for name, stage in stages.items()
        for kind in ("outs", "metrics", "plots")
        for out in stage.get(kind, [])
    }
    changed: list[str] = []
    for name, stage in stages.items():
        before = {outputs.get(dep) for dep in stage["deps"]}
        if section in stage["params"] or before & set(changed):
            changed.append(name)
    return changed


def _section(name: str, parameters: list[Parameter], comments: Mapping[str, str], stages: list[str]) -> str:
    own = [one for one in parameters if one.key.startswith(f"{name}.")]
    lines = [f"## {name}", *_sentence(comments[name]), "", f"A change runs {_series(stages)} again."]
    for group in dict.fromkeys(one.key.rpartition(".")[0] for one in own):
        if group != name:
            lines += ["", f"### {group}", *_sentence(comments[group])]
        lines += ["", "| parameter | default | allowed | meaning | presets |", "|---|---|---|---|---|"]
        lines += [_row(one) for one in own if one.key.rpartition(".")[0] == group]
    return "\n".join([*lines, ""])


def _row(one: Parameter) -> str:
    name = f"`{one.key.rpartition('.')[2]}`{{ #{one.key} }}"
    return f"| {' | '.join((name, _value(one.default), one.allowed, _plain(one.meaning), _presets(one)))} |"


def _presets(one: Parameter) -> str:
    """Value by value, the presets that set it."""
    names: dict[str, list[str]] = {}
    for name, value in one.presets.items():
        names.setdefault(_value(value), []).append(name)
    return "<br>".join(f"{value}: {', '.join(presets)}" for value, presets in names.items())


def _value(value: Any) -> str:
    """``value`` as ``params.yaml`` has it."""
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value, ensure_ascii=False)}`"


def _plain(text: str) -> str:
    """``text`` as Markdown shows it to the letter, pages that it names as links."""
    return PAGE.sub(r"[\1](../\1.md)", MARKUP.sub(r"\\\1", text))


def _sentence(comment: str) -> list[str]:
    """A paragraph; none where there is no comment."""
    return ["", f"{_plain(comment[0].upper() + comment[1:])}."] if comment else []


def _series(names: list[str]) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} and {last}" if others else last
