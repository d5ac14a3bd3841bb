"""A sequence whose items are made when they are asked for, and are not kept."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

Key = TypeVar("Key")
Item = TypeVar("Item", covariant=True)


class OnDemand(Sequence[Item], Generic[Key, Item]):
    """``make(key)`` for each of ``keys``: so that of long work, what each item needs is in memory in its turn alone."""

    def __init__(self, make: Callable[[Key], Item], keys: Sequence[Key]) -> None:
        """``keys`` are kept, not copied."""
        self._make, self._keys = make, keys

    def __len__(self) -> int:
        """The number of keys."""
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Item: ...
    @overload
    def __getitem__(self, at: slice) -> "OnDemand[Key, Item]": ...
    def __getitem__(self, at: int | slice) -> "Item | OnDemand[Key, Item]":
        """The item, made anew; of a slice, a sequence of the same kind."""
        return OnDemand(self._make, self._keys[at]) if isinstance(at, slice) else self._make(self._keys[at])
