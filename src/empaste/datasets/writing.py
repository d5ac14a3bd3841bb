"""The images of a data set written, and what became of each; kept part by part, so that a later run goes on."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from empaste.artifacts.json_files import read_own_json
from empaste.artifacts.outputs import write_json
from empaste.artifacts.remarks import Remark
from empaste.artifacts.work_parts import finish_parts
from empaste.datasets.preparing import Prepared, refuse_errors, write_example
from empaste.datasets.records import DataSet, Example, Margins

RECORDS = "prepared.json"


def prepare_images(
    data: DataSet, max_side: int, folder: Path, map_items: Callable[..., Iterable[Any]], work: Path
) -> list[Prepared]:
    """Every example of ``data`` written under ``folder``, by ``map_items`` (see `opening.MapItems`), in order.

    Parts that stand in ``work`` are not made again. `InputError` lists what was wrong with the first few images, and
    how many there are; their parts do not stand.
    """
    scratch = work / "images"
    write = partial(write_example, load=data.load, max_side=max_side, folder=scratch)
    parts = finish_parts(
        work, "prepare", data.examples, partial(map_items, write, what="prepare"), partial(_write_part, scratch)
    )
    examples = iter(data.examples)
    prepared = [[_from_json(record, next(examples)) for record in _read(part)] for part in parts]
    for part, rows in zip(parts, prepared, strict=True):
        if any(row.error for row in rows):
            shutil.rmtree(part)
    every = [row for rows in prepared for row in rows]
    refuse_errors(every)
    for part, rows in zip(parts, prepared, strict=True):
        for row in rows:
            _put(part / row.example.file_name, folder / row.example.file_name)
    return every


def source_folders(root: Path, data: DataSet) -> list[Path]:
    """``root``, the folders that links in it lead to, and those outside it with masks of ``data``, such as SBD's."""
    links = {path.resolve() for path in root.glob("*") if path.is_symlink() and path.is_dir()}
    masks = {one.mask_path.parent for one in data.examples if one.mask_path}
    return [root, *sorted(folder for folder in links | masks if not folder.is_relative_to(root))]


def _write_part(scratch: Path, folder: Path, prepared: Sequence[Prepared]) -> None:
    """``folder`` holds the records of ``prepared``, and the images, which leave ``scratch``."""
    for row in prepared:
        if row.error is None:
            _put(scratch / row.example.file_name, folder / row.example.file_name)
            (scratch / row.example.file_name).unlink()
    write_json(folder / RECORDS, [_to_json(row) for row in prepared])


def _put(path: Path, copy: Path) -> None:
    """``copy`` is the file at ``path``, without its bytes being copied where the file system can do that."""
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, copy)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(path, copy)


def _read(part: Path) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = read_own_json(part / RECORDS, "dvc repro prepare")
    return records


def _to_json(row: Prepared) -> dict[str, Any]:
    """All of ``row`` but its example."""
    return {name: value for name, value in vars(row).items() if name != "example"}


def _from_json(record: dict[str, Any], example: Example) -> Prepared:
    lists = {name: tuple(record[name]) for name in ("class_ids", "annotations")}
    remarks = tuple(Remark(*one) for one in record["remarks"])
    size_hw = record["original_hw"] and tuple(record["original_hw"])
    records = {"remarks": remarks, "original_hw": size_hw, "margins": Margins(*record["margins"])}
    return Prepared(example, **{**record, **lists, **records})
