"""``empaste doctor``: what is installed, configured and there, what is broken, and what to do about it."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from configparser import ConfigParser, Error
from pathlib import Path
from typing import Any, Literal, NamedTuple

import yaml
from packaging.requirements import Requirement

from empaste.captions import LEARNED
from empaste.errors import DETECTRON2, InputError
from empaste.params import Params, load_params
from empaste.proposals.catalogue import SOURCES
from empaste.report.lettering import describe_letters
from empaste.scaleout import num_workers


class Check(NamedTuple):
    """One line: ``broken`` is what keeps the pipeline from running, ``note`` what a person may want to know."""

    state: Literal["ok", "note", "broken"]
    text: str


OPTIONAL = {
    "transformers": "SAM, SAM 2, SAM 3, Mask2Former, captioners: pip install 'empaste[segmenters]' or [generative]",
    "diffusers": "text-to-image backgrounds: pip install 'empaste[generative]'",
    "open_clip": "selection of backgrounds by CLIP: pip install 'empaste[generative]'",
    "h5py": "published proposals of MATLAB 7.3: pip install 'empaste[matlab]'",
    "maxflow": "GCa10 superpixels: pip install 'empaste[gca10]'",
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
        ],
    )
    yield "Required packages", check_required(importlib.metadata.requires("empaste") or [])
    yield "Optional packages", [check_optional(name, use) for name, use in OPTIONAL.items()]
    params, checks = read_params(folder / "params.yaml")
    chosen = (
        check_method(params) + check_captions(params) + check_detector(params) + check_paths(params) if params else []
    )
    yield "Parameters", checks + chosen
    yield "Data and artifacts", [*check_dvc(folder), *check_outputs(folder), check_tracking()]


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
            install = "pip install 'empaste[generative]'"
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
    if Path(value).exists():
        return Check("ok", f"{key} is {value}")
    if key.endswith((".model", ".weights")) and not value.startswith((".", "/", "~")):
        return Check("note", f"{key} is {value}, no file here; it will be looked for by that name")
    return Check("broken", f"{key} is {value}, which does not exist; correct the path")


def check_dvc(folder: Path) -> list[Check]:
    """Where artifacts are cached and shared."""
    if not (folder / ".dvc").is_dir():
        return [Check("broken", f"{folder.resolve()} is no DVC repository; run from the top of the repository")]
    config = ConfigParser()
    try:
        config.read([folder / ".dvc" / "config", folder / ".dvc" / "config.local"])
    except Error as error:
        return [Check("broken", f"DVC's configuration cannot be read ({str(error).splitlines()[0]}); correct it")]
    cache = Path(config.get("cache", "dir", fallback="cache"))
    remote = config.get("core", "remote", fallback=None)
    checks = [Check("ok", f"DVC's cache is {cache if cache.is_absolute() else folder / '.dvc' / cache}")]
    if remote is None:
        return [*checks, Check("note", "no default remote, artifacts stay here; to share: dvc remote add -d NAME URL")]
    url = next(
        (config[name].get("url") for name in config.sections() if name.strip("'\"") == f'remote "{remote}'), None
    )
    if url is None:
        return [*checks, Check("broken", f"DVC's default remote {remote} has no url; run: dvc remote add {remote} URL")]
    return [*checks, Check("ok", f"DVC's default remote is {remote} ({url})")]


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
    """Where runs are recorded; an address may hold a password and is not printed."""
    from empaste.tracking import enabled, find_store

    try:
        if not enabled():
            return Check("note", "runs are not recorded (EMPASTE_TRACKING=off)")
    except InputError as error:
        return Check("broken", str(error))
    if "MLFLOW_TRACKING_URI" in os.environ:
        return Check("ok", "runs are recorded at the address in MLFLOW_TRACKING_URI")
    return Check("ok", f"runs are recorded in {find_store().uri.removeprefix('sqlite:///')}")


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
