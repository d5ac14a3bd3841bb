"""Label Studio's brush masks, read bit by bit as ``@thi.ng/rle-pack`` describes them."""

from collections.abc import Sequence


def read_brush(code: Sequence[int]) -> list[int]:
    """The bytes that ``code`` stands for."""
    bits = "".join(f"{byte:08b}" for byte in code)
    place = 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return int(bits[place - count : place], 2)

    total, word = take(32), take(5) + 1
    widths = [take(4) + 1 for _ in range(4)]
    found: list[int] = []
    while len(found) < total:
        repeats = take(1)
        length = take(widths[take(2)]) + 1
        found += [take(word)] * length if repeats else [take(word) for _ in range(length)]
    assert len(found) == total
    return found
