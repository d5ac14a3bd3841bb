"""The detector as a file for others: equal to the detector, described in itself, or not there."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import jaxtyping
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torchvision

from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Network
from empaste.detectors.detecting import DetectSettings, load_detector
from empaste.detectors.mask_rcnn import ByteTransform, build_mask_rcnn
from empaste.errors import InputError
from empaste.exporting.models import MODEL_FORMATS, equality
from empaste.exporting.models import onnx as onnx_format
from empaste.exporting.models.equality import difference
from empaste.exporting.models.model_format import Limits
from empaste.exporting.models.traced import OUTPUTS, TracedTransform
from empaste.exporting.models.writing import export_model
from empaste.images import write_rgb
from empaste.masks import decode_mask

DOCS = Path(__file__).parents[2] / "docs/exporting.md"
SIDE = 64
NETWORK = Network("resnet_slim", "standard", False, 8, SIDE, frozen_norm=False, msra=False)
CLASSES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "Käse"}]
LIMITS = Limits(0.05, 10)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_untrained(tmp_path_factory.mktemp("detector"), NETWORK)


def save_untrained(folder: Path, network: Network) -> Path:
    """A detector that finds something in noise; beside it a folder with a photograph.

    It is untrained, but its scores lie apart: of equal ones the last bits of a float would choose.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        detector = build_mask_rcnn(network, 2, None)
        for layer in (detector.rpn.head.cls_logits, detector.roi_heads.box_predictor.cls_score):
            torch.nn.init.normal_(layer.weight, std=0.5)
        config = {"backend": "torchvision", **asdict(network), "classes": CLASSES}
        save_network(detector, folder / "model", config)
    (folder / "images").mkdir()
    write_rgb(folder / "images/1.png", np.random.default_rng(1).integers(0, 256, (90, 130, 3), np.uint8))
    return folder / "model"


@contextmanager
def untyped() -> Iterator[None]:
    """No types are checked: while a detector is recorded, tensors stand for its whole numbers."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)


def exported_as(format_name: str, model: Path, out: Path, limits: Limits = LIMITS, images: str = "nowhere") -> str:
    with untyped():
        return export_model(model, out, format_name, limits, model.parent / images)


@pytest.fixture(scope="module")
def exported(model: Path) -> dict[str, Path]:
    files = {name: model.parent / f"detector.{name}" for name in ("onnx", "torchscript")}
    for name, path in files.items():
        said = exported_as(name, model, path, images="images")
        assert said.endswith("equal on 5 images with 50 instances")
    return files


def open_script(path: Path, **options: Any) -> Any:
    with pytest.warns(FutureWarning, match=r"torch\.jit\.load"):
        return torch.jit.load(path, **options)


def image_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def documented(folder: Path, photograph: Path) -> dict[str, Any]:
    """What the Python code of docs/exporting.md gives."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL))
    for name, path in (("detector.onnx", folder / "detector.onnx"), ("photo.jpg", photograph)):
        code = code.replace(f'"{name}"', repr(str(path)))
    given: dict[str, Any] = {}
    exec(code, given)  # noqa: S102  the page's own code
    return given


@pytest.mark.parametrize("size_hw", [(48, 64), (64, 33), (20, 61), (150, 200)])
def test_the_code_of_the_docs_gives_what_the_detector_gives(
    exported: dict[str, Path], model: Path, tmp_path: Path, size_hw: tuple[int, int]
) -> None:
    image = image_of(*size_hw)
    write_rgb(tmp_path / "photo.png", image)
    given = documented(exported["onnx"].parent, tmp_path / "photo.png")
    boxes, class_ids, scores, masks = (given[name] for name in OUTPUTS)
    assert given["names"] == {row["id"]: row["name"] for row in CLASSES}
    detect = load_detector(model, DetectSettings(0.05, 10, batch_size=1, num_threads=1, device="cpu"))
    detect([image_of(48, 64)])  # torchvision takes the strides of the levels from the first image of all
    (rows,) = detect([image])
    assert len(rows) == len(scores) == 10
    boxes_xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    for row in rows:
        far = np.abs(boxes_xywh - row["bbox"]).max(axis=1) + (class_ids != row["category_id"]) * 1000
        place = int(far.argmin())
        assert far[place] < 0.05
        assert row["score"] == pytest.approx(float(scores[place]), abs=1e-4)
        own, theirs = decode_mask(row["segmentation"]), given["paste"](boxes[place], masks[place], *size_hw)
        assert (own & theirs).sum() >= 0.98 * (own | theirs).sum()


@pytest.mark.parametrize("format_name", ["onnx", "torchscript"])
def test_outputs_that_all_classes_share_are_exported(tmp_path: Path, format_name: str) -> None:
    model = save_untrained(tmp_path, replace(NETWORK, class_agnostic=True))
    said = exported_as(format_name, model, tmp_path / f"detector.{format_name}", images="images")
    assert re.search(r"equal on 5 images with [1-9]\d* instances$", said)


