"""Shards: the same entries make the same bytes, any tar tool opens them, and damage is named."""

import pickle
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.artifacts import shards
from empaste.artifacts.shards import ShardEntry, Shards, unpack, write_shard, write_shards
from empaste.errors import InputError
from empaste.images import encode_rgb

NAMES = st.text("abcdefghij0123456789._-", min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(content=st.dictionaries(NAMES, st.binary(max_size=1500), max_size=12), size=st.integers(1, 5))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, bytes], size: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_SIZE", size)
        assert write_shards(folder, iter(content.items())) == len(content)
    read = Shards(folder)
    assert {name: read.read(name) for name in read} == content
    assert list(read) == list(content)
    assert len(read) == len(content)
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == [f"images-{k:05d}.tar" for k in range(-(-len(content) // size))]
    assert all(sum(1 for _ in shards.list_entries(file)) == size for file in files[:-1])


def test_any_tar_tool_opens_a_shard_and_finds_neither_times_nor_owners(tmp_path: Path) -> None:
    write_shards(tmp_path, [("a.jpg", b"one"), ("b.jpg", b"")])
    with tarfile.open(tmp_path / "images-00000.tar", "r:") as archive:
        members = archive.getmembers()
        found = [archive.extractfile(member).read() for member in members]  # type: ignore[union-attr]
    assert found == [b"one", b""]
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert [m.name for m in members] == ["a.jpg", "b.jpg"]


def test_the_same_entries_make_the_same_bytes(tmp_path: Path) -> None:
    for number in range(2):
        write_shard(tmp_path / f"{number}.tar", [("a", b"x" * 700), ("b", b"y")])
    assert (tmp_path / "0.tar").read_bytes() == (tmp_path / "1.tar").read_bytes()


@pytest.mark.parametrize("num", [0, 1, 25])
def test_the_bytes_are_those_of_the_library(tmp_path: Path, num: int) -> None:
    entries = [(f"{k}.jpg", bytes([k]) * (300 * k)) for k in range(num)]
    write_shard(tmp_path / "ours.tar", entries)
    with tarfile.open(tmp_path / "theirs.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in entries:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, BytesIO(data))
    assert (tmp_path / "ours.tar").read_bytes() == (tmp_path / "theirs.tar").read_bytes()


def test_an_error_while_writing_leaves_the_earlier_shard_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "images-00000.tar"
    write_shard(path, [("a", b"x")])
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        write_shard(path, ((name, bytes([1 // number])) for name, number in (("a", 1), ("b", 0))))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before


def test_a_reader_is_sent_as_its_folder(tmp_path: Path) -> None:
    write_shards(tmp_path, [(f"{k:06d}.jpg", bytes([k])) for k in range(200)])
    sent = pickle.dumps(Shards(tmp_path))
    assert len(sent) < 300
    copies = [pickle.loads(sent), pickle.loads(sent)]
    assert copies[0].read("000007.jpg") == b"\7"
    assert copies[0] is copies[1]


def test_an_entry_reads_itself(tmp_path: Path) -> None:
    picture = np.full((4, 5, 3), (200, 30, 90), np.uint8)
    write_shards(tmp_path, [("a.png", encode_rgb(picture, ".png")), ("b.png", b"no image")])
    entry = pickle.loads(pickle.dumps(Shards(tmp_path).entry("a.png")))
    assert np.array_equal(entry.read_rgb(), picture)
    assert np.array_equal(Shards(tmp_path).read_rgb("a.png"), picture)
    with pytest.raises(InputError, match=r"images-00000\.tar:b\.png is not a readable image \(8 bytes\)"):
        Shards(tmp_path).read_rgb("b.png")


def test_a_folder_without_shards_has_no_entries(tmp_path: Path) -> None:
    assert len(Shards(tmp_path)) == 0
    assert "a" not in Shards(tmp_path)


@pytest.mark.parametrize("left", [0, 100, 512, 900, 1536])
def test_a_shard_cut_off_is_named(tmp_path: Path, left: int) -> None:
    path = tmp_path / "images-00000.tar"
    write_shard(path, [("a.jpg", b"x" * 700)])
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=rf"images-00000\.tar is cut off \({left} bytes are there\); run: dvc repro"):
        Shards(tmp_path)


def test_a_shard_cut_off_or_gone_later_is_named(tmp_path: Path) -> None:
    write_shards(tmp_path, [("a.jpg", b"x" * 700)])
    read, path = Shards(tmp_path), tmp_path / "images-00000.tar"
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(InputError, match="is cut off"):
        read.read("a.jpg")
    path.unlink()
    with pytest.raises(InputError, match=r"does not exist any more; run: dvc repro \(or dvc pull\)"):
        read.read("a.jpg")


@pytest.mark.parametrize("place", [3, 130, 150, 156, 258])
def test_a_damaged_header_is_named(tmp_path: Path, place: int) -> None:
    path = tmp_path / "images-00000.tar"
    write_shard(path, [("a.jpg", b"x")])
    data = bytearray(path.read_bytes())
    data[place] ^= 0x15
    path.write_bytes(data)
    with pytest.raises(InputError, match="is damaged, or no plain USTAR archive"):
        Shards(tmp_path)


def test_other_archives_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "images-00000.tar", "w") as archive:
        archive.add(tmp_path, "folder", recursive=False)
    with pytest.raises(InputError, match="no plain USTAR archive of files"):
        Shards(tmp_path)


def test_a_missing_shard_entry_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere does not exist; run: dvc repro \(or dvc pull\)"):
        Shards(tmp_path / "nowhere")
    write_shard(tmp_path / "images-00000.tar", [("a", b"x")])
    with pytest.raises(InputError, match=r"holds b \(1 entries are there\); run: dvc repro"):
        Shards(tmp_path).read("b")
    write_shard(tmp_path / "images-00002.tar", [("c", b"x")])
    with pytest.raises(InputError, match="lacks one of its shards"):
        Shards(tmp_path)


def test_unpacking_writes_plain_files_beside_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder, [("1.jpg", b"one"), ("more/2.jpg", b"two")])
    (folder / "instances.json").write_text("{}")
    assert unpack(folder, tmp_path / "out") == 2
    found = {str(file.relative_to(tmp_path / "out")): file.read_bytes() for file in tmp_path.glob("out/**/*.*")}
    assert found == {"images/1.jpg": b"one", "images/more/2.jpg": b"two", "instances.json": b"{}"}


def test_unpacking_overwrites_nothing_and_leads_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    with pytest.raises(InputError, match="holds no shards"):
        unpack(folder, tmp_path / "out")
    write_shards(folder, [("../1.jpg", b"one")])
    with pytest.raises(InputError, match="there already; name a folder that is not"):
        unpack(folder, folder)
    with pytest.raises(InputError, match="leads out of"):
        unpack(folder, tmp_path / "out")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["shards"]


def test_an_entry_says_where_it_lies() -> None:
    assert str(ShardEntry(Path("d/images-00000.tar"), "a.jpg", 512, 3)) == "d/images-00000.tar:a.jpg"


def edited(folder: Path, start: int, value: bytes) -> Path:
    """A folder with one shard of two entries, whose first header holds ``value`` from ``start``."""
    write_shards(folder, [("a", b"x"), ("b", b"y")])
    path = folder / "images-00000.tar"
    data = bytearray(path.read_bytes())
    data[start : start + len(value)] = value
    checksum = sum(data[:512]) - sum(data[148:156]) + 8 * 32
    data[148:156] = b"%06o\0 " % checksum
    path.write_bytes(bytes(data))
    return folder


@pytest.mark.parametrize(
    ("start", "value", "message"),
    [
        (0, b"\xff\xfe", r"has a name that is not UTF-8, b'\\xff\\xfe'"),
        (0, bytes(8), "is damaged"),
        (124, b"-0000000001\0", "is damaged"),
        (124, b"77777777777\0", "is cut off"),
    ],
)
def test_headers_of_nothing_are_named(tmp_path: Path, start: int, value: bytes, message: str) -> None:
    with pytest.raises(InputError, match=rf"images-00000\.tar {message}"):
        Shards(edited(tmp_path, start, value))


@pytest.mark.parametrize("name", [b".", b"b/c", b"b"])
def test_names_of_folders_are_not_unpacked(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "in").mkdir()
    folder = edited(tmp_path / "in", 0, name)
    if name == b"b":
        assert unpack(folder, tmp_path / "out") == 1
        return
    with pytest.raises(InputError, match="has the name of a folder"):
        unpack(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_shard_that_is_a_dead_link_is_named(tmp_path: Path) -> None:
    (tmp_path / "images-00000.tar").symlink_to("images-00000.tar")
    with pytest.raises(InputError, match=r"images-00000\.tar cannot be read"):
        Shards(tmp_path)
