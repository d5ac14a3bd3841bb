"""Work kept part by part: what stands is not made again, and nothing that is damaged is used."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from empaste.artifacts.work_parts import CHECKSUMS, finish_parts, whole_batches


class Squares:
    """Squares numbers; ``asked`` holds those that it was asked for, and it ends after ``limit`` of them."""

    def __init__(self, limit: int | None = None) -> None:
        self.asked: list[int] = []
        self.limit = limit

    def __call__(self, items: Sequence[int]) -> Iterator[int]:
        for item in items:
            if len(self.asked) == self.limit:
                raise KeyboardInterrupt
            self.asked.append(item)
            yield item**2


def write(folder: Path, results: Sequence[int]) -> None:
    (folder / "squares.json").write_text(json.dumps(list(results)))


def finish(work: Path, make: Squares, num: int = 7, per_part: int = 3) -> list[int]:
    parts = finish_parts(work, "squares", range(num), make, write, per_part)
    return [square for part in parts for square in json.loads((part / "squares.json").read_text())]


def test_results_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert finish(tmp_path, Squares()) == [0, 1, 4, 9, 16, 25, 36]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["part-000000", "part-000001", "part-000002"]
    assert capsys.readouterr().err == ""


def test_no_items_no_parts(tmp_path: Path) -> None:
    nothing = Squares(0)
    assert finish_parts(tmp_path, "squares", [], nothing, write) == []
    assert nothing.asked == []


@given(limit=st.integers(0, 7), per_part=st.integers(1, 8))
def test_goes_on_after_what_is_finished(tmp_path_factory: pytest.TempPathFactory, limit: int, per_part: int) -> None:
    work = tmp_path_factory.mktemp("work")
    first, second = Squares(limit), Squares()
    if limit < 7:
        with pytest.raises(KeyboardInterrupt):
            finish(work, first, 7, per_part)
    else:
        finish(work, first, 7, per_part)
    assert finish(work, second, 7, per_part) == [number**2 for number in range(7)]
    finished = limit // per_part * per_part if limit < 7 else 7
    assert second.asked == list(range(finished, 7))


def test_says_that_it_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        finish(tmp_path, Squares(5))
    finish(tmp_path, Squares())
    assert "squares: going on after 1 of 3 parts" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["squares.json", CHECKSUMS])
@pytest.mark.parametrize("size", [0, 5, None])
def test_a_damaged_part_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, size: int | None
) -> None:
    finish(tmp_path, Squares())
    path = tmp_path / "part-000001" / name
    data = path.read_bytes()
    path.unlink() if size is None else path.write_bytes(data[:size])
    again = Squares()
    assert finish(tmp_path, again) == [0, 1, 4, 9, 16, 25, 36]
    assert again.asked == [3, 4, 5]
    assert path.read_bytes() == data
    assert f"WARNING: {tmp_path}/part-000001 is damaged, and made again" in capsys.readouterr().err


def test_a_file_too_many_is_damage_too(tmp_path: Path) -> None:
    finish(tmp_path, Squares())
    (tmp_path / "part-000000" / "more").write_text("")
    again = Squares()
    finish(tmp_path, again)
    assert again.asked == [0, 1, 2]


def test_an_error_while_writing_leaves_earlier_parts(tmp_path: Path) -> None:
    def full(folder: Path, results: Sequence[int]) -> None:
        if 9 in results:
            raise OSError(28, "No space left on device")
        write(folder, results)

    with pytest.raises(OSError, match="No space"):
        finish_parts(tmp_path, "squares", range(7), Squares(), full, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["part-000000"]


@pytest.mark.parametrize(("batch_size", "expected"), [(1, 64), (64, 64), (48, 96), (100, 100)])
def test_parts_hold_whole_batches(batch_size: int, expected: int) -> None:
    assert whole_batches(batch_size) == expected
