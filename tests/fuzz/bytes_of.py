"""Damage to the bytes of a file: what disks, transfers and wrong programs do, and what a file of that kind allows."""

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random

INTERESTING = (
    0, 1, 2, 7, 8, 16, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 65501, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF,
)  # fmt: skip
"""Numbers at which fields of files overflow, end or loop."""
MAX_BYTES = 2_000_000
"""No input grows beyond it: a test of what bytes mean, not of a disk."""


def damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """``data`` with one to four damages; ``others`` are files that parts may come from."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data = rng.choice(DAMAGES)(data, rng, others)
    return data[:MAX_BYTES]


def _near_start(size: int, rng: Random) -> int:
    """A place below ``size``, often near the start, where files say what they are."""
    return rng.randrange(min(size, 64) if rng.random() < 0.5 else size)


def _span(data: bytes, rng: Random) -> tuple[int, int]:
    """A part of ``data``, mostly a short one."""
    start = rng.randrange(len(data) + 1)
    return start, min(start + rng.choice((1, 2, 4, 16, 100, 5000)), len(data))


def _flip(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8)) if found else 0):
        found[_near_start(len(found), rng)] ^= 1 << rng.randrange(8)
    return bytes(found)


def _set(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    found = bytearray(data)
    if found:
        found[_near_start(len(found), rng)] = rng.choice((0, 255, rng.randrange(256), 0x22, 0x5C, 0x0A))
    return bytes(found)


def _field(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    """A number of 1, 2, 4 or 8 bytes, in either order, set to one at which fields overflow."""
    order, kind = rng.choice("<>"), rng.choice("BHIIQ")
    size = struct.calcsize(kind)
    value = rng.choice((*INTERESTING, 1 << (8 * size - 1), (1 << (8 * size)) - 1)) % (1 << (8 * size))
    at = _near_start(max(len(data) - size, 1), rng)
    return data[:at] + struct.pack(order + kind, value) + data[at + size :]


def _delete(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + data[stop:]


def _insert(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    at = _near_start(len(data) + 1, rng)
    piece = rng.choice((b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"\n", rng.randbytes(rng.choice((1, 4, 64)))))
    return data[:at] + piece + data[at:]


def _duplicate(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    start, stop = _span(data, rng)
    return data[:stop] + data[start:stop] * rng.choice((1, 1, 3)) + data[stop:]


def _truncate(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _splice(data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others) if others else data
    start, stop = _span(other, rng)
    at, end = _span(data, rng)
    return data[:at] + other[start:stop] + data[end if rng.random() < 0.5 else at :]


def _blank(data: bytes, rng: Random, _others: Sequence[bytes]) -> bytes:
    start, stop = _span(data, rng)
    return data[:start] + bytes([rng.choice((0, 255, 32))]) * (stop - start) + data[stop:]


def _replace(_data: bytes, rng: Random, others: Sequence[bytes]) -> bytes:
    return rng.choice((b"", b"\0", b"null", b"[]", b"{}", b"\n", rng.randbytes(200), *others))


DAMAGES: tuple[Callable[[bytes, Random, Sequence[bytes]], bytes], ...] = (
    _flip, _flip, _set, _field, _field, _delete, _insert, _duplicate, _truncate, _splice, _blank, _replace,
)  # fmt: skip


def png_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A PNG (or APNG) with its chunks damaged and their checksums right again, so that decoders go on."""
    chunks = _png_chunks(data)
    if not chunks:
        return damaged(data, rng, others)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(chunks))
        kind, content = chunks[at]
        action = rng.choice(("content", "content", "header", "drop", "double", "move", "kind", "add"))
        if action == "content":
            chunks[at] = (kind, damaged(content, rng)[:100_000])
        elif action == "header" and chunks[0][0] == b"IHDR" and len(chunks[0][1]) == 13:
            header = bytearray(chunks[0][1])
            place = rng.choice((0, 4, 8, 9, 10, 11, 12))
            value = struct.pack(">I", rng.choice(INTERESTING)) if place < 8 else bytes([rng.randrange(20)])
            header[place : place + len(value)] = value
            chunks[0] = (b"IHDR", bytes(header))
        elif action == "drop":
            del chunks[at]
            if not chunks:
                return data[:8]
        elif action == "double":
            chunks.insert(rng.randrange(len(chunks) + 1), (kind, content))
        elif action == "move":
            chunks.insert(rng.randrange(len(chunks)), chunks.pop(at))
        elif action == "kind":
            chunks[at] = (rng.choice((b"tRNS", b"PLTE", b"eXIf", b"acTL", b"fcTL", b"fdAT", b"iTXt", b"IDAT")), content)
        else:
            further = rng.choice(
                (
                    (b"tRNS", b"\0\1"),
                    (b"PLTE", b"\1\2\3"),
                    (b"eXIf", b"MM\0*\0\0\0\x08"),
                    (b"iCCP", b"x"),
                    (b"acTL", b"\0\0\0\x05\0\0\0\0"),
                    (b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7))),
                )
            )
            chunks.insert(min(1, len(chunks)), further)
    framed = (_png_chunk(kind, content) for kind, content in chunks)
    return (data[:8] + b"".join(framed))[:MAX_BYTES]


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    return chunks if data.startswith(b"\x89PNG") else []


