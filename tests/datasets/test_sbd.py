"""SBD's masks beside a VOC devkit: what they say, where they are looked for, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from empaste.datasets.sbd import instance_folder, read_sbd
from empaste.datasets.voc import open_voc
from empaste.errors import InputError
from tests.datasets.layouts import settings_of, write_sbd, write_voc

OBJECTS = np.zeros((30, 40))
OBJECTS[2:8, 3:9], OBJECTS[10:20, 5:25] = 1, 2


def test_every_pixel_has_its_object_and_that_ones_class(tmp_path: Path) -> None:
    write_sbd(tmp_path / "a.mat", OBJECTS, [18, 15])
    objects, classes = read_sbd(tmp_path / "a.mat")
    np.testing.assert_array_equal(objects, OBJECTS)
    assert [classes[2, 3], classes[10, 5], classes[0, 0]] == [18, 15, 0]


def test_an_image_without_objects(tmp_path: Path) -> None:
    write_sbd(tmp_path / "a.mat", np.zeros((4, 5)), [])
    objects, classes = read_sbd(tmp_path / "a.mat")
    assert not objects.any()
    assert not classes.any()


@pytest.mark.parametrize(
    "place",
    [
        "VOCdevkit/VOC2012/inst",
        "VOCdevkit/VOC2012/benchmark_RELEASE/dataset/inst",
        "VOCdevkit/benchmark_RELEASE/dataset/inst",
        "benchmark_RELEASE/dataset/inst",
    ],
)
def test_images_without_masks_of_vocs_have_sbds(tmp_path: Path, place: str) -> None:
    write_voc(tmp_path)
    for name in ("2007_000032", "2008_000005"):
        write_sbd(tmp_path / place / f"{name}.mat", OBJECTS, [18, 15])
    data = open_voc(settings_of(tmp_path / "VOCdevkit"))
    own, sbds = (data.load(example, 0) for example in data.examples[:2])
    assert [(class_id, int(mask.sum())) for class_id, mask, _ in own.masks] == [(12, 100), (15, 200)], "VOC's own win"
    assert [(class_id, int(mask.sum())) for class_id, mask, _ in sbds.masks] == [(18, 36), (15, 200)]
    assert sbds.class_ids == (18,), "labels are those of the XML file"
    assert "a class that the XML file does not name" in sbds.remarks[0].reason
    assert sbds.void is not None
    assert not sbds.void.any()


def test_a_folder_beside_is_looked_at_where_the_devkit_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "benchmark_RELEASE/dataset/inst").mkdir(parents=True)
    for name, found in (("VOCdevkit", True), ("other", False)):
        (tmp_path / name / "VOC2012").mkdir(parents=True)
        assert (instance_folder(tmp_path / name / "VOC2012") is not None) is found


def test_without_masks_the_boxes_stay(tmp_path: Path) -> None:
    write_voc(tmp_path)
    (tmp_path / "benchmark_RELEASE/dataset/inst").mkdir(parents=True)
    data = open_voc(settings_of(tmp_path / "VOCdevkit"))
    assert [example.mask_path is None for example in data.examples] == [False, True, False]


def test_classes_of_ones_own_have_none_of_sbds(tmp_path: Path) -> None:
    year = write_voc(tmp_path) / "VOCdevkit" / "VOC2012"
    (year / "labelmap.txt").write_text("dog:::\nperson:::\nsofa:::\ntrain:::\n")
    write_sbd(tmp_path / "benchmark_RELEASE/dataset/inst/2008_000005.mat", OBJECTS, [18, 15])
    assert open_voc(settings_of(year)).examples[1].mask_path is None


def refused(path: Path, content: dict[str, Any] | bytes) -> str:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        savemat(path, content)
    with pytest.raises(InputError) as found:
        read_sbd(path)
    return str(found.value)


WHOLE = {"Segmentation": OBJECTS.astype(np.uint8), "Categories": np.array([[18], [15]], np.uint8)}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no GTinst; give the files of SBD's folder dataset/inst, not of dataset/cls"),
        ({"GTcls": WHOLE}, "holds no GTinst"),
        ({"GTinst": WHOLE["Segmentation"]}, "holds no GTinst"),
        ({"GTinst": {"Segmentation": WHOLE["Segmentation"]}}, "holds no Segmentation and Categories in its GTinst"),
        ({"GTinst": WHOLE | {"Segmentation": np.full((3, 3), 0.5)}}, "holds no Segmentation and Categories"),
        ({"GTinst": WHOLE | {"Segmentation": np.full((3, 3), -1)}}, "holds no Segmentation and Categories"),
        ({"GTinst": WHOLE | {"Segmentation": np.zeros((3, 3, 2))}}, "holds no Segmentation and Categories"),
        ({"GTinst": WHOLE | {"Categories": np.array([[18]])}}, "numbers 2 objects, and names the classes of 1; unpack"),
    ],
)
def test_what_holds_no_instances_is_refused(tmp_path: Path, content: dict[str, Any] | bytes, said: str) -> None:
    assert said in refused(tmp_path / "a.mat", content)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    write_sbd(tmp_path / "whole.mat", OBJECTS, [18, 15])
    data = (tmp_path / "whole.mat").read_bytes()
    assert "a.mat is no MATLAB file that can be read (" in refused(tmp_path / "a.mat", data[:-40])


def test_a_class_that_voc_has_not_is_refused(tmp_path: Path) -> None:
    write_voc(tmp_path)
    write_sbd(tmp_path / "benchmark_RELEASE/dataset/inst/2008_000005.mat", OBJECTS, [18, 33])
    data = open_voc(settings_of(tmp_path / "VOCdevkit"))
    with pytest.raises(InputError, match="object 2 has the class value 33; allowed are 1 to 20"):
        data.load(data.examples[1], 0)
