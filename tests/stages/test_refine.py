"""The stage: every round as a COCO file, figures, and that a killed run goes on."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from pycocotools.coco import COCO

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import read_table, write_table
from empaste.refinement import rounds as rounds_module
from empaste.refinement.segmenter import Segmenter
from empaste.refinement.training import fit_segmenter
from stages.refine import main
from tests.stages.classifying import REFINE as QUICK
from tests.stages.classifying import write_params, write_refinable

OUT, METRICS = Path("data/refined"), Path("metrics/refine.json")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four training images, whose discs (class 2) and squares (class 5) are the pool and the ground truth."""
    monkeypatch.chdir(tmp_path)
    write_params(refine=QUICK)
    write_refinable()


def written() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (*OUT.iterdir(), METRICS)}


def test_every_round_opens_as_coco_and_the_last_one_is_the_pool() -> None:
    main()
    assert set(written()) == {"round_1.json", "round_2.json", "pool.json", "refine.json"}
    opened = COCO(str(OUT / "pool.json"))
    assert sorted(opened.getImgIds()) == [1, 2, 3, 4]
    assert {one["name"] for one in opened.loadCats(opened.getCatIds())} == {"disc", "square"}
    found = opened.loadAnns(opened.getAnnIds())
    assert found
    assert [one["id"] for one in found] == list(range(1, len(found) + 1))
    for one in found:
        image = opened.loadImgs(one["image_id"])[0]
        assert opened.annToMask(one).shape == (image["height"], image["width"])
        assert one["area"] == opened.annToMask(one).sum() > 0
        assert 0 <= one["score"] <= 1
    pool, last = (json.loads((OUT / name).read_text())["annotations"] for name in ("pool.json", "round_2.json"))
    assert pool == last
    assert not list(Path(".work/refine").iterdir())


def test_an_empty_pool_ends_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    pool = Path("data/foregrounds/pool.parquet")
    write_table(read_table(pool, Foregrounds).head(0), pool, Foregrounds)
    with pytest.raises(typer.Exit):
        main()
    assert "round 1 of refine has no foreground to learn; look at data/foregrounds" in capsys.readouterr().err
    assert not OUT.exists()


def test_rounds_are_measured() -> None:
    write_params(refine={**QUICK, "rounds": 1})
    main()
    metrics = json.loads(METRICS.read_text())
    number = len(json.loads((OUT / "round_1.json").read_text())["annotations"])
    assert metrics["instances"] == {"round_1": number}
    assert sum(metrics["instances_per_class"].values()) == number
    assert set(metrics["precision50"]) == set(metrics["found"]) == {"round_1"}
    assert metrics["precision50"]["round_1"] is not None


def test_labels_without_a_foreground_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    write_params(refine={**QUICK, "rounds": 1, "threshold": 0.9999})
    main()
    metrics = json.loads(METRICS.read_text())
    empty, kept = metrics["empty"]["round_1"], metrics["kept"]["round_1"]
    assert empty > 0
    said = (
        f"refine: after round 1 {empty} labels of images have no foreground, since nothing of them was seen; those of "
    )
    assert f"{said}{kept} stay that it could not look at, or saw nothing of" in capsys.readouterr().err


def test_no_round_writes_an_empty_pool_and_reads_no_foreground() -> None:
    shutil.rmtree("data/foregrounds")
    write_params(refine={**QUICK, "rounds": 0})
    main()
    assert set(written()) == {"pool.json", "refine.json"}
    assert json.loads((OUT / "pool.json").read_text())["annotations"] == []
    assert json.loads(METRICS.read_text())["instances_per_class"] == {"disc": 0, "square": 0}


def test_a_killed_run_goes_on_with_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    main()
    undisturbed, keys = written(), []

    def dying(examples: Any, num: int, settings: Any, key: Sequence[int], what: str) -> Segmenter:
        keys.append(tuple(key))
        if keys == [(1, 0), (1, 1)]:
            raise KeyboardInterrupt
        return fit_segmenter(examples, num, settings, key, what)

    monkeypatch.setattr(rounds_module, "fit_segmenter", dying)
    with pytest.raises(KeyboardInterrupt):
        main()
    assert written() == undisturbed
    [work] = Path(".work/refine").iterdir()
    assert [file.name for file in work.iterdir()] == ["round_1_fold_0"]
    main()
    assert keys[2:] == [(1, 1), (2, 0), (2, 1)]
    assert written() == undisturbed
    assert not work.exists()
