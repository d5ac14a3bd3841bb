"""Salience networks: what they are shown, what their output means, and files and maps that are refused."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from empaste.errors import InputError
from empaste.proposals import cutout
from empaste.proposals.saliency import load_network, salience_map
from tests.proposals.sources import section_of
from tests.proposals.tiny_salience import RAW, save, save_redness

IMAGE = np.zeros((20, 30, 3), np.uint8)
IMAGE[5:15, 10:20] = (255, 0, 0)


def seen(model: Path, image: np.ndarray = IMAGE, **changes: Any) -> np.ndarray:
    """The map of ``image``, which the network sees as it is where its own size is open."""
    options = RAW | {"input_size": 20, "num_threads": 1} | changes
    section = section_of(cutout.METHOD, model=str(model), **options)
    return salience_map(load_network(section), image, section, "train/a.png")


def message(model: Path, **changes: Any) -> str:
    with pytest.raises(InputError) as raised:
        seen(model, **changes)
    return str(raised.value)


def test_the_map_has_the_image_s_size_and_place(tmp_path: Path) -> None:
    salience = seen(save_redness(tmp_path / "red.onnx", (20, 30)))
    assert salience.shape == (20, 30)
    assert np.array_equal(salience > 0.5, IMAGE[..., 0] > 0)
    assert set(np.unique(salience)) == {0, 1}


@pytest.mark.parametrize("batch", [1, "N"])
@pytest.mark.parametrize(
    ("stated", "size_hw"),
    [((24, 32), (24, 32)), (("h", "w"), (48, 48)), ((24, "w"), (24, 48))],
)
def test_a_fixed_side_wins_over_the_input_size(
    tmp_path: Path, stated: tuple[int | str, int | str], size_hw: tuple[int, int], batch: int | str
) -> None:
    model = save_redness(tmp_path / "red.onnx", stated, batch=batch)
    assert load_network(section_of(cutout.METHOD, model=str(model), input_size=48)).size_hw == size_hw
    assert seen(model, input_size=48).shape == (20, 30)


def test_channels_are_normalised_one_by_one(tmp_path: Path) -> None:
    image = np.full((20, 20, 3), (204, 51, 102), np.uint8)
    for channel, expected in enumerate([(0.8 - 0.1) / 2, (0.2 - 0.1) / 0.5, (0.4 - 0.3) / 0.25]):
        model = save_redness(tmp_path / f"{channel}.onnx", weights=np.eye(3)[channel])
        values = seen(model, image, mean=[0.1, 0.1, 0.3], std=[2.0, 0.5, 0.25])
        assert values == pytest.approx(expected, abs=1e-6)


def test_only_the_first_output_counts(tmp_path: Path) -> None:
    """The files of U²-Net and IS-Net hold the maps of their inner stages, too."""
    import onnx

    model = onnx.load(save_redness(tmp_path / "red.onnx", after=["Sigmoid"]))
    model.graph.output.append(helper.make_tensor_value_info("step0", onnx.TensorProto.FLOAT, None))
    onnx.save_model(model, tmp_path / "two.onnx")
    assert seen(tmp_path / "two.onnx").min() == pytest.approx(0.5)


def test_logits_become_a_map_by_the_sigmoid(tmp_path: Path) -> None:
    model = save_redness(tmp_path / "logits.onnx", (20, 30), scale=200.0, bias=-100.0)
    assert set(seen(model, activation="sigmoid").round(6).ravel()) == {0, 1}
    assert "gives train/a.png values from -100 to 100, a map has values from 0 to 1" in message(model)
    assert "set proposals.cutout.activation to sigmoid" in message(model)


def test_a_map_is_stretched_over_its_range(tmp_path: Path) -> None:
    model = save_redness(tmp_path / "faint.onnx", (20, 30), scale=0.1, bias=0.2)
    assert set(np.unique(seen(model))) == {np.float32(0.2), np.float32(0.3)}
    assert set(seen(model, activation="min_max").round(6).ravel()) == {0, 1}
    assert not seen(model, np.zeros_like(IMAGE), activation="min_max").any()


def test_rounding_is_no_other_range(tmp_path: Path) -> None:
    salience = seen(save_redness(tmp_path / "red.onnx", (20, 30), scale=1.0009))
    assert salience.max() == 1


@pytest.mark.parametrize("after", [["Log"], ["Reciprocal"], ["Sqrt", "Log"]])
def test_a_map_with_nan_or_infinity_names_the_image(tmp_path: Path, after: list[str]) -> None:
    """Where no red is, the logarithm and the reciprocal of 0 are infinite."""
    said = message(save_redness(tmp_path / "log.onnx", (20, 30), after=after))
    assert "gives train/a.png NaN or infinity in 500 of 600 pixels" in said
    assert "mean and std" in said


def node(kind: str, *inputs: str, **attributes: Any) -> Any:
    return helper.make_node(kind, list(inputs), ["out"], **attributes)


FORMS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "two inputs": (
        lambda path: save(path, [node("Add", "a", "b")], [("a", [1, 3, 8, 8]), ("b", [1, 3, 8, 8])], "out"),
        "takes a (1 × 3 × 8 × 8 of tensor(float)), b (1 × 3 × 8 × 8 of tensor(float))",
    ),
    "one channel": (lambda path: save(path, [node("Relu", "a")], [("a", [1, 1, 8, 8])], "out"), "a (1 × 1 × 8 × 8"),
    "channels last": (lambda path: save(path, [node("Relu", "a")], [("a", [1, 8, 8, 3])], "out"), "a (1 × 8 × 8 × 3"),
    "a batch of four": (lambda path: save(path, [node("Relu", "a")], [("a", [4, 3, 8, 8])], "out"), "a (4 × 3 × 8"),
    "no batch": (lambda path: save(path, [node("Relu", "a")], [("a", [3, 8, "w"])], "out"), "a (3 × 8 × w of"),
    "doubles": (
        lambda path: save(path, [node("Neg", "a")], [("a", [1, 3, 8, 8])], "out", kinds=("DOUBLE", "DOUBLE")),
        "of tensor(double)) and gives out",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_input_of_another_form_is_shown(tmp_path: Path, form: str) -> None:
    make, shown = FORMS[form]
    said = message(make(tmp_path / "other.onnx"))
    assert shown in said
    assert "it must take one image of float32, 1 × 3 × height × width, and give one map of it" in said


@pytest.mark.parametrize(
    ("last", "shown"),
    [
        (node("Relu", "a"), "gives 1 × 3 × 20 × 20 of float32 first, which is no map"),
        (node("GlobalAveragePool", "a"), "gives 1 × 3 × 1 × 1 of float32 first"),
        (node("ReduceSum", "a", keepdims=0), "gives a single value of float32 first"),
        (node("ArgMax", "a", axis=1), "gives 1 × 1 × 20 × 20 of int64 first"),
    ],
)
def test_an_output_that_is_no_map_is_shown(tmp_path: Path, last: Any, shown: str) -> None:
    kinds = ("FLOAT", "INT64" if "int64" in shown else "FLOAT")
    model = save(tmp_path / "other.onnx", [last], [("a", [1, 3, "h", "w"])], "out", kinds=kinds)
    assert shown in message(model)


def test_a_size_that_the_network_cannot_work_at_is_named(tmp_path: Path) -> None:
    ones = {"b": np.ones((1, 1, 16, 16), np.float32)}
    nodes = [helper.make_node("ReduceMean", ["a"], ["c"], axes=[1]), node("Add", "c", "b")]
    model = save(tmp_path / "sixteen.onnx", nodes, [("a", [1, 3, "h", "w"])], "out", ones)
    said = message(model)
    assert "fails on train/a.png" in said
    assert "set proposals.cutout.input_size" in said
    assert seen(model, np.zeros_like(IMAGE), input_size=16).min() == 1


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_a_file_that_cannot_be_loaded_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.onnx"
    if content is not None:
        path.write_bytes(content)
    said = message(path)
    assert f"proposals.cutout.model is {str(path)!r}, which is no ONNX file that can be loaded" in said
    assert "docs/proposals.md" in said


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = save_redness(tmp_path / "red.onnx")
    path.write_bytes(path.read_bytes()[:-20])
    assert "no ONNX file that can be loaded" in message(path)


def test_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = message(tmp_path / "unseen.onnx")
    assert said == "onnxruntime is not installed; install it with: uv pip install -e '.[cutout]'"
