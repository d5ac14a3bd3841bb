"""An interrupted run goes on where it stopped, and gives the same captions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from empaste.artifacts.work_parts import CHECKSUMS, part_folder
from empaste.captions import resuming
from empaste.captions.resuming import CAPTIONS, resume_captions
from empaste.captions.scenes import Scene

SCENES = [Scene(number, Path("x"), ()) for number in (4, 2, 9, 7)]


@pytest.fixture(autouse=True)
def parts_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "SCENES_PER_PART", 2)


class Captioner:
    """Writes down what it is asked for; breaks off before the image ``broken``."""

    def __init__(self, broken: int | None = None) -> None:
        self.broken = broken
        self.asked: list[int] = []

    def __call__(self, scenes: list[Scene]) -> Iterator[list[str]]:
        for scene in scenes:
            if scene.image_id == self.broken:
                raise KeyboardInterrupt
            self.asked.append(scene.image_id)
            yield [f"{scene.image_id} é\n", ""]


def test_it_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = resume_captions(SCENES, Captioner(), tmp_path / "other")
    assert whole == [[f"{number} é\n", ""] for number in (4, 2, 9, 7)]
    assert capsys.readouterr().err == ""
    first, second = Captioner(broken=7), Captioner()
    with pytest.raises(KeyboardInterrupt):
        resume_captions(SCENES, first, tmp_path)
    assert first.asked == [4, 2, 9]
    assert resume_captions(SCENES, second, tmp_path) == whole
    assert second.asked == [9, 7]
    assert capsys.readouterr().err == "captions: going on after 2 of 4 images\n"


def test_it_goes_on_with_other_images(tmp_path: Path) -> None:
    resume_captions([SCENES[0], SCENES[2]], Captioner(), tmp_path)
    more, fewer = Captioner(), Captioner()
    whole = resume_captions(SCENES, more, tmp_path)
    assert more.asked == [2, 7]
    assert resume_captions(SCENES[1:], fewer, tmp_path) == whole[1:]
    assert fewer.asked == []


@pytest.mark.parametrize("name", [CAPTIONS, CHECKSUMS])
def test_what_was_damaged_is_made_again(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    whole = resume_captions(SCENES, Captioner(), tmp_path)
    file = part_folder(tmp_path, 9) / name
    file.write_bytes(file.read_bytes().replace(b"9", b"8", 1))
    again = Captioner()
    assert resume_captions(SCENES, again, tmp_path) == whole
    assert again.asked == [9, 7]
    assert f"WARNING: {file.parent} is damaged, and made again" in capsys.readouterr().err
