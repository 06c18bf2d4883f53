"""The matchers that there are; a new one is a module with a `Matcher`, and its line here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overtide.schemas.configuration import Configuration
from overtide.transforms.matching.contract import Counted, EntityPair, Key, Matcher, PairTable
from overtide.transforms.matching.rules import RuleMatcher
from overtide.transforms.records import Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MATCHERS: list[type[Matcher[Any, Any]]] = [
    RuleMatcher,
]


@dataclass(frozen=True)
class AllMatchers(Matcher[Any, Any]):
    """All matchers as one: each compares its own pairs of entities."""

    matchers: tuple[Matcher[Any, Any], ...]

    @classmethod
    def of(cls, configuration: Configuration, buckets: int, threads: int) -> "AllMatchers":
        """Return each with what a configuration asks of it."""
        return cls(tuple(one.of(configuration, buckets, threads) for one in MATCHERS))

    @property
    def pairs(self) -> list[EntityPair]:
        """The pairs of all of them."""
        return [pair for matcher in self.matchers for pair in matcher.pairs]

    @property
    def is_local(self) -> bool:
        """Whether all of them find the pairs of a record within its blocks."""
        return all(matcher.is_local for matcher in self.matchers)

    @property
    def largest(self) -> int:
        """The size of the largest block of which none of them tells."""
        return min(matcher.largest for matcher in self.matchers)

    def hashed(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Let those hash the blocks of an entity's records that compare it."""
        for number, matcher in self._of(entity):
            own = folder / f"hashed-{number}"
            own.mkdir()
            yield from matcher.hashed(connection, own, entity)

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of all of them."""
        return frozenset(number for matcher in self.matchers for number in matcher.numbers)

    def counted(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Let those count the values of an entity's records that compare it."""
        for number, matcher in self._of(entity):
            own = folder / f"counted-{number}"
            own.mkdir()
            yield from matcher.counted(connection, own, entity)

    def _of(self, entity: Unified) -> list[tuple[int, Matcher[Any, Any]]]:
        name = entity.table.entity
        return [
            (number, matcher)
            for number, matcher in enumerate(self.matchers)
            if any(name in (pair.lower, pair.upper) for pair in matcher.pairs)
        ]

    def prepare(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[tuple[Key, Any]]:
        """Let those prepare an entity that compare it, each in a folder of its own."""
        for number, matcher in self._of(entity):
            own = folder / str(number)
            own.mkdir()
            yield from matcher.prepare(connection, own, entity)

    def compare(
        self, connection: "DuckDBPyConnection", folder: Path, key: Key, pieces: Iterable[Any]
    ) -> Counted:
        """Let the pair's matcher compare."""
        found: Counted = self._matcher(key[0]).compare(connection, folder, key, pieces)
        return found

    def conclude(
        self, connection: "DuckDBPyConnection", folder: Path, pair: int, found: Iterable[Any]
    ) -> PairTable:
        """Let the pair's matcher conclude."""
        return self._matcher(pair).conclude(connection, folder, pair, found)

    def _matcher(self, place: int) -> Matcher[Any, Any]:
        return next(one for one in self.matchers for pair in one.pairs if pair.place == place)
