"""``empaste doctor``: what is installed, configured and there, what is broken, and what to do about it."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from configobj import ConfigObj, ConfigObjError
from packaging.requirements import Requirement
from PIL import features

from empaste.captions import LEARNED
from empaste.errors import DETECTRON2, InputError, install_command
from empaste.params import Params, load_params
from empaste.proposals.catalogue import SOURCES
from empaste.report.lettering import describe_letters
from empaste.scaleout import num_workers


class Check(NamedTuple):
    """One line: ``broken`` is what keeps the pipeline from running, ``note`` what a person may want to know."""

    state: Literal["ok", "note", "broken"]
    text: str


OPTIONAL = {
    "transformers": f"SAM, SAM 2, SAM 3, Mask2Former, captioners: {install_command('segmenters')} or '.[generative]'",
    "diffusers": f"text-to-image backgrounds: {install_command('generative')}",
    "open_clip": f"selection of backgrounds by CLIP: {install_command('generative')}",
    "h5py": f"published proposals of MATLAB 7.3: {install_command('matlab')}",
    "maxflow": f"GCa10 superpixels: {install_command('gca10')}",
    "detectron2": f"the detector's second backend, entity segmentation: {DETECTRON2}",
}
"""Package, as it is imported → what it is for, and what installs it."""

DISTRIBUTIONS = {"open_clip": "open_clip_torch", "maxflow": "PyMaxflow"}
"""Where the name to install differs from the name to import."""

MIN_FREE_GB = 5


def examine(folder: Path) -> Iterator[tuple[str, list[Check]]]:
    """Heading → checks of the repository in ``folder``, whose parameters are in its params.yaml."""
    yield (
        "This machine",
        [
            check_python(sys.version_info[:3]),
            check_device(),
            check_workers(),
            check_disk(folder),
            Check(*describe_letters()),
            check_formats(),
        ],
    )
    yield "Required packages", check_required(importlib.metadata.requires("empaste") or [])
    yield "Optional packages", [check_optional(name, use) for name, use in OPTIONAL.items()]
    params, checks = read_params(folder / "params.yaml")
    chosen = (
        check_method(params) + check_captions(params) + check_detector(params) + check_paths(params) if params else []
    )
    yield "Parameters", checks + chosen
    yield (
        "Data and artifacts",
        [*check_git(folder), *check_dvc(folder), *check_outputs(folder), check_tracking(), *check_models()],
    )


def check_python(version: Sequence[int]) -> Check:
    """Whether Python is recent enough."""
    text = f"Python {'.'.join(map(str, version))}"
    return Check("ok", text) if tuple(version) >= (3, 11) else Check("broken", f"{text}; install 3.11 or later")


def check_device() -> Check:
    """What torch computes on."""
    import torch

    cores = os.cpu_count()
    if torch.cuda.is_available():
        return Check("ok", f"torch {torch.__version__} on {torch.cuda.get_device_name()}, {cores} cores")
    kind = "Apple's GPU (mps)" if torch.backends.mps.is_available() else "the CPU, no GPU found"
    return Check("ok", f"torch {torch.__version__} on {kind}, {cores} cores")


def check_workers() -> Check:
    """How many processes work side by side."""
    try:
        return Check("ok", f"{num_workers()} worker processes (EMPASTE_WORKERS)")
    except InputError as error:
        return Check("broken", str(error))


def check_disk(folder: Path) -> Check:
    """Whether there is room for artifacts."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < MIN_FREE_GB:
        return Check("note", f"{free:.1f} GB free on the disk of {folder}; a run of real data may want more")
    return Check("ok", f"{free:.0f} GB free on the disk")


def check_formats() -> Check:
    """Whether Pillow was built with all formats of photographs."""
    missing = [name for name in ("avif", "webp", "jpg_2000") if not features.check(name)]
    if missing:
        return Check(
            "note", f"Pillow here reads no {', '.join(missing)}; for such photographs run: pip install -U pillow"
        )
    return Check("ok", "Pillow reads AVIF, WebP and JPEG 2000")


