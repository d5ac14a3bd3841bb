"""Marks for tests that want a package which is not everywhere."""

import importlib.util

import pytest

needs_detectron2 = pytest.mark.skipif(
    importlib.util.find_spec("detectron2") is None, reason="detectron2 is not installed"
)
