"""Results find the way back to the user's own photographs: whole, at full size, under their own names."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from empaste.artifacts.coco import instance
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.originals import Originals
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into, write_table
from empaste.errors import InputError
from empaste.exporting.originals import enlarged
from empaste.exporting.reading import Places
from empaste.exporting.writing import Export, export_data_set
from empaste.layout import HERE
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from stages.prepare import main as prepare

ROOT = Path(__file__).parents[2]
SIZE_WH = 200, 160
"""Of the photograph; a frame of 20 pixels is around what it shows, and in that lies the object."""
OBJECT = np.zeros(SIZE_WH[::-1], bool)
OBJECT[50:110, 60:140] = True


def export(what: str, **options: object) -> Export:
    places = Places(HERE, originals=True, **options)  # type: ignore[arg-type]
    return export_data_set(what, Path("out"), "coco", places, images="copy", min_score=0.0, tell=print)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of `prepare` on photographs in frames, shrunk to a half, and what F-EM would choose in the first one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    content = np.random.default_rng(0).integers(0, 200, (15, 20, 3), np.uint8)
    shown = cv2.resize(content, (160, 120), interpolation=cv2.INTER_CUBIC)
    framed = np.pad(shown, ((20, 20), (20, 20), (0, 0)), constant_values=255)
    for name in ("a b.jpg", "deep/c.jpg", "val.jpg"):
        (tmp_path / "mine/images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(framed).save(tmp_path / "mine/images" / name, quality=95)
    rows = "a b.jpg,cat,train\ndeep/c.jpg,dog,train\nval.jpg,cat,val\n"
    (tmp_path / "mine/labels.csv").write_text(f"file,label,split\n{rows}")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["prepare"] |= {"dataset": "folder", "root": "mine", "max_side": 100, "trim_margins": True}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    prepare()
    whole = cv2.resize(OBJECT.astype(np.uint8), (100, 80), interpolation=cv2.INTER_AREA) > 0
    mask = whole[10:70, 10:90]
    segment = {"segment_id": 0, "image_id": 1, "counts": encode_mask(mask)["counts"], "height": 60, "width": 80,
               "area": int(mask.sum()), "x": 0, "y": 0, "box_width": 1, "box_height": 1, "score": 1.0}  # fmt: skip
    write_into(HERE.segments, pd.DataFrame([segment]), Segments)
    chosen = {"image_id": 1, "class_id": 1, "segment_id": 0, "distance": 1.0, "prob": 0.9, "inlier": True,
              "cam_empty": False, "instance": 0, "confidence": 0.75}  # fmt: skip
    write_table(pd.DataFrame([chosen]), HERE.foregrounds / "pool.parquet", Foregrounds)
    return tmp_path


def test_prepare_says_where_its_images_come_from(photographs: Path) -> None:
    assert photographs.is_dir()
    assert read_from(HERE.originals, Originals).to_numpy().tolist() == [
        [1, "images/a b.jpg", 160, 200, 10, 10, 10, 10],
        [2, "images/deep/c.jpg", 160, 200, 10, 10, 10, 10],
        [3, "images/val.jpg", 160, 200, 0, 0, 0, 0],
    ]


def test_a_foreground_is_exported_in_the_users_own_photograph(photographs: Path) -> None:
    assert export("foregrounds") == Export(2, 1)
    data = json.loads(Path("out/annotations/instances_default.json").read_text())
    assert [(row["file_name"], row["height"], row["width"]) for row in data["images"]] == [
        ("a b.jpg", 160, 200), ("deep/c.jpg", 160, 200),
    ]  # fmt: skip
    for name in ("a b.jpg", "deep/c.jpg"):
        assert (photographs / "out/images" / name).read_bytes() == (photographs / "mine/images" / name).read_bytes()
    (found,) = data["annotations"]
    assert (decode_mask(found["segmentation"]) == OBJECT).all()
    assert found["bbox"] == list(mask_box_xywh(OBJECT))


@pytest.mark.parametrize(("what", "image_id", "name"), [("refined", 2, "deep/c.jpg"), ("detections", 3, "val.jpg")])
def test_so_is_what_was_drawn_anew_or_detected(photographs: Path, what: str, image_id: int, name: str) -> None:
    height, width = (60, 80) if what == "refined" else (80, 100)
    row = instance(1, image_id, 1, encode_mask(np.ones((height, width), bool)), score=0.5)
    image = {"id": image_id, "file_name": f"train/{name}", "height": height, "width": width}
    category = {"id": 1, "name": "cat", "supercategory": "object"}
    content = {"info": {"description": "x"}, "images": [image], "categories": [category], "annotations": [row]}
    path = photographs / (HERE.refined / "pool.json" if what == "refined" else HERE.detections / "val.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content if what == "refined" else [row]))
    assert export(what) == Export(1, 1)
    data = json.loads(Path("out/annotations/instances_default.json").read_text())
    assert [one["file_name"] for one in data["images"]] == [name]
    wanted = [20, 20, 160, 120] if what == "refined" else [0, 0, 200, 160]
    assert data["annotations"][0]["bbox"] == wanted


def test_photographs_that_moved_are_found_where_the_user_says(photographs: Path) -> None:
    (photographs / "mine").rename(photographs / "elsewhere")
    with pytest.raises(InputError, match=r"mine/images/a b.jpg is no file; name the folder .* by --image-folder"):
        export("foregrounds")
    assert export("foregrounds", image_folder=Path("elsewhere")) == Export(2, 1)


@given(st.tuples(*[st.integers(0, 5)] * 4), st.integers(1, 4))
def test_a_mask_of_whole_pixels_comes_back_as_it_was(margins: tuple[int, int, int, int], factor: int) -> None:
    top, bottom, left, right = margins
    small = np.zeros((9 + top + bottom, 12 + left + right), bool)
    small[top + 2 : top + 7, left + 3 : left + 9] = True
    inside = small[top : top + 9, left : left + 12]
    height, width = (side * factor for side in small.shape)
    found = decode_mask(enlarged(encode_mask(inside), (height, width), margins))
    wanted = cv2.resize(small.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    # Interpolation rounds corners, by less than a pixel of the small mask.
    assert (found ^ wanted).sum() <= 4 * (factor - 1) ** 2
    if factor == 1:
        assert (found == small).all()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("composites", "composites are no photographs of yours; leave --originals out"),
        ("predictions", "predictions are in your own photographs already; leave --originals out"),
    ],
)
def test_what_is_of_no_image_of_the_run_is_refused(photographs: Path, what: str, message: str) -> None:
    assert photographs.is_dir()
    with pytest.raises(InputError, match=message):
        export(what)


def test_the_demo_has_no_originals(photographs: Path) -> None:
    params = yaml.safe_load((photographs / "params.yaml").read_text())
    params["prepare"] |= {"dataset": "demo"}
    (photographs / "params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(InputError, match="the demo's images are drawn, so there are no originals of them"):
        export("foregrounds")
    write_into(HERE.originals, read_from(HERE.originals, Originals).iloc[1:], Originals)
    with pytest.raises(InputError, match=r"train/a b.jpg was made of no file, so there is no original of it"):
        export("foregrounds", image_folder=Path("mine"))


def test_no_original_leads_out_of_the_folder(photographs: Path) -> None:
    assert photographs.is_dir()
    table = read_from(HERE.originals, Originals)
    for file in ("../secret.jpg", "/a/../../secret.jpg", ""):
        with pytest.raises(InputError, match="file"):
            write_into(HERE.originals, table.assign(file=file), Originals)