def _png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def jpeg_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A JPEG with its segments dropped, doubled, moved or damaged, their lengths right again."""
    segments, rest = _jpeg_segments(data)
    if not segments:
        return damaged(data, rng, others)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(segments))
        marker, content = segments[at]
        action = rng.choice(("content", "content", "drop", "double", "size", "exif", "marker"))
        if action == "content":
            segments[at] = (marker, damaged(content, rng)[:60_000])
        elif action == "drop" and len(segments) > 1:
            del segments[at]
        elif action == "double":
            segments.insert(rng.randrange(len(segments) + 1), (marker, content))
        elif action == "size":
            segments = [
                (key, part[:1] + struct.pack(">HH", *(rng.choice((0, 1, 9, 65535, 65500)) for _ in "hw")) + part[5:])
                if key in (0xC0, 0xC2) else (key, part)
                for key, part in segments
            ]  # fmt: skip
        elif action == "exif":
            segments.insert(0, (0xE1, b"Exif\0\0" + _exif(rng)))
        else:
            segments[at] = (rng.choice((0xC0, 0xC1, 0xC2, 0xC9, 0xDB, 0xC4, 0xDD, 0xDA, 0xE1, 0xE2, 0xEE)), content)
    framed = (b"\xff" + bytes([marker]) + struct.pack(">H", len(part) + 2) + part for marker, part in segments)
    return (b"\xff\xd8" + b"".join(framed) + rest)[:MAX_BYTES]


def _jpeg_segments(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The segments up to the first scan, and the bytes from there."""
    segments, at = [], 2
    while data.startswith(b"\xff\xd8") and at + 4 <= len(data) and data[at] == 0xFF:
        marker, size = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if size < 2:
            break
        segments.append((marker, data[at + 4 : at + 2 + size]))
        at += 2 + size
        if marker == 0xDA:
            break
    return segments, data[at:]


def _exif(rng: Random) -> bytes:
    """An EXIF block with an orientation of any kind, perhaps with directories that lead back to themselves."""
    kind, count = rng.choice(((3, 1), (3, 0), (3, 2), (2, 4), (5, 1), (4, 2**31), (13, 1), (99, 1)))
    value = rng.choice((0, 1, 3, 6, 8, 9, 255, 65535))
    following = rng.choice((0, 8, 2**31, 26))
    entries = [struct.pack("<HHI", 0x0112, kind, count) + struct.pack("<HH", value, 0)] * rng.choice((1, 1, 2))
    entries += [struct.pack("<HHII", 0x8769, 4, 1, 8)] * rng.choice((0, 1))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + struct.pack("<I", following)


def tiff_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A TIFF with entries of its first directory changed, dropped or doubled, or its directories in a loop."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        return damaged(data, rng, others)
    order = "<" if data[:2] == b"II" else ">"
    at = struct.unpack(f"{order}I", data[4:8])[0]
    if at + 2 > len(data):
        return damaged(data, rng, others)
    count = struct.unpack(f"{order}H", data[at : at + 2])[0]
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = at + 2 + 12 * rng.randrange(max(count, 1))
        what = rng.choice(("value", "value", "count", "type", "tag", "next", "entries"))
        small, large = (
            rng.choice((0, 1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 32, 256, 258, 273, 338, 65535)),
            rng.choice(INTERESTING),
        )
        if what == "value":
            found[place + 8 : place + 12] = struct.pack(f"{order}I", large)
        elif what == "count":
            found[place + 4 : place + 8] = struct.pack(f"{order}I", large)
        elif what == "type":
            found[place + 2 : place + 4] = struct.pack(f"{order}H", small)
        elif what == "tag":
            found[place : place + 2] = struct.pack(f"{order}H", small)
        elif what == "entries":
            found[at : at + 2] = struct.pack(f"{order}H", small)
        else:
            end = at + 2 + 12 * count
            found[end : end + 4] = struct.pack(f"{order}I", rng.choice((at, 4, 8, large)))
    return bytes(found)


def tar_damaged(data: bytes, rng: Random, others: Sequence[bytes] = ()) -> bytes:
    """A tar archive with a header changed and its checksum right again."""
    found = bytearray(data)
    headers = [match.start() - 257 for match in re.finditer(rb"ustar", data)]
    if not headers:
        return damaged(data, rng, others)
    at = rng.choice(headers)
    names = (b"../../x.jpg", b"/x.jpg", b"\xff\xfe.jpg", b"x" * 100, b"", b"a\nb.jpg", b"." * 99, b"a/./b.jpg")
    sizes = (
        b"77777777777\0",
        b"00000000000\0",
        b"-0000000001\0",
        b"00000000001\0",
        b"\x80" + bytes(11),
        b"  1 \0      ",
    )
    start, value = rng.choice(
        (
            (0, rng.choice(names)),
            (124, rng.choice(sizes)),
            (156, rng.choice((b"0", b"5", b"1", b"L"))),
            (345, rng.choice(names)),
            (rng.randrange(500), rng.randbytes(3)),
        )
    )
    found[at + start : at + start + len(value)] = value
    if start == 0:
        found[at + len(value) : at + 100] = bytes(100 - len(value))
    header = found[at : at + 512]
    checksum = sum(header) - sum(header[148:156]) + 8 * 32
    found[at + 148 : at + 156] = b"%06o\0 " % checksum
    return bytes(found)
