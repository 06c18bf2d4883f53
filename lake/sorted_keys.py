"""Keys in rising order with the places that they lead to, looked up in memory that is mapped."""

import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

ID_BYTES = 16
"""Bytes of a CustomerId."""
Key = TypeVar("Key", bytes, int)


@dataclass(frozen=True)
class Sorted(Generic[Key]):
    """Keys in rising order, with the places that they lead to, in parts."""

    parts: Sequence[tuple[memoryview, memoryview]]
    """Of each: the keys one behind the other, and the places as numbers."""
    at: Callable[[memoryview, int], Key]
    firsts: Sequence[Key]

    @classmethod
    def of(
        cls, reader: "pa.RecordBatchFileReader", at: Callable[[memoryview, int], Key]
    ) -> "Sorted[Key]":
        """Return the two columns of a file; its memory is not read before it is looked into."""
        batches = [reader.get_batch(one) for one in range(reader.num_record_batches)]
        parts = [
            (
                memoryview(one.column(0).buffers()[1]).cast("B"),
                memoryview(one.column(1).buffers()[1]).cast("B").cast("I")[: one.num_rows],
            )
            for one in batches
            if one.num_rows
        ]
        return cls(parts, at, [at(keys, 0) for keys, _ in parts])

    def span(self, wanted: Key, end: int) -> tuple[int, int]:
        """Return the place of a key and of the one behind it; `end` where it is the last.

        An empty span where the key is not there.
        """
        part = bisect_right(self.firsts, wanted) - 1
        if part < 0:
            return 0, 0
        keys, places = self.parts[part]
        found = bisect_left(range(len(places)), wanted, key=partial(self.at, keys))
        if found == len(places) or self.at(keys, found) != wanted:
            return 0, 0
        if found + 1 < len(places):
            return places[found], places[found + 1]
        return places[found], self.parts[part + 1][1][0] if part + 1 < len(self.parts) else end

    def key_at(self, place: int) -> Key:
        """Return the last key that leads to a place or to one before it; keys lead to rising ones.

        There must be one.
        """
        part = bisect_right([places[0] for _, places in self.parts], place) - 1
        keys, places = self.parts[part]
        return self.at(keys, bisect_right(places, place) - 1)

    def __len__(self) -> int:
        """Return how many keys there are."""
        return sum(len(places) for _, places in self.parts)

    def every_key(self) -> Iterator[Key]:
        """Give all keys, in order."""
        return (self.at(keys, one) for keys, places in self.parts for one in range(len(places)))

    def places(self, wanted: Key) -> list[int]:
        """Return the places of all keys that equal this one."""
        found: list[int] = []
        for part in range(max(bisect_left(self.firsts, wanted) - 1, 0), len(self.parts)):
            keys, places = self.parts[part]
            place = bisect_left(range(len(places)), wanted, key=partial(self.at, keys))
            while place < len(places) and self.at(keys, place) == wanted:
                found.append(places[place])
                place += 1
            if place < len(places):
                break
        return found


def customer_at(keys: memoryview, number: int) -> bytes:
    """Return the id of a customer among keys that are ids."""
    return bytes(keys[ID_BYTES * number : ID_BYTES * (number + 1)])


def number_at(keys: memoryview, number: int) -> int:
    """Return the number among keys that are numbers of eight bytes."""
    return int.from_bytes(keys[8 * number : 8 * (number + 1)], sys.byteorder)
