"""The pipeline's graph is exact: a stage depends on every module that it reaches, and on what it reads."""

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest
import yaml

from empaste.layout import HERE, Layout

ROOT = Path(__file__).parent.parent
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
REPORT = sorted((ROOT / "src/empaste/report").rglob("*.py"))
ARTIFACTS = set(Layout._fields) - {"metrics", "plots", "params", "pipeline", "lock", "report"}
# What decides whether and how fast a stage runs, but not what it writes.
NEUTRAL = {
    "stages/__init__.py",
    "stages/runner.py",
    "stages/restore.py",
    "src/empaste/__init__.py",
    "src/empaste/errors.py",
    "src/empaste/layout.py",
    "src/empaste/memory.py",  # changes no result
    "src/empaste/per_process.py",  # the value is the same in every process
    "src/empaste/params.py",  # what it gives equals what the file says: tests/test_params.py
    "src/empaste/settings.py",
    "src/empaste/yaml_files.py",
    "src/empaste/scaleout",
    "src/empaste/tracking",
}


@cache
def files_of(module: str) -> tuple[Path, ...]:
    """The file of ``module`` and those of its parent packages; none where it is not ours."""
    if module.split(".")[0] not in ("empaste", "stages"):
        return ()
    names = [".".join(module.split(".")[: depth + 1]) for depth in range(module.count(".") + 1)]
    try:
        specs = [importlib.util.find_spec(name) for name in names]
    except ModuleNotFoundError:
        return ()
    return tuple(Path(spec.origin) for spec in specs if spec and spec.origin) if all(specs) else ()


@cache
def imported_by(path: Path) -> frozenset[Path]:
    """The files of ours that ``path`` imports, anywhere in it; also where a name is itself a module."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
            modules.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(file for module in modules for file in files_of(module))


def reached_from(path: Path) -> set[str]:
    """Every file of ours that ``path`` reaches, relative to the top, without the neutral ones and what those import."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        file = todo.pop()
        if file not in seen and not covered(str(file.relative_to(ROOT)), NEUTRAL):
            seen.add(file)
            todo.extend(imported_by(file))
    return {str(file.relative_to(ROOT)) for file in seen}


def covered(file: str, deps: Iterable[str]) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize("name", STAGES)
def test_deps_cover_what_a_stage_imports(name: str) -> None:
    reached = reached_from(ROOT / "stages" / f"{name}.py")
    missing = sorted(file for file in reached if not covered(file, STAGES[name]["deps"]))
    assert not missing, f"add to dvc.yaml, stage {name}, deps: {', '.join(missing)}"


@pytest.mark.parametrize("name", STAGES)
def test_deps_name_nothing_else(name: str) -> None:
    reached = reached_from(ROOT / "stages" / f"{name}.py")
    code = [dep for dep in STAGES[name]["deps"] if dep.startswith(("src", "stages"))]
    assert [dep for dep in code if not any(covered(file, [dep]) for file in reached)] == []


def default_paths(name: str) -> set[str]:
    """The artifacts that a stage reads and writes unless it is told others; the report takes a whole run."""
    module = importlib.import_module(f"stages.{name}")
    defaults = [parameter.default for parameter in inspect.signature(module.main).parameters.values()]
    paths = {str(path) for path in defaults if isinstance(path, Path)} - {".", str(HERE.params)}
    if name == "report":
        paths |= {str(HERE.metrics / f"{stage}.json") for stage in module.METRICS}
        paths |= {str(HERE.plots / f"{plot}.csv") for plot in (*module.CURVES, *module.TABLES)}
        paths |= {str(path) for file in (ROOT / "stages/report.py", *REPORT) for path in artifacts_named_in(file)}
    return paths


def artifacts_named_in(file: Path) -> set[Path]:
    """The artifacts that ``file`` takes from a `Layout` which it calls there or files."""
    names = re.findall(r"\b(?:there|files)\.(\w+)", file.read_text())
    return {getattr(HERE, name) for name in names if name in ARTIFACTS}


@pytest.mark.parametrize("name", STAGES)
def test_default_paths_are_the_graphs(name: str) -> None:
    """Every data path that a stage has as a default stands among its deps and outs, and the other way round."""
    entry = STAGES[name]
    outs = {
        next(iter(out)) if isinstance(out, dict) else out
        for key in ("outs", "metrics", "plots")
        for out in entry.get(key, [])
    }
    deps = {dep for dep in entry["deps"] if not dep.startswith(("src", "stages"))}
    assert default_paths(name) == outs | deps


def test_every_stage_file_is_in_the_graph() -> None:
    files = {path.stem for path in (ROOT / "stages").glob("*.py")} - {"__init__", "runner", "restore"}
    assert files == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_says_what_it_is_for_and_runs_by_its_name(name: str) -> None:
    assert STAGES[name]["desc"]
    assert STAGES[name]["cmd"] == f"python -m stages.{name}"
    assert (name in STAGES[name]["params"]) is True


def python(*arguments: str) -> str:
    """What Python prints at the top of the repository."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_dvc_reads_the_graph() -> None:
    listed = python("-m", "dvc", "stage", "list")
    assert [line.split()[0] for line in listed.splitlines()] == list(STAGES)


def test_the_model_is_an_artifact_of_its_own() -> None:
    path = python("-c", "from dvc.repo import Repo; print(Repo().artifacts.read()['dvc.yaml']['mask-rcnn'].path)")
    assert path.strip() in STAGES["train"]["outs"]


def test_layers_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
