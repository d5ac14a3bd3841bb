"""Networks in ONNX that are small enough to be known: maps of how red a pixel is."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

Side = int | str
"""A side of a tensor, or the name of one that is open."""
REDNESS = (1.0, -1.0, 0.0)
"""Weights of red, green and blue: red is 1, what has as much green as red is 0."""
OPSET = 17
RAW = {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
"""What shows a network the channels as they are, in [0, 1]."""


def save_redness(
    path: Path,
    size_hw: tuple[Side, Side] = ("height", "width"),
    weights: Sequence[float] = REDNESS,
    scale: float = 1.0,
    bias: float = 0.0,
    after: Sequence[str] = (),
    batch: Side = 1,
) -> Path:
    """The map ``scale`` · (weights · channels) + ``bias``, then the operators ``after`` one after the other."""
    from onnx import helper

    kernel = (scale * np.asarray(weights, np.float32)).reshape(1, 3, 1, 1)
    nodes = [helper.make_node("Conv", ["image", "kernel", "bias"], ["step0"])]
    nodes += [helper.make_node(name, [f"step{i}"], [f"step{i + 1}"]) for i, name in enumerate(after)]
    constants = {"kernel": kernel, "bias": np.array([bias], np.float32)}
    return save(path, nodes, [("image", [batch, 3, *size_hw])], f"step{len(after)}", constants)


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[tuple[str, Sequence[Side]]],
    output: str,
    constants: dict[str, np.ndarray] | None = None,
    kinds: tuple[str, str] = ("FLOAT", "FLOAT"),
) -> Path:
    """A model of ``nodes``; ``kinds`` are the types of its inputs and of its output, whose shape is left open."""
    from onnx import TensorProto, helper, numpy_helper, save_model

    taken, given = (getattr(TensorProto, kind) for kind in kinds)
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(name, taken, list(shape)) for name, shape in inputs],
        [helper.make_tensor_value_info(output, given, None)],
        [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    save_model(model, path)
    return path
