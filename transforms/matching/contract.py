"""The contract of matching: records of entities in, scored pairs out, with what made them pairs.

A matcher compares in three steps. Each takes files and writes files, and what moves between them is
small, so a runner may spread them over machines and do one again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.unification import Unification
from overtide.transforms.records import Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Key = tuple[int, ...]
"""What is compared by itself: the place of a pair of entities, and what else the matcher adds."""
LargeBlock = tuple[int, str, int]
"""A block of records: the rule's place, the value that they share, how many they are."""
IgnoredValue = tuple[str, str, str, str, int]
"""What was compared as null: the entity, its attributes, the value, the reason, how many records.

The reason is `listed` or `shared`.
"""


@dataclass(frozen=True)
class EntityPair:
    """Two entities whose records are compared, or one whose records are compared with each other.

    `lower` is the entity that comes later in the match order; within one entity both are the same.
    """

    place: int
    lower: str
    upper: str

    @property
    def within(self) -> bool:
        """Whether duplicates within one entity are sought."""
        return self.lower == self.upper


def entity_pairs(unification: Unification) -> list[EntityPair]:
    """Return all pairs of a configuration: each entity with itself, then two that match."""
    sides = [(one.entity, one.entity) for one in unification.entities]
    sides += [(one.entity, one.to) for one in unification.match]
    return [EntityPair(place, lower, upper) for place, (lower, upper) in enumerate(sides)]


def rules_of(unification: Unification) -> dict[EntityPair, Sequence[Rule]]:
    """Return the rules of each pair of entities that has any that apply, in their order."""
    several = [
        *(one.deduplicate.rules for one in unification.entities),
        *(one.rules for one in unification.match),
    ]
    enabled = [[rule for rule in rules if rule.enabled] for rules in several]
    return {
        pair: rules for pair, rules in zip(entity_pairs(unification), enabled, strict=True) if rules
    }


@dataclass(frozen=True)
class KeptApart:
    """What a rule keeps apart also where others join both: files of what it compares, and tests.

    Each test is a column of the lower entity and of the upper one, the columns of both that they
    are compared with crosswise, if any, and the least percent that is no contradiction.
    """

    lower: tuple[str, ...]
    upper: tuple[str, ...]
    tests: tuple[tuple[int, int, int | None, int | None, int], ...]


@dataclass(frozen=True)
class PairTable:
    """All pairs of records of a pair of entities, and the evidence for them.

    The file has a row for each pair: `lower_record`, `upper_record` (smaller first within one
    entity), `rule`, the place in `rules` of what made them a pair, and `score`, in percent.
    """

    pair: int
    lower: str
    upper: str
    path: str
    rules: tuple[str, ...]
    """The names of what can make a pair, in the order in which it is preferred."""
    rows: tuple[int, ...]
    """How many pairs each of them made."""
    oversized: tuple[LargeBlock, ...] = ()
    """Blocks too large to be compared."""
    large: tuple[LargeBlock, ...] = ()
    """Blocks that made customers of many records."""
    ignored: tuple[IgnoredValue, ...] = ()
    apart: tuple[KeptApart, ...] = ()
    """What contradicts also through others."""
    hashes: tuple[str, ...] = ()
    """Files of the hashes of the blocks of all records of both entities, as in `MatchBlock`."""
    values: tuple[str, ...] = ()
    """Files of the hashes of their values that are counted, as in `MatchValue`."""
    decided: str | None = None
    """A file of what people decided of any records, and of the links that are left out.

    One table of all names it, as `overtide.transforms.matching.in_force` writes it.
    """
    before: "PairTable | None" = None
    """Where only some records were matched, the pairs of these as they are published."""


class Counted(Protocol):
    """Says how many rows it stands for."""

    @property
    def rows(self) -> int:
        """How many rows it stands for."""
        ...


Piece = TypeVar("Piece")
"""What a matcher compares of an entity: where its files are."""
Found = TypeVar("Found", bound=Counted)
"""What a matcher found in the pieces of one key: where its pairs are."""


class Matcher(ABC, Generic[Piece, Found]):
    """A way to find the records that belong together, for the pairs of entities it is asked for.

    Every step gets the kernel that it works with and an empty folder for its files.
    """

    @classmethod
    @abstractmethod
    def of(cls, configuration: Configuration, buckets: int, threads: int) -> Self:
        """Return what a configuration asks of it.

        Records are to be split into so many `buckets`, so that a kernel takes one at once.
        """

    @property
    @abstractmethod
    def pairs(self) -> Sequence[EntityPair]:
        """The pairs of entities that it compares; no other matcher compares them."""

    @property
    def is_local(self) -> bool:
        """Whether the pairs of a record depend on those alone with which it shares a block.

        Then what a change concerns is found by the hashes of blocks (`PairTable.hashes`), `hashed`
        and `largest`; else all records are matched again wherever one changed. It may depend on how
        many records have a value, too, if that is told by `numbers` and `counted`.
        """
        return False

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers of records from which on a value that they have is another one."""
        return frozenset()

    def counted(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Write the hashes of values of an entity's records that are counted; give their files."""
        del connection, folder, entity
        yield from ()

    @property
    def largest(self) -> int:
        """The size of the largest block of which nothing is to be told."""
        return 0

    def hashed(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Write the hashes of the blocks of an entity's records; give their files."""
        del connection, folder, entity
        yield from ()

    @abstractmethod
    def prepare(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[tuple[Key, Piece]]:
        """Write what is compared of the records of an entity of its pairs, divided by key.

        Records that are to be compared must have a key in common.
        """

    @abstractmethod
    def compare(
        self, connection: "DuckDBPyConnection", folder: Path, key: Key, pieces: Iterable[Piece]
    ) -> Found:
        """Find the pairs among all pieces of one key; they come in any order."""

    @abstractmethod
    def conclude(
        self, connection: "DuckDBPyConnection", folder: Path, pair: int, found: Iterable[Found]
    ) -> PairTable:
        """Return all pairs of a pair of entities, each once, of what was found for its keys.

        What was found comes in any order.
        """
