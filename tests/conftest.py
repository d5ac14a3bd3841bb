"""The order of the suite."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that run the whole pipeline come first: they take longest, and the others fit beside them."""
    items.sort(key=lambda item: item.path.parent.name != "pipeline")
