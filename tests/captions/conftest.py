"""A tiny BLIP with random weights, saved as a local folder."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.tiny_models import save_blip

    return save_blip(tmp_path_factory.mktemp("blip"))
