"""Files that grow with the data set, kept as entries of a few uncompressed tar archives: shards.

A folder holds ``images-00000.tar``, ``images-00001.tar`` and so on, `SHARD_SIZE` entries each, the last one fewer. The
archives are plain USTAR with neither times nor owners, so that the same entries make the same bytes, and any tar tool
opens them. A reader looks at the headers once and then reads single entries where they lie.
"""

import os
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from empaste.artifacts.outputs import whole_directory
from empaste.errors import InputError
from empaste.images import decode_rgb, leads_out

SHARD_SIZE = 1000
"""Entries of a shard; the last shard of a folder may hold fewer."""

BLOCK = tarfile.BLOCKSIZE


class ShardEntry(NamedTuple):
    """Where one entry lies: enough to read it in any process, small enough to be sent there."""

    shard: Path
    name: str
    offset: int
    size: int

    def __str__(self) -> str:
        return f"{self.shard}:{self.name}"

    def read(self) -> bytes:
        """The entry's bytes; `InputError` where the shard is gone or was cut off since it was indexed."""
        try:
            descriptor = os.open(self.shard, os.O_RDONLY)
        except FileNotFoundError as error:
            raise InputError(f"{self.shard} does not exist any more; run: dvc repro (or dvc pull)") from error
        except OSError as error:
            raise _unreadable(self.shard, error) from error
        try:
            data = os.pread(descriptor, self.size, self.offset)
        finally:
            os.close(descriptor)
        if len(data) != self.size:
            raise _cut_off(self.shard)
        return data

    def read_rgb(self) -> UInt8[np.ndarray, "h w 3"]:
        """The entry as an image, RGB; `InputError` where it cannot be decoded."""
        return decode_rgb(self.read(), str(self))


class Shards:
    """The entries of all shards in a folder, by name, in the order in which they were written.

    Opening reads the headers alone. An object that is sent to another process takes its folder along and not its
    entries; it is opened there once.
    """

    def __init__(self, folder: Path) -> None:
        """Index ``folder``; `InputError` where it is no folder, or a shard is damaged, missing or not ours."""
        if not folder.is_dir():
            raise InputError(f"{folder} does not exist; run: dvc repro (or dvc pull)")
        self.folder = folder
        paths = sorted(folder.glob("images-*.tar"))
        if [path.name for path in paths] != [shard_name(number) for number in range(len(paths))]:
            raise InputError(f"{folder} lacks one of its shards images-00000.tar …; run: dvc repro (or dvc pull)")
        self._entries = {entry.name: entry for path in paths for entry in list_entries(path)}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def __reduce__(self) -> tuple[Callable[[Path], "Shards"], tuple[Path]]:
        return _open_once, (self.folder,)

    def entry(self, name: str) -> ShardEntry:
        """Where the entry ``name`` lies; `InputError` where no shard has it."""
        try:
            return self._entries[name]
        except KeyError:
            trouble = f"no shard in {self.folder} holds {name} ({len(self)} entries are there)"
            raise InputError(f"{trouble}; run: dvc repro (or dvc pull)") from None

    def read(self, name: str) -> bytes:
        """The bytes of the entry ``name``; `InputError` where no shard has it."""
        return self.entry(name).read()

    def read_rgb(self, name: str) -> UInt8[np.ndarray, "h w 3"]:
        """The entry ``name`` as an image, RGB; `InputError` where no shard has it or it cannot be decoded."""
        return self.entry(name).read_rgb()


def shard_name(number: int) -> str:
    """The file name of the shard ``number``, counted from 0."""
    return f"images-{number:05d}.tar"


def write_shards(folder: Path, entries: Iterable[tuple[str, bytes]]) -> int:
    """``folder``, which exists, holds ``entries`` (name, bytes) in order; returns how many there were.

    One entry is in memory at a time. No entries, no shard.
    """
    entries = iter(entries)
    num, number = 0, 0
    while (first := next(entries, None)) is not None:
        num += write_shard(folder / shard_name(number), _with(first, islice(entries, SHARD_SIZE - 1)))
        number += 1
    return num


