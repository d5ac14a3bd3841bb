"""Parts that stand are not made again, what failed is listed, and rows, shards and counts agree."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.shards import Shards
from empaste.artifacts.tables import write_table
from empaste.backgrounds import data_set, selection
from empaste.backgrounds.generator import Generator
from empaste.backgrounds.scenes import Candidate, Failure, Made, Scene, Source
from empaste.backgrounds.selection import Judge
from empaste.errors import InputError

NAMES = {1: "dog", 2: "cat"}


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    from tests.tiny_models import save_tiny_classifier

    classifier = load_classifier(save_tiny_classifier(tmp_path_factory.mktemp("model"), ("dog", "cat")))
    return partial(selection.judge, classifier=classifier, clip=None, keep=2, two_step=False, presence_threshold=0.52)


def scenes_of(num: int) -> list[Scene]:
    return [Scene(number, Path("x"), 9, 7) for number in range(1, num + 1)]


class Maker:
    """Makes three noisy images per scene; scene 5 is without context, scene 6 fails once and comes blank twice."""

    def __init__(self, stop_at: int = 0) -> None:
        self.stop_at = stop_at
        self.begun: list[int] = []
        self.made: list[int] = []

    def __call__(self, scenes: Sequence[Scene]) -> Iterator[Made]:
        for scene in scenes:
            if scene.image_id == self.stop_at:
                raise KeyboardInterrupt
            self.made.append(scene.image_id)
            rng = np.random.default_rng(scene.image_id)
            images = [rng.integers(0, 255, (9, 7, 3)).astype(np.uint8) for _ in range(3)]
            if scene.image_id == 5:
                yield Made(has_context=False)
            elif scene.image_id == 6:
                failure = Failure(-1, "a gate", 3, "the server is gone")
                yield Made([Candidate(image) for image in images[:2]], [failure], num_retried=2, num_blank=2)
            else:
                yield Made([Candidate(image) for image in images])

    def source(self) -> Source:
        return Source(self, lambda num_images, _: self.begun.append(num_images))


def generator(images_per_part: int = 9, by_caption: bool = False) -> Generator[Any]:
    return Generator("toy", lambda *_: Source(Maker()), by_caption=by_caption, images_per_part=images_per_part)


def make_parts(
    scenes: list[Scene], source: Source, judge: Judge, per_caption: int, work: Path, **options: Any
) -> list[Path]:
    return data_set.make_parts(scenes, generator(**options), lambda: source, lambda: judge, per_caption, map, work)


def made_by(maker: Maker, scenes: list[Scene], judge: Judge, folder: Path) -> data_set.Joined:
    (folder / "work").mkdir(exist_ok=True)
    (folder / "out").mkdir(exist_ok=True)
    parts = make_parts(scenes, maker.source(), judge, 3, folder / "work")
    return data_set.join_parts(parts, folder / "out")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_shards_and_counts_agree(judge: Judge, tmp_path: Path) -> None:
    made = made_by(Maker(), scenes_of(10), judge, tmp_path)
    table = made.table
    write_table(table, tmp_path / "table.parquet", Backgrounds)
    write_table(made.failures, tmp_path / "failures.parquet", BackgroundFailures)
    assert table["background_id"].tolist() == list(range(8 * 3 + 2))
    chosen = table[table["selected"]]
    shards = Shards(tmp_path / "out")
    assert list(shards) == chosen["file_name"].tolist()
    assert len(chosen) > 5
    assert shards.read_rgb(chosen["file_name"].iloc[0]).shape == (9, 7, 3)
    shows = table["presence_prob"] > 0.52
    assert 0 < shows.sum() < len(table)
    assert ((table["dropped_by"] == "presence") == shows).all()
    assert chosen.groupby("image_id").size().max() == 2
    assert made.failures.to_dict("records") == [
        {"image_id": 6, "caption_id": -1, "prompt": "a gate", "attempts": 3, "reason": "the server is gone"}
    ]
    result = data_set.summarise(made, NAMES, {"refused_by_labels": 4}, scored=False)
    assert (result["candidates"], result["selected"], result["failures"]) == (26, len(chosen), 1)
    assert (result["retried"], result["blank"], result["skipped_without_context"]) == (2, 2, 1)
    assert result["dropped_by_presence"] == shows.sum()
    assert result["refused_by_labels"] == 4
    assert result["dropped_as_surplus"] == 26 - len(chosen) - shows.sum()
    assert result["dropped_by_clip"] == 0
    assert result["mean_clip_score_selected"] is None
    assert max(result["dropped_per_class"].values()) <= shows.sum() <= sum(result["dropped_per_class"].values())
    json.dumps(result, allow_nan=False)


def test_an_interrupted_run_goes_on_and_ends_with_the_same_bytes(judge: Judge, tmp_path: Path) -> None:
    for name in ("whole", "halted"):
        (tmp_path / name).mkdir()
    whole = made_by(Maker(), scenes_of(10), judge, tmp_path / "whole")
    first, second = Maker(stop_at=8), Maker()
    with pytest.raises(KeyboardInterrupt):
        made_by(first, scenes_of(10), judge, tmp_path / "halted")
    assert first.made == [1, 2, 3, 4, 5, 6, 7]  # of which a part is three scenes
    halted = made_by(second, scenes_of(10), judge, tmp_path / "halted")
    assert second.made == [7, 8, 9, 10]
    assert (first.begun, second.begun) == ([30], [12])
    assert contents(tmp_path / "halted/out") == contents(tmp_path / "whole/out")
    assert halted.table.equals(whole.table)
    assert halted.tally == whole.tally
    assert halted.shown_per_class == whole.shown_per_class
    third = Maker()
    made_by(third, scenes_of(10), judge, tmp_path / "halted")
    assert third.made == [] == third.begun  # a finished run costs nothing


@pytest.mark.parametrize("name", [data_set.ROWS, data_set.IMAGES])
def test_a_damaged_part_is_made_again(
    judge: Judge, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = made_by(Maker(), scenes_of(10), judge, tmp_path)
    before = contents(tmp_path / "out")
    file = tmp_path / "work/part-000001" / name
    os.truncate(file, file.stat().st_size // 2)
    again = Maker()
    made = made_by(again, scenes_of(10), judge, tmp_path)
    assert again.made == [4, 5, 6]
    assert contents(tmp_path / "out") == before
    assert made.table.equals(whole.table)
    assert f"WARNING: {file.parent} is damaged, and made again" in capsys.readouterr().err


def test_a_part_is_some_images_and_a_scene_stays_whole(judge: Judge, tmp_path: Path) -> None:
    captioned = [Scene(number, Path("x"), 9, 7, captions=((1, "a"), (2, "b"))) for number in (1, 2, 3)]
    for by_caption, num_parts, num_images in ((True, 2, 18), (False, 1, 9)):
        maker, work = Maker(), tmp_path / str(by_caption)
        work.mkdir()
        parts = make_parts(captioned, maker.source(), judge, 3, work, by_caption=by_caption)
        assert len(parts) == num_parts
        assert maker.begun == [num_images]


def test_only_captioned_scenes_ask_for_images_by_caption(judge: Judge, tmp_path: Path) -> None:
    scenes = [Scene(number, Path("x"), 9, 7, captions=((1, "a"),) if number == 20 else ()) for number in range(1, 25)]
    maker = Maker()
    make_parts(scenes, maker.source(), judge, 2, tmp_path, by_caption=True)
    assert maker.begun == [2]
    with pytest.raises(InputError, match=r"no training image has a caption .*dvc repro captions"):
        make_parts(scenes[:5], maker.source(), judge, 2, tmp_path, by_caption=True)


def test_the_last_images_of_a_resumed_run_may_all_fail(judge: Judge, tmp_path: Path) -> None:
    make_parts(scenes_of(2), Source(Maker()), judge, 3, tmp_path, images_per_part=3)
    refused = Source(lambda scenes: [Made(failures=[Failure(-1, "", 1, "refused")]) for _ in scenes])
    shutil.rmtree(tmp_path / "part-000001")
    parts = make_parts(scenes_of(2), refused, judge, 3, tmp_path, images_per_part=3)
    made = data_set.join_parts(parts, tmp_path)
    assert made.failures["reason"].tolist() == ["refused"]
    assert set(made.table["image_id"]) == {1}


def test_what_a_source_keeps_outlasts_an_error_and_is_gone_once_the_part_stands(judge: Judge, tmp_path: Path) -> None:
    kept: list[Path] = []
    stops = [2, 0]

    def make(scenes: Sequence[Scene]) -> Iterator[Made]:
        kept[-1].mkdir(exist_ok=True)
        (kept[-1] / str(scenes[0].image_id)).touch()
        if scenes[0].image_id == stops[0]:
            raise InputError("the budget is used up")
        yield Made([Candidate(np.zeros((9, 7, 3), np.uint8))])

    source = Source(make, lambda _, folder: kept.append(folder))
    with pytest.raises(InputError, match="budget"):
        make_parts(scenes_of(3), source, judge, 1, tmp_path, images_per_part=1)
    assert [path.name for path in kept[0].iterdir()] == ["2"], "that of the first part is gone"
    stops.pop(0)
    make_parts(scenes_of(3), source, judge, 1, tmp_path, images_per_part=1)
    assert kept[0] == kept[1]
    assert not kept[0].exists()


def test_where_everything_fails_the_run_ends_with_the_reason(judge: Judge, tmp_path: Path) -> None:
    def make(scenes: Sequence[Scene]) -> Iterator[Made]:
        for scene in scenes:
            if scene.image_id <= 10:
                yield Made([Candidate(np.zeros((9, 7, 3), np.uint8))])
            else:
                yield Made(failures=[Failure(-1, "", 3, "no answer within 5 s")])

    source = Source(make)
    for name in ("some", "more", "all"):
        (tmp_path / name).mkdir()
    make_parts(
        scenes_of(25), source, judge, 1, tmp_path / "some", images_per_part=10
    )  # fewer in a row than is hopeless
    with pytest.raises(InputError, match=r"all 16 images of this part failed, .*: no answer within 5 s; what was made"):
        make_parts(scenes_of(42), source, judge, 1, tmp_path / "more", images_per_part=16)
    with pytest.raises(InputError, match="all 1 images"):
        make_parts(scenes_of(11)[10:], source, judge, 1, tmp_path / "all", images_per_part=10)


def test_nothing_to_make(judge: Judge, tmp_path: Path) -> None:
    made = made_by(Maker(), [], judge, tmp_path)
    write_table(made.table, tmp_path / "table.parquet", Backgrounds)
    write_table(made.failures, tmp_path / "failures.parquet", BackgroundFailures)
    assert made.table.empty
    assert list((tmp_path / "out").iterdir()) == []
    assert data_set.summarise(made, NAMES, {}, scored=True)["dropped_per_class"] == {"dog": 0, "cat": 0}
