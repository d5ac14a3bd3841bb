"""Names of CLIPs, and the package that runs them."""

import sys

import pytest

from empaste.errors import InputError
from empaste.networks.clip import import_open_clip, name_and_weights


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("ViT-B-32@openai", ("ViT-B-32", "openai")),
        ("ViT-B-32", ("ViT-B-32", None)),
        ("hf-hub:laion/CLIP@x", ("hf-hub:laion/CLIP@x", None)),
        ("local-dir:/models/clip@2", ("local-dir:/models/clip@2", None)),
    ],
)
def test_a_name_may_name_weights(model: str, expected: tuple[str, str | None]) -> None:
    assert name_and_weights(model) == expected


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(InputError, match=r"open_clip_torch is not installed; .*\[generative\]"):
        import_open_clip()