def write_shard(path: Path, entries: Iterable[tuple[str, bytes]]) -> int:
    """``path`` holds ``entries`` as a tar archive, whole or not at all; returns how many there were."""
    scratch, num = path.with_name(f".{path.name}.part"), 0
    try:
        with scratch.open("wb") as out:
            for name, data in entries:
                header = tarfile.TarInfo(name)  # mode 0644, no owner, no time
                header.size = len(data)
                out.write(header.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % BLOCK))
                num += 1
            end = out.tell() + 2 * BLOCK  # two empty blocks end an archive, which fills whole records
            out.write(bytes(2 * BLOCK + -end % tarfile.RECORDSIZE))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return num


def unpack(folder: Path, out: Path) -> int:
    """``out`` holds the entries of ``folder``'s shards as files in ``images/``, beside copies of its other files.

    Returns how many images there are. `InputError` where ``folder`` has no shards, where ``out`` is there already, or
    where an entry's name would lead out of it.
    """
    shards = Shards(folder)
    if not len(shards):
        raise InputError(f"{folder} holds no shards images-00000.tar …; name a folder such as data/composites")
    if out.exists():
        raise InputError(f"{out} is there already; name a folder that is not")
    with whole_directory(out) as scratch:
        for name in shards:
            path = scratch / "images" / name
            if leads_out(name):
                raise InputError(f"{shards.entry(name)} has a name that leads out of {out}; run: dvc repro")
            data = shards.read(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
                raise InputError(f"{shards.entry(name)} has the name of a folder; run: dvc repro") from error
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.suffix != ".tar":
                shutil.copyfile(file, scratch / file.name)
    return len(shards)


def list_entries(path: Path) -> Iterator[ShardEntry]:
    """The entries of the shard at ``path``, by its headers alone; `InputError` where it is damaged."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with stream:
        end, offset = os.fstat(stream.fileno()).st_size, 0
        while True:
            header = os.pread(stream.fileno(), BLOCK, offset)
            if len(header) < BLOCK:
                raise _cut_off(path)
            if not any(header):
                return
            name, size = _parse_header(path, header)
            offset += BLOCK
            if offset + size > end:
                raise _cut_off(path)
            yield ShardEntry(path, name, offset, size)
            offset += -(-size // BLOCK) * BLOCK


def _parse_header(path: Path, header: bytes) -> tuple[str, int]:
    """The name and size that a header states."""
    fields = header[257:262], header[156:157]
    checksum = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    names, size = (header[345:500], header[:100]), _octal(header[124:136])
    name = b"/".join(part.rstrip(b"\0") for part in names if part[0])
    is_plain = fields in {(b"ustar", b"0"), (b"ustar", b"\0")} and checksum == _octal(header[148:156]) and size >= 0
    if not is_plain or not name or b"\0" in name:
        raise InputError(f"{path} is damaged, or no plain USTAR archive of files; run: dvc repro (or dvc pull)")
    try:
        return name.decode(), size
    except UnicodeDecodeError as error:
        raise InputError(f"{path} has a name that is not UTF-8, {name!r}; run: dvc repro (or dvc pull)") from error


def _octal(field: bytes) -> int:
    digits = field.strip(b"\0 ")
    return int(digits, 8) if digits.isdigit() and not digits.strip(b"01234567") else -1


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read ({error.strerror}); run: dvc repro (or dvc pull)")


def _cut_off(path: Path) -> InputError:
    return InputError(f"{path} is cut off ({path.stat().st_size} bytes are there); run: dvc repro (or dvc pull)")


def _with(first: tuple[str, bytes], rest: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    yield first
    yield from rest


@lru_cache(maxsize=8)
def _open_once(folder: Path) -> Shards:
    return Shards(folder)