def check_required(requirements: Sequence[str]) -> list[Check]:
    """Every requirement that is no extra's: what is missing or of another version is broken, the rest is one line."""
    wanted = [Requirement(text) for text in requirements]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    if not wanted:
        return [Check("note", "empaste is not installed as a package, so versions are not checked; run: make setup")]
    misfits = [check for one in wanted if (check := _misfit(one))]
    return misfits or [Check("ok", f"{len(wanted)} packages, all of the versions asked for")]


def _misfit(wanted: Requirement) -> Check | None:
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return Check("broken", f"{wanted} is not installed; run: make setup")
    if wanted.specifier.contains(version, prereleases=True):
        return None
    return Check("broken", f"{wanted.name} is {version}, wanted {wanted.specifier}; run: make setup")


def check_optional(package: str, use: str) -> Check:
    """Whether a package is there, and what for."""
    purpose, _, install = use.partition(": ")
    name = DISTRIBUTIONS.get(package, package)
    if not is_installed(package):
        return Check("note", f"{name} is not installed ({purpose}): {install}")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return Check("ok", f"{name} {version} ({purpose})")


def is_installed(package: str) -> bool:
    """Whether ``package`` can be imported; it is not imported."""
    return importlib.util.find_spec(package) is not None


def read_params(path: Path) -> tuple[Params | None, list[Check]]:
    """The parameters, None where they are not valid, and a check that says so."""
    try:
        return load_params(path), [Check("ok", f"{path.name} is valid")]
    except InputError as error:
        return None, [Check("broken", line) for line in str(error).splitlines()]


def check_method(params: Params) -> list[Check]:
    """Whether the chosen proposal source has what it needs, and whether its supervision is weak."""
    method = params.proposals.method
    source = SOURCES[method]
    checks = [
        Check("note" if method in ("mcg", "cob") else "broken", f"{method} needs {name}: {source.install}")
        for name in source.needs
        if not is_installed(name)
    ]
    if source.learned_from == "nothing":
        return [*checks, Check("ok", f"proposals by {method}, which learned from nothing")]
    return [*checks, Check("note", f"proposals by {method}, which learned from {source.learned_from}")]


def check_captions(params: Params) -> list[Check]:
    """Whether the captioner has what it needs, and whether the files that it is given are there."""
    own = params.captions
    named = {"captions.file": own.file if own.method == "file" else None, "captions.synonyms": own.synonyms}
    if own.method in LEARNED:
        named["captions.model"] = own.model
        if not is_installed("transformers"):
            install = install_command("generative")
            return [Check("broken", f"captions.method {own.method} needs transformers: {install}")]
    paths = [check for key, value in named.items() if value and (check := _check_path(key, value))]
    return [Check("ok", f"captions by {own.method}"), *paths]


def check_detector(params: Params) -> list[Check]:
    """Whether the detector's backend is installed."""
    backend = params.train.backend
    if backend == "detectron2" and not is_installed(backend):
        return [Check("broken", f"train.backend {backend} needs {backend}: {DETECTRON2}")]
    return [Check("ok", f"detector by {backend}")]


def check_paths(params: Params) -> list[Check]:
    """Whether the folders and files that the parameters name are there; a name on a hub cannot be looked up."""
    named: dict[str, Any] = {"prepare.root": params.prepare.root if params.prepare.dataset != "demo" else None}
    own = getattr(params.proposals, params.proposals.method)
    for setting in SOURCES[params.proposals.method].settings:
        named[f"proposals.{setting}"] = getattr(own, setting.split(".")[1])
    named |= {f"{section}.weights": getattr(params, section).weights for section in ("classifier", "train")}
    named["paste.foregrounds_file"] = params.paste.foregrounds_file if params.paste.foregrounds == "file" else None
    return [check for key, value in named.items() if value and (check := _check_path(key, value))]


