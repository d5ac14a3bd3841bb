"""A trained detector as a file of tensors that its backend's own library can load."""

import io
from pathlib import Path

import torch

from empaste.artifacts.outputs import write_whole
from empaste.detectors.models import read_model
from empaste.errors import InputError


def export(model: Path, out: Path) -> int:
    """The new file ``out`` holds the detector in ``model`` for its backend's own library; returns how many tensors.

    For ``torch.load``: ``model``, tensors by the library's names, ``classes`` (id, name, in the order of the outputs)
    and ``config``. torchvision's labels are a class's place from 1, detectron2's from 0. `InputError` where ``out``
    exists or the model cannot be read.
    """
    if out.exists():
        raise InputError(f"{out} exists; give another file, or remove it")
    backend, config, state = read_model(model)
    tensors = {backend.library_name(name): tensor for name, tensor in state.items()}
    content = io.BytesIO()
    torch.save({"model": tensors, "classes": config.pop("classes"), "config": config}, content)
    write_whole(out, content.getvalue())
    return len(tensors)