def test_the_files_describe_themselves(exported: dict[str, Path]) -> None:
    properties = {one.key: one.value for one in onnx.load(exported["onnx"]).metadata_props}
    description = json.loads(properties["empaste"])
    assert description["classes"] == CLASSES
    assert (description["image_size"], description["min_score"], description["max_detections"]) == (64, 0.05, 10)
    files = {"empaste.json": ""}
    open_script(exported["torchscript"], _extra_files=files)
    assert json.loads(files["empaste.json"]) == description


def test_torchscript_gives_what_onnx_gives(exported: dict[str, Path]) -> None:
    assert torchvision.ops
    image = image_of(48, 64).transpose(2, 0, 1)
    with torch.no_grad():
        script = open_script(exported["torchscript"])(torch.from_numpy(image.copy()))
    session = onnxruntime.InferenceSession(str(exported["onnx"]), providers=["CPUExecutionProvider"])
    arrays = tuple(output.numpy() for output in script)
    assert difference(arrays, tuple(session.run(list(OUTPUTS), {"image": image}))) is None


def test_nothing_found_is_no_error(model: Path) -> None:
    assert "with 0 instances" in exported_as("onnx", model, model.parent / "sure.onnx", Limits(0.999, 10))


def test_a_file_that_differs_is_not_left(
    model: Path, exported: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = onnx_format._runner

    def moved(session: object) -> equality.Run:
        run = runner(session)

        def shifted(image: np.ndarray) -> equality.Arrays:
            boxes, *others = run(image)
            return (boxes + 1, *others)

        return shifted

    monkeypatch.setattr(onnx_format, "_recorded", lambda _loaded: onnx.load(exported["onnx"]))
    monkeypatch.setattr(onnx_format, "_runner", moved)
    out = model.parent / "differs.onnx"
    with pytest.raises(InputError, match=r"differs from the detector \(an instance that scores .* is missing, on an"):
        exported_as("onnx", model, out)
    assert not out.exists()


def test_differences() -> None:
    boxes, ids, scores = np.array([[0, 0, 9, 9], [5, 5, 20, 20.0]]), np.array([3, 7]), np.array([0.9, 0.4])
    masks = np.zeros((2, 28, 28))
    both = boxes, ids, scores, masks
    assert difference(both, tuple(one[::-1] for one in both)) is None
    assert difference(both, tuple(one[:1] for one in both)) is None  # the last one may miss the least score
    assert difference(both, tuple(one[1:] for one in both)) == "an instance that scores 0.9000 is missing"
    assert difference(both, (boxes, ids[::-1], scores, masks)) == "an instance that scores 0.9000 is missing"
    assert (
        difference(both, (boxes, ids, scores, masks + 0.1)) == "the mask of an instance that scores 0.9000 is another"
    )
    none = tuple(one[:0] for one in both)
    assert difference(none, none) is None
    assert difference(none, both) is None


def test_sizes_are_those_of_torchvision() -> None:
    own = ByteTransform(SIDE, SIDE, [0.0] * 3, [1.0] * 3, 4, _skip_resize=True).eval()
    traced = TracedTransform(own).eval()
    for height in range(1, SIDE + 1, 3):
        for width in (1, 5, 28, 33, 61, 64):
            image = torch.zeros(3, height, width)
            if min(height, width) * SIDE >= max(height, width):
                assert traced.resize(image)[0].shape == own.resize(image)[0].shape


@pytest.mark.parametrize("format_name", MODEL_FORMATS)
def test_a_format_overwrites_nothing(model: Path, format_name: str) -> None:
    with pytest.raises(InputError, match=r"images exists; name a new place, or remove it"):
        export_model(model, model.parent / "images", format_name, LIMITS, Path("nowhere"))


def test_tensors_and_what_there_is_not(model: Path, tmp_path: Path) -> None:
    assert export_model(model, tmp_path / "t.pth", "tensors", LIMITS, Path("nowhere")).endswith(" tensors")
    assert torch.load(tmp_path / "t.pth", weights_only=True)["classes"] == CLASSES
    with pytest.raises(InputError, match="--format is 'coco'; a model is exported as tensors, onnx, torchscript"):
        export_model(model, tmp_path / "t.onnx", "coco", LIMITS, Path("nowhere"))


def test_a_package_that_is_missing_is_named(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        InputError, match=r"onnxruntime is not installed; install it with: uv pip install -e '\.\[onnx\]'"
    ):
        export_model(model, tmp_path / "new.onnx", "onnx", LIMITS, Path("nowhere"))


def test_a_detector_of_detectron2_is_refused(model: Path, tmp_path: Path) -> None:
    config = json.loads((model / "config.json").read_text()) | {"backend": "detectron2"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes())
    for format_name in ("onnx", "torchscript"):
        with pytest.raises(InputError, match="holds a detector of detectron2, whose own tools export it; use --format"):
            export_model(tmp_path, tmp_path / "new", format_name, LIMITS, Path("nowhere"))