def _check_path(key: str, value: str) -> Check:
    if Path(os.path.expanduser(value)).exists():  # noqa: PTH111 – an unknown ~name is a folder's
        return Check("ok", f"{key} is {value}")
    if key.endswith((".model", ".weights")) and not value.startswith((".", "/", "~")):
        return Check("note", f"{key} is {value}, no file here; it will be looked for by that name")
    return Check("broken", f"{key} is {value}, which does not exist; correct the path")


def check_git(folder: Path) -> list[Check]:
    """Whether DVC finds what it needs of git here: a repository, a commit, a name for commits."""
    try:
        without_git = _dvc_config(folder).get("core", {}).get("no_scm", "false").lower() == "true"
    except InputError:
        without_git = False  # which check_dvc says
    if without_git:
        return [Check("note", "DVC works without git here (core.no_scm): dvc repro runs, dvc exp does not")]
    if shutil.which("git") is None:
        return [Check("broken", "git is not installed, and DVC needs it; install git")]
    if _git(folder, "rev-parse", "--git-dir") is None:
        return [
            Check(
                "broken",
                f"{folder.resolve()} is no git repository (a download without .git?), so that every dvc command ends; "
                "run: git init && git add -A && git commit -m start; for dvc repro alone: "
                "dvc config --local core.no_scm true",
            )
        ]
    checks = []
    if _git(folder, "rev-parse", "HEAD") is None:
        checks.append(
            Check("note", "git has no commit yet, which dvc exp wants; run: git add -A && git commit -m start")
        )
    unset = [name for name in ("user.name", "user.email") if not _git(folder, "config", name)]
    unset = [name for name in unset if f"GIT_AUTHOR_{name[5:].upper()}" not in os.environ]
    if unset:
        commands = " && ".join(f"git config --global {name} ..." for name in unset)
        checks.append(
            Check(
                "note", f"git does not know {' and '.join(unset)}, so that commits fail, dvc exp's too; run: {commands}"
            )
        )
    return checks or [Check("ok", "git knows this repository, and who commits")]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _dvc_config(folder: Path) -> dict[str, Any]:
    """DVC's configuration of the repository in ``folder``; `InputError` where it cannot be read."""
    joined: dict[str, Any] = {}
    for name in ("config", "config.local"):
        try:
            part = ConfigObj(str(folder / ".dvc" / name), encoding="utf-8", interpolation=False)
        except (ConfigObjError, OSError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"DVC's configuration cannot be read ({name}: {reason}); correct it") from error
        for section, values in part.items():
            if not isinstance(values, dict):
                raise InputError(f"DVC's configuration cannot be read ({name}: {section} is in no section); correct it")
            joined.setdefault(section, {}).update(values)
    return joined


def check_dvc(folder: Path) -> list[Check]:
    """Where artifacts are cached and shared, and what DVC cannot do in a folder of this name."""
    if not (folder / ".dvc").is_dir():
        return [Check("broken", f"{folder.resolve()} is no DVC repository; run from the top of the repository")]
    try:
        config = _dvc_config(folder)
    except InputError as error:
        return [Check("broken", str(error))]
    core, remotes = config.get("core", {}), {name.strip("'"): values for name, values in config.items()}
    cache = folder.resolve() / ".dvc" / config.get("cache", {}).get("dir", "cache")
    remote = core.get("remote")
    checks = [*check_names(folder.resolve(), cache), Check("ok", f"DVC's cache is {cache}")]
    if remote is None:
        return [*checks, Check("note", "no default remote, artifacts stay here; to share: dvc remote add -d NAME URL")]
    url = remotes.get(f'remote "{remote}"', {}).get("url")
    if url is None:
        return [*checks, Check("broken", f"DVC's default remote {remote} has no url; run: dvc remote add {remote} URL")]
    return [*checks, Check("ok", f"DVC's default remote is {remote} ({url})")]


