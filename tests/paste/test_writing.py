"""The written data set: numbering, what is left out, what is skipped, going on after a kill, and COCO tools read it."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO

from empaste.artifacts.coco_records import InstanceRecord
from empaste.artifacts.shards import Shards
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.masks import encode_mask
from empaste.paste import writing
from empaste.paste.compose import EncodedComposite, Unreadable
from empaste.paste.pool import Canvas
from empaste.paste.writing import Tally, write_composites

CLASSES = pd.DataFrame({"class_id": [3, 8], "name": ["cat", "dog"], "supercategory": ["animal", "animal"]})


def annotation(class_id: int, source: str) -> InstanceRecord:
    mask = np.zeros((6, 8), bool)
    mask[1:3, 2:6] = True
    return {"category_id": class_id, "segmentation": encode_mask(mask), "area": 8, "bbox": [2, 1, 4, 2], "iscrowd": 0,
            "source": source, "segment_id": 4}  # fmt: skip


def composite(shade: int, *annotations: InstanceRecord, dropped: int = 0) -> EncodedComposite:
    image = np.full((6, 8, 3), shade, np.uint8)
    return EncodedComposite(encode_rgb(image, ".jpg", 95), (6, 8), list(annotations), dropped)


def canvas(kind: str, source_id: int, pasted_on: bool) -> Canvas:
    return Canvas(kind, source_id, 0, Path(f"{source_id}.jpg"), (), pasted_on)


def write(folder: Path, canvases: Sequence[Canvas], made: Sequence[EncodedComposite | Unreadable]) -> Tally:
    """``folder/out`` from ``made``, one for each of ``canvases``; what is unfinished stays in ``folder/work``."""
    by_canvas = dict(zip(map(id, canvases), made, strict=True))
    (folder / "out").mkdir(exist_ok=True)
    (folder / "work").mkdir(exist_ok=True)
    return write_composites(
        folder / "out", folder / "work", canvases, lambda rest: (by_canvas[id(one)] for one in rest), CLASSES
    )


def content(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "out" / "instances.json").read_text()))


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Tally]:
    canvases = [canvas("original", 5, True), canvas("background", 7, True), canvas("original", 5, False)]
    made = [
        composite(10, annotation(3, "original"), annotation(8, "pasted"), dropped=1),
        composite(20, dropped=2),
        composite(30, annotation(3, "original")),
    ]
    return tmp_path, write(tmp_path, canvases, made)


def test_images_are_numbered_from_one_without_gaps_and_empty_ones_stay_out(written: tuple[Path, Tally]) -> None:
    data, shards = content(written[0]), Shards(written[0] / "out")
    assert [image["file_name"] for image in data["images"]] == list(shards) == ["000001.jpg", "000002.jpg"]
    assert [int(shards.read_rgb(name).mean().round()) for name in shards] == [10, 30]
    assert [(row["id"], row["image_id"]) for row in data["annotations"]] == [(1, 1), (2, 1), (3, 2)]
    assert data["info"] == {"description": "EM-Paste composites"}
    assert sorted(file.name for file in (written[0] / "out").iterdir()) == ["images-00000.tar", "instances.json"]


def test_coco_tools_open_it(written: tuple[Path, Tally]) -> None:
    coco = COCO(str(written[0] / "out" / "instances.json"))
    assert coco.getImgIds() == [1, 2]
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["cat", "dog"]
    assert coco.annToMask(coco.anns[2]).sum() == coco.anns[2]["area"] == 8


def many(num: int) -> tuple[list[Canvas], list[EncodedComposite | Unreadable]]:
    """Items whose composites have one or two annotations; every seventh has none and stays out."""
    made: list[EncodedComposite | Unreadable] = [
        composite(k % 250, *[annotation(3, "pasted")] * (k % 7 and 1 + k % 2), dropped=k % 2) for k in range(num)
    ]
    return [canvas("background", k, True) for k in range(num)], made


def test_a_run_that_was_killed_goes_on_behind_its_finished_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SHARD_SIZE", 5)
    canvases, made = many(40)
    by_canvas = dict(zip(map(id, canvases), made, strict=True))
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", canvases, made)

    def stops(rest: Sequence[Canvas]) -> Iterator[EncodedComposite | Unreadable]:
        for number, one in enumerate(rest):
            if number == 23:
                raise KeyboardInterrupt
            yield by_canvas[id(one)]

    asked: list[int] = []

    def goes_on(rest: Sequence[Canvas]) -> Iterator[EncodedComposite | Unreadable]:
        asked.append(len(rest))
        return (by_canvas[id(one)] for one in rest)

    for name in ("out", "work"):
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_composites(tmp_path / "out", tmp_path / "work", canvases, stops, CLASSES)
    assert sorted(file.name for file in (tmp_path / "work").glob("*/*.tar")) == [
        f"images-0000{k}.tar" for k in range(3)
    ]
    resumed = write_composites(tmp_path / "out", tmp_path / "work", canvases, goes_on, CLASSES)
    assert asked == [22]  # 18 made three shards of 5, and 3 stayed out
    assert resumed == whole
    files = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "whole" / "out").iterdir()}
    assert len(files) == 8


@pytest.mark.parametrize("name", ["images-00001.tar", "rows.annotations", writing.TALLY])
def test_a_damaged_shard_and_those_behind_it_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(writing, "SHARD_SIZE", 5)
    canvases, made = many(40)
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", canvases, made)
    by_canvas = dict(zip(map(id, canvases), made, strict=True))
    asked: list[int] = []

    def composed(rest: Sequence[Canvas]) -> Iterator[EncodedComposite | Unreadable]:
        asked.append(len(rest))
        for number, one in enumerate(rest):
            if len(asked) == 1 and number == 23:
                raise KeyboardInterrupt
            yield by_canvas[id(one)]

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_composites(tmp_path / "out", tmp_path / "work", canvases, composed, CLASSES)
    file = tmp_path / "work/part-000001" / name
    os.truncate(file, file.stat().st_size // 2)
    assert write_composites(tmp_path / "out", tmp_path / "work", canvases, composed, CLASSES) == whole
    assert asked == [40, 34]  # six made the first shard of 5
    files = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "whole" / "out").iterdir()}
    assert f"WARNING: {file.parent} is damaged, and made again" in capsys.readouterr().err


def test_a_shard_that_is_gone_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHARD_SIZE", 5)
    canvases, made = many(20)
    write(tmp_path, canvases, made)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    write(tmp_path, canvases, made)  # the shards were moved out of the folder for unfinished work
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


def test_composites_without_any_instance_make_no_shard(tmp_path: Path) -> None:
    total = write(tmp_path, [canvas("background", 1, True)], [composite(10)])
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["instances.json"]
    assert content(tmp_path)["images"] == content(tmp_path)["annotations"] == []
    assert total.counts["dropped_images"] == 1


def test_an_unreadable_image_in_a_hundred_is_skipped_named_and_counted_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    canvases, made = many(100)
    canvases.append(canvases[50]._replace(copy=1))
    made.append(made[50])
    made[50] = made[100] = Unreadable("50.jpg is not a readable image (0 bytes)")
    total = write(tmp_path, canvases, made)
    assert total.unreadable == {"50.jpg": "50.jpg is not a readable image (0 bytes)"}
    assert content(tmp_path)["info"]["skipped"] == ["50.jpg is not a readable image (0 bytes)"]
    assert 50 not in {image["source_id"] for image in content(tmp_path)["images"]}
    assert capsys.readouterr().err == "WARNING: skipped: 50.jpg is not a readable image (0 bytes)\n"


def test_more_than_one_unreadable_image_in_a_hundred_ends_the_run(tmp_path: Path) -> None:
    canvases, made = many(199)
    made[3], made[190] = Unreadable("3.jpg is broken"), Unreadable("190.jpg is broken")
    with pytest.raises(InputError, match=r"more than 1% of the images .*: 3\.jpg is broken; 190\.jpg is broken$"):
        write(tmp_path, canvases, made)
