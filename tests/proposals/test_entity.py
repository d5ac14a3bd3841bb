"""Entity segmentation through detectron2: a small project of the user's, its weights, and what does not fit.

The tests that run a network need detectron2 and are skipped without it.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Never

import numpy as np
import pytest

from empaste.errors import InputError
from empaste.proposals import entity
from tests.optional_packages import needs_detectron2
from tests.proposals import sources
from tests.proposals.sources import section_of
from tests.proposals.tiny_entity import PACKAGE, save_entity

MACHINE: dict[str, Any] = {"device": "cpu", "num_threads": 1}


def propose(image: np.ndarray, settings: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return sources.propose(entity.METHOD, image, section_of(entity.METHOD, **settings))


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[dict[str, Any]]:
    yield save_entity(tmp_path) | MACHINE
    sys.modules.pop(PACKAGE, None)


@needs_detectron2
def test_instances_of_any_class_are_segments(settings: dict[str, Any], disc_image: np.ndarray) -> None:
    masks, scores = propose(disc_image, settings)
    assert len(masks)
    assert masks.shape[1:] == disc_image.shape[:2]
    assert (np.diff(scores) <= 0).all()
    higher = float(scores[len(scores) // 2])
    fewer, _ = propose(disc_image, settings | {"min_score": higher})
    assert np.array_equal(fewer, masks[scores >= higher])


@needs_detectron2
def test_channels_are_in_the_order_of_the_configuration(settings: dict[str, Any], disc_image: np.ndarray) -> None:
    _, cfg = entity.load_network(section_of(entity.METHOD, **settings))
    bgr = entity._as_input(disc_image, cfg)
    cfg.INPUT.FORMAT = "RGB"
    assert np.array_equal(entity._as_input(disc_image, cfg), bgr[::-1])
    assert min(bgr.shape[1:]) == 64


@needs_detectron2
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"checkout": "/none"}, "proposals.entity.checkout is '/none', which is no folder"),
        ({"packages": ["no_such_project"]}, "cannot be imported"),
        ({"config": "none.yaml"}, "proposals.entity.config is 'none.yaml', which is no file"),
        ({"packages": []}, "is no configuration of these packages"),
        ({"weights": "none.pth"}, "proposals.entity.weights is 'none.pth', which cannot be read"),
    ],
)
def test_what_is_missing_is_named(
    settings: dict[str, Any], disc_image: np.ndarray, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        propose(disc_image, settings | changed)
    assert said in str(raised.value)


@needs_detectron2
def test_weights_of_another_class_count_are_refused(
    settings: dict[str, Any], tmp_path: Path, disc_image: np.ndarray
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    settings["weights"] = save_entity(other, num_classes=5)["weights"]
    with pytest.raises(InputError, match=r"do not fit the configuration .*size mismatch for roi_heads"):
        propose(disc_image, settings)


@needs_detectron2
def test_weights_that_lack_a_layer_are_refused(settings: dict[str, Any], disc_image: np.ndarray) -> None:
    import torch

    content = torch.load(settings["weights"], weights_only=True)
    content["model"] = {key: value for key, value in content["model"].items() if "mask_head" not in key}
    torch.save(content, settings["weights"])
    with pytest.raises(InputError, match=r"do not fit the configuration .*mask_head"):
        propose(disc_image, settings)


def broken_network(error: Exception) -> Callable[[Any], Never]:
    def network(_shown: Any) -> Never:
        raise error

    return network


@pytest.mark.parametrize("field", ["pred_masks", "scores"])
def test_an_image_in_which_entityseg_finds_nothing_has_no_segments(field: str) -> None:
    """Its code then reads a field that is not there; any other missing field is a fault."""
    network = broken_network(AttributeError(f"Cannot find field '{field}' in the given Instances!"))
    if field == "pred_masks":
        assert entity._instances(network, {}) is None
        return
    with pytest.raises(AttributeError):
        entity._instances(network, {})


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RuntimeError("Found no NVIDIA driver on your system."), InputError),
        (AssertionError("Torch not compiled with CUDA enabled"), InputError),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), RuntimeError),
    ],
)
def test_code_that_wants_a_gpu_is_told_from_other_faults(error: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind) as raised:
        entity._instances(broken_network(error), {})
    assert type(raised.value) is kind


def test_missing_detectron2_is_named(monkeypatch: pytest.MonkeyPatch, disc_image: np.ndarray) -> None:
    monkeypatch.setitem(sys.modules, "detectron2.config", None)
    settings: dict[str, Any] = {
        "checkout": None, "packages": ["entityseg"], "config": "a.yaml", "weights": "a.pth", "min_score": 0.2,
    }  # fmt: skip
    with pytest.raises(InputError, match=r"detectron2 is not installed .*detectron2\.readthedocs\.io"):
        propose(disc_image, settings | MACHINE)


@needs_detectron2
def test_a_configuration_runs_nothing(settings: dict[str, Any], tmp_path: Path, disc_image: np.ndarray) -> None:
    """detectron2 itself runs what a tag of YAML names."""
    config = Path(settings["config"])
    config.write_text(f"{config.read_text()}OUTPUT_DIR: !!python/object/apply:os.mkdir ['{tmp_path / 'ran'}']\n")
    with pytest.raises(InputError, match="is no configuration of these packages"):
        propose(disc_image, settings)
    assert not (tmp_path / "ran").exists()