def check_names(repository: Path, cache: Path) -> list[Check]:
    """Characters in the paths of the repository and of DVC's cache that DVC cannot do."""
    elsewhere = "move the repository, or keep the cache elsewhere: dvc cache dir --local /FOLDER"
    checks = []
    if set("{}") & set(str(cache)):
        checks.append(Check("broken", f"DVC cannot use a cache below a path with braces ({cache}); {elsewhere}"))
    if not str(cache).isascii():
        said = f"dvc exp run --temp and --queue end in an error where the cache's path is not all ASCII ({cache})"
        checks.append(Check("note", f"{said}; {elsewhere}, or use plain dvc exp run"))
    if set("#?") & set(str(repository)):
        said = f"dvc exp run --temp and --queue end in an error below a path with # or ? ({repository})"
        checks.append(Check("note", f"{said}; move the repository, or use plain dvc exp run"))
    return checks


def check_outputs(folder: Path) -> list[Check]:
    """Which stages have their outputs; what is out of date is for ``dvc status`` to say."""
    try:
        stages = yaml.safe_load((folder / "dvc.yaml").read_text())["stages"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        return [Check("broken", f"dvc.yaml cannot be read ({type(error).__name__}); restore it: git checkout dvc.yaml")]
    lacking = [name for name, stage in stages.items() if not all((folder / out).exists() for out in _outputs(stage))]
    if not lacking:
        return [Check("ok", f"the outputs of all {len(stages)} stages are there; what is out of date: dvc status")]
    return [Check("note", f"no outputs yet of {', '.join(lacking)}; to make them: dvc repro")]


def check_tracking() -> Check:
    """Where runs are recorded, and whether they can be; an address is printed without its password."""
    from empaste.tracking.store import find_store, is_enabled, recording_trouble

    try:
        if not is_enabled():
            return Check("note", "runs are not recorded (EMPASTE_TRACKING=off)")
        store = find_store()
    except InputError as error:
        return Check("broken", str(error))
    if trouble := recording_trouble(store):
        advice = "correct MLFLOW_TRACKING_URI, or go on without a record: EMPASTE_TRACKING=off"
        return Check("broken", f"runs cannot be recorded in {store.shown}: {trouble}; {advice}")
    return Check("ok", f"runs are recorded in {store.shown}")


def check_models() -> list[Check]:
    """What a person must know who loads a registered model; nothing where there is nothing."""
    from empaste.tracking.store import find_store, loading_trouble

    try:
        trouble = loading_trouble(find_store())
    except InputError:
        return []  # which check_tracking says
    return [Check("note", trouble)] if trouble else []


def _outputs(stage: dict[str, Any]) -> Iterator[str]:
    for kind in ("outs", "metrics", "plots"):
        for out in stage.get(kind, []):
            yield out if isinstance(out, str) else next(iter(out))


def source_table() -> list[list[str]]:
    """A row per proposal source: name, what it learned from, what it needs and has, and how fast it is."""
    rows = [["proposals.method", "learned from", "needs", "ms per image"]]
    for name, source in SOURCES.items():
        needs = [f"{package} ({'there' if is_installed(package) else 'missing'})" for package in source.needs]
        needs += [f"proposals.{setting}" for setting in source.settings]
        rows.append([name, source.learned_from, ", ".join(needs) or "-", source.speed])
    return rows


def print_report(folder: Path) -> bool:
    """Print all checks and the table of proposal sources; whether nothing is broken."""
    healthy = True
    for heading, checks in examine(folder):
        print(heading)
        for check in checks:
            print(f"  {check.state.upper() if check.state == 'broken' else check.state:7}{check.text}")
            healthy &= check.state != "broken"
    print("Proposal sources")
    rows = source_table()
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(
        "Speed: one core, an image of VOC's size; docs/proposals.md names the machine. No weights were at hand there."
    )
    return healthy
