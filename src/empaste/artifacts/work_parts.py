"""Long work over many items, kept part by part, so that an interrupted stage goes on after what is finished.

A part is a folder in the stage's folder for unfinished work (`artifacts.work`) with the results of some consecutive
items, and the checksums of its files. It appears whole; one that was damaged afterwards is made again.
"""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from empaste.artifacts.checksums import folder_checksums
from empaste.artifacts.outputs import whole_directory, write_json

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEMS_PER_PART = 64
"""Items of a part where nothing else is asked for. A kill costs at most so many, and those that workers have begun."""
CHECKSUMS = "checksums.json"


def finish_parts(
    work: Path,
    what: str,
    items: Sequence[Item],
    make: Callable[[Sequence[Item]], Iterable[Result]],
    write: Callable[[Path, Sequence[Result]], None],
    per_part: int = ITEMS_PER_PART,
) -> list[Path]:
    """The folders of all parts in ``work``, in order; together they hold the results of ``items``.

    ``make`` gets the items of the parts that do not stand yet, and yields a result for each, in order. ``write`` puts
    the results of one part into a folder that exists. One part's results are in memory at a time. ``what`` names the
    work where it says on stderr what it finds.
    """
    starts = range(0, len(items), per_part)
    folders = [part_folder(work, number) for number in range(len(starts))]
    parts = zip(folders, (items[at : at + per_part] for at in starts), strict=True)
    todo = [(folder, part) for folder, part in parts if not part_stands(folder)]
    if len(todo) < len(folders):
        print(f"{what}: going on after {len(folders) - len(todo):,} of {len(folders):,} parts", file=sys.stderr)
    results = iter(make([item for _, part in todo for item in part]) if todo else ())
    for folder, part in todo:
        made = list(islice(results, len(part)))
        assert len(made) == len(part), "a result for every item"
        with whole_part(folder) as scratch:
            write(scratch, made)
    assert next(results, None) is None  # asked once more, so that worker processes end here
    return folders


def whole_batches(batch_size: int, at_least: int = ITEMS_PER_PART) -> int:
    """The items of a part of whole batches, at least so many: batches are then the same, whichever run makes them."""
    return -(-at_least // batch_size) * batch_size


def part_folder(work: Path, number: int) -> Path:
    """Where the part ``number`` of the unfinished work in ``work`` is, or will be."""
    return work / f"part-{number:06d}"


@contextmanager
def whole_part(folder: Path) -> Iterator[Path]:
    """A scratch directory that becomes the part ``folder``, with checksums, when the block ends without an error."""
    with whole_directory(folder) as scratch:
        yield scratch
        write_json(scratch / CHECKSUMS, folder_checksums(scratch))


def standing_parts(work: Path) -> list[Path]:
    """The parts in ``work`` that are there as they were written, in the order of their names; damaged ones are gone."""
    return [folder for folder in sorted(work.glob("part-*")) if part_stands(folder)]


def part_stands(folder: Path) -> bool:
    """Whether the part in ``folder`` is there as it was written; one that is damaged is removed."""
    if not folder.exists():
        return False
    try:
        as_written = bool(json.loads((folder / CHECKSUMS).read_bytes()) == _checksums(folder))
    except (OSError, ValueError):
        as_written = False
    if not as_written:
        print(f"WARNING: {folder} is damaged, and made again", file=sys.stderr)
        shutil.rmtree(folder)
    return as_written


def _checksums(folder: Path) -> dict[str, str]:
    """Those of every file in ``folder`` but that of the checksums."""
    return {name: checksum for name, checksum in folder_checksums(folder).items() if name != CHECKSUMS}
