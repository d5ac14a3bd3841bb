"""The pipeline's files in a project, copied from the package: ``dvc.yaml``, stages, presets, ``params.yaml``."""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import reduce
from importlib.metadata import version
from operator import getitem
from pathlib import Path
from typing import Any

import yaml

from empaste.artifacts.foreground_decisions import write_foreground_decisions
from empaste.artifacts.label_decisions import write_label_decisions
from empaste.artifacts.outputs import write_whole
from empaste.artifacts.work import data_deps
from empaste.beginning.code_record import RECORD, record_text
from empaste.layout import HERE, pipeline_folder
from empaste.params import Params
from empaste.presets import FOLDER as PRESETS
from empaste.presets import chosen, flat, write_params
from empaste.settings import read_sections, validate
from empaste.yaml_files import read_yaml

STAGES = Path("stages")
CODE_DEP = re.compile(r"\s+- src/\S+")
STAGE, PARAMS = re.compile(r"  (\w+):"), re.compile(r"(    params: \[.*)\]")
OWN = (HERE.pipeline, STAGES, PRESETS, RECORD)
"""What `write_pipeline` writes: it belongs to the package, and ``params.yaml`` to the user."""


def write_pipeline(folder: Path, own_deps: Sequence[str]) -> None:
    """``folder`` holds the pipeline of the package that runs, whose first stage also depends on ``own_deps``.

    Decisions that are there stay; where their files are missing, they are made without one.
    """
    source = pipeline_folder()
    for kind, pattern in ((STAGES, "*.py"), (PRESETS, "*.yaml")):
        shutil.rmtree(folder / kind, ignore_errors=True)
        (folder / kind).mkdir()
        for path in sorted((source / kind).glob(pattern)):
            shutil.copyfile(path, folder / kind / path.name)
    write_whole(folder / HERE.pipeline, pipeline_text((source / HERE.pipeline).read_text(), own_deps).encode())
    write_whole(folder / RECORD, record_text().encode())
    if not (folder / HERE.foreground_decisions).exists():
        write_foreground_decisions(folder / HERE.foreground_decisions, [])
    if not (folder / HERE.label_decisions).exists():
        write_label_decisions(folder / HERE.label_decisions, [])


def pipeline_text(text: str, own_deps: Sequence[str]) -> str:
    """``dvc.yaml`` of a project: ``text`` with a hash of each stage's code in place of its files below ``src/``."""
    lines, stage = [_header()], ""
    for line in text.splitlines():
        if CODE_DEP.fullmatch(line):
            continue
        if named := STAGE.fullmatch(line):
            stage = named[1]
        if listed := PARAMS.fullmatch(line):
            line = f"{listed[1]}, {{{RECORD}: [stages.{stage}]}}]"
        lines.append(line)
        if line.strip() == f"- {STAGES}/prepare.py":
            lines += [f"      - {json.dumps(dep, ensure_ascii=False)}" for dep in own_deps]
    return "\n".join(lines) + "\n"


def _header() -> str:
    return (
        f"# The pipeline of empaste {version('empaste')}; {RECORD} stands for its code. The stage prepare depends on\n"
        "# the files of the data set, too: where prepare.root leads elsewhere, correct its deps."
    )


def data_deps_of(folder: Path) -> list[str]:
    """What the first stage of the project in ``folder`` reads of its data set."""
    everywhere = data_deps("prepare")
    return [dep for dep in data_deps("prepare", folder) if dep not in everywhere]


def write_values(folder: Path, presets: Sequence[str], values: Mapping[str, Any]) -> None:
    """``params.yaml`` in ``folder`` is the package's, with ``presets`` and the dotted keys of ``values`` over them.

    `InputError` where a value is none that the parameter takes; nothing is written then.
    """
    # What a preset cannot hold: there a mapping is a section.
    mappings = {key: value for key, value in values.items() if isinstance(value, dict)}
    others = {key: value for key, value in values.items() if key not in mappings}
    with tempfile.TemporaryDirectory(prefix="empaste-") as scratch:
        params, own = Path(scratch) / HERE.params, Path(scratch) / "values.yaml"
        params.write_bytes((pipeline_folder() / HERE.params).read_bytes())
        own.write_text(yaml.safe_dump(_nested(others), allow_unicode=True))
        items = [f"{key}={json.dumps(value, sort_keys=True)}" for key, value in mappings.items()]
        write_params([*presets, *([str(own)] if others else [])], items, params, pipeline_folder() / PRESETS)
        validate(read_sections(params), Params, HERE.params)
        write_whole(folder / HERE.params, params.read_bytes())


def kept_values(sections: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values in ``sections`` of the parameters ``known``, by their dotted keys; and the keys that are none of them.

    A parameter whose default is an empty mapping has a mapping as its value.
    """
    mappings = [key for key, value in known.items() if value == {}]
    values: dict[str, Any] = {}
    gone = []
    for key, value in flat(sections).items():
        if key in known:
            values[key] = value
        elif above := next((one for one in mappings if key.startswith(f"{one}.")), None):
            values[above] = reduce(getitem, above.split("."), sections)
        else:
            gone.append(key)
    return values, gone


def preset_values(presets: Sequence[str]) -> dict[str, Any]:
    """Every parameter's value, by its dotted key, once ``presets`` are applied to the package's ``params.yaml``."""
    top = pipeline_folder()
    values = flat(read_yaml(top / HERE.params, "restore it"))
    return values | chosen(presets, [], top / PRESETS, top / HERE.params)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    top: dict[str, Any] = {}
    for key, value in values.items():
        *sections, name = key.split(".")
        section = top
        for one in sections:
            section = section.setdefault(one, {})
        section[name] = value
    return top
