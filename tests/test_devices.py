"""The device by name, and the number of threads."""

import cv2
import pytest
import torch

from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert torch_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert torch_device("auto").type == "cpu"
    with pytest.raises(InputError, match=r"device is 'cuda'.*choose from auto, cpu"):
        torch_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert torch_device("auto").type == "cuda"


def test_threads() -> None:
    before = torch.get_num_threads(), cv2.getNumThreads()
    try:
        limit_threads(1)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
