"""MATLAB's format of versions 5 to 7, as far as proposals and SBD's masks are written in it: numbers, cells, structs.

scipy reads it, too, but trusts what a file says of itself: a damaged one ends the process without a message. Here every
length is compared with the bytes that there are. The format: "MAT-File Format" of MATLAB's documentation.
"""

import math
import zlib
from collections.abc import Container, Iterator
from typing import Any, NamedTuple

import numpy as np

HEADER = 128
ORDERS = {b"IM": "<", b"MI": ">"}
MATRIX, COMPRESSED = 14, 15
NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
"""Kind of an element -> the type of its numbers."""
CELL, STRUCT, OPAQUE, NUMERIC = 1, 2, 17, range(6, 16)
"""Classes of arrays; texts, sparse arrays and objects are not read, and opaque ones have no name."""
COMPLEX = 0x0800
MAX_BYTES = 2**31
"""Bytes of the largest variable, unpacked."""
MAX_DEPTH = 4
"""A struct holds a cell array, which holds arrays."""


class DamagedFileError(ValueError):
    """The file does not hold what it says."""


class Element(NamedTuple):
    """A part of the file: its kind and its bytes."""

    kind: int
    data: memoryview


def is_mat5(data: bytes) -> bool:
    """Whether ``data`` begins as a file of this format."""
    return len(data) >= HEADER and data[126:128] in ORDERS


def read_variables(data: bytes, names: Container[str]) -> dict[str, Any]:
    """The variables of ``names`` that the file's bytes hold: arrays, lists for cell arrays, dicts for structs.

    A struct array of several is a list of dicts; what else MATLAB knows (text, sparse and complex arrays) is None.
    `DamagedFileError` where the file is damaged, or names a variable twice.
    """
    order = ORDERS[data[126:128]]
    variables: dict[str, Any] = {}
    for element in _top_elements(memoryview(data)[HEADER:], order):
        name, value = _matrix(element, order, 0)
        if name not in names:
            continue
        if name in variables:
            raise DamagedFileError(f"the variable {name} is there twice")
        variables[name] = value
    return variables


def _top_elements(data: memoryview, order: str) -> Iterator[Element]:
    """The variables, unpacked; between them there is no padding."""
    while len(data):
        element, rest = _split(data, order, padded=False)
        yield _unpacked(element, order) if element.kind == COMPRESSED else element
        data = rest


def _unpacked(element: Element, order: str) -> Element:
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(element.data, MAX_BYTES)
    except zlib.error as error:
        raise DamagedFileError(str(error)) from error
    if not unpacker.eof:
        raise DamagedFileError("a variable is cut off, or too large")
    return _split(memoryview(data), order)[0]


def _split(data: memoryview, order: str, padded: bool = True) -> tuple[Element, memoryview]:
    """The first element of ``data``, and what follows."""
    if len(data) < 8:
        raise DamagedFileError("it is cut off")
    kind, size = (int(number) for number in np.frombuffer(data[:8], f"{order}u4"))
    if kind >> 16:  # a small element: its size stands with its kind, its bytes where the size is otherwise
        kind, size = kind & 0xFFFF, kind >> 16
        if size > 4:
            raise DamagedFileError(f"a small element has {size} bytes")
        return Element(kind, data[4 : 4 + size]), data[8:]
    if size > len(data) - 8:
        raise DamagedFileError(f"an element has {size} bytes, of which {len(data) - 8} are there")
    end = 8 + size + (-size % 8 if padded and kind != COMPRESSED else 0)
    return Element(kind, data[8 : 8 + size]), data[end:]


def _numbers(element: Element, order: str) -> np.ndarray:
    if element.kind not in NUMBERS:
        raise DamagedFileError(f"numbers are of the kind {element.kind}")
    dtype = np.dtype(f"{order}{NUMBERS[element.kind]}")
    if len(element.data) % dtype.itemsize:
        raise DamagedFileError(f"{len(element.data)} bytes are no numbers of {dtype.itemsize} bytes")
    return np.frombuffer(element.data, dtype).astype(dtype.newbyteorder("="))


def _matrix(element: Element, order: str, depth: int) -> tuple[str, Any]:
    """Name and value of an array."""
    if element.kind != MATRIX or depth > MAX_DEPTH:
        raise DamagedFileError(f"an array is of the kind {element.kind}, {depth} deep")
    if not len(element.data):
        return "", np.zeros((0, 0))
    flags, rest = _split(element.data, order)
    kind = int(_first(_numbers(flags, order)))
    if kind & 0xFF == OPAQUE:
        return "", None
    sizes, rest = _split(rest, order)
    shape = tuple(int(side) for side in _numbers(sizes, order))
    name, rest = _split(rest, order)
    if len(shape) < 2 or len(shape) > 32 or min(shape) < 0 or math.prod(shape) > MAX_BYTES:
        raise DamagedFileError(f"an array has the size {shape[:5]}")
    text = bytes(name.data).decode("latin-1")
    if kind & 0xFF == CELL:
        return text, _arrays(rest, math.prod(shape), order, depth)
    if kind & 0xFF == STRUCT:
        return text, _struct(rest, math.prod(shape), order, depth)
    if kind & 0xFF not in NUMERIC or kind & COMPLEX:
        return text, None
    values = _numbers(_split(rest, order)[0], order)
    if values.size != math.prod(shape):
        raise DamagedFileError(f"{values.size} numbers are no array of {shape}")
    return text, values.reshape(shape, order="F")


def _arrays(data: memoryview, count: int, order: str, depth: int) -> list[Any]:
    values = []
    for _ in range(count):
        element, data = _split(data, order)
        values.append(_matrix(element, order, depth + 1)[1])
    return values


def _struct(data: memoryview, count: int, order: str, depth: int) -> Any:
    """A struct as a dict; several as a list of them."""
    length, data = _split(data, order)
    joined, data = _split(data, order)
    width = int(_first(_numbers(length, order)))
    if width < 1:
        raise DamagedFileError(f"names of fields have {width} bytes")
    text = bytes(joined.data)
    names = [text[start : start + width].partition(b"\0")[0].decode("latin-1") for start in range(0, len(text), width)]
    values = _arrays(data, count * len(names), order, depth)
    structs = [
        dict(zip(names, values[start : start + len(names)], strict=True))
        for start in range(0, len(values), len(names) or 1)
    ]
    if len(set(names)) < len(names):
        raise DamagedFileError("a struct has two fields of one name")
    return structs[0] if len(structs) == 1 else structs


def _first(numbers: np.ndarray) -> Any:
    if not numbers.size:
        raise DamagedFileError("a number is missing")
    return numbers[0]
