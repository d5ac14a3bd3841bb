"""An interrupted run goes on where it stopped, and gives the same captions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from empaste.captions.resuming import resume_captions
from empaste.captions.scenes import Scene

SCENES = [Scene(number, Path("x"), ()) for number in (4, 2, 9, 7)]


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


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    file = tmp_path / "captions.jsonl"
    whole = list(resume_captions(SCENES, Captioner(), tmp_path / "other.jsonl"))
    first, second = Captioner(broken=9), Captioner()
    with pytest.raises(KeyboardInterrupt):
        list(resume_captions(SCENES, first, file))
    assert first.asked == [4, 2]
    assert list(resume_captions(SCENES, second, file)) == whole
    assert second.asked == [9, 7]


@pytest.mark.parametrize("left", [b'{"image_id": 2, "te', b"\xff\xfe\x00", b"[]\n", b"{}\n"])
def test_half_a_line_is_made_again(tmp_path: Path, left: bytes) -> None:
    file = tmp_path / "captions.jsonl"
    whole = list(resume_captions(SCENES[:1], Captioner(), file))
    with file.open("ab") as stream:
        stream.write(left)
    captioner = Captioner()
    assert list(resume_captions(SCENES, captioner, file))[:1] == whole
    assert captioner.asked == [2, 9, 7]
    again = Captioner()
    assert len(list(resume_captions(SCENES, again, file))) == 4
    assert again.asked == []
