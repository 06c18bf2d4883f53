"""Matching by rules: records of a block are a pair where all conditions of a rule hold.

Blocks by the exact conditions, scores by the others. Source: semantics 4.8.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.unification import Limits, Unification
from overtide.schemas.names import parquet_rows
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching import blocks, pairs
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.contract import (
    EntityPair,
    IgnoredValue,
    Key,
    LargeBlock,
    Matcher,
    PairTable,
    entity_pairs,
)
from overtide.transforms.matching.pairs import Pairs, Search, sides_of
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class RuleMatcher(Matcher[BlockFile, Pairs]):
    """The rules of the sections `deduplicate` and `match`."""

    rules: Mapping[EntityPair, Sequence[Rule]]
    entities: Mapping[str, Entity]
    ignore: Mapping[str, Ignore]
    """Which values of an entity stand for none."""
    limits: Limits
    buckets: int
    threads: int

    @classmethod
    def of(cls, configuration: Configuration, buckets: int, threads: int) -> "RuleMatcher":
        """Return the rules of a configuration."""
        unification, entities = configuration.unification, configuration.entities()
        ignore = {one.entity: unification.ignore.joined(one.ignore) for one in unification.entities}
        rules = rules_of(unification)
        return cls(rules, entities, ignore, unification.limits, buckets, threads)

    @property
    def pairs(self) -> list[EntityPair]:
        """The pairs of entities that have rules."""
        return list(self.rules)

    @cached_property
    def searches(self) -> dict[tuple[int, int], tuple[Search, Rule]]:
        """Every rule to be applied by the places of its pair and its own, in order."""
        return {
            (pair.place, place): (Search(pair.place, place, pair.lower, pair.upper), rule)
            for pair, rules in self.rules.items()
            for place, rule in enumerate(rules)
        }

    def prepare(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[tuple[Key, BlockFile]]:
        """Write what the rules compare of an entity once, and split it for each kind of block.

        A key is a pair, a rule and a bucket of its blocks.
        """
        name, searches = entity.table.entity, self._sides(entity.table.entity)
        sides = list({side.key: side for some in searches.values() for side in some}.values())
        numbers = {side.key: number for number, side in enumerate(sides)}
        path = self._written(connection, folder, sides, entity.records)
        files: dict[tuple[int, ...], list[tuple[int, str]]] = {}
        for search, compared in searches.items():
            columns = tuple(numbers[side.key] for side in compared)
            if columns not in files:
                exact = sum(side.condition.percent == 100 for side in compared)
                split = folder / f"buckets-{len(files)}"
                split.mkdir()
                files[columns] = blocks.bucketed(
                    connection, path, columns, exact, split, self.buckets
                )
            yield from (
                ((search.pair, search.rule, bucket), BlockFile(name, file, columns))
                for bucket, file in files[columns]
            )

    def _sides(self, name: str) -> dict[Search, list[Compared]]:
        """Return what each search compares of an entity."""
        return {
            search: sides_of(rule, name, self.entities[name], self.ignore[name])
            for search, rule in self.searches.values()
            if name in (search.lower, search.upper)
        }

    def _written(
        self, connection: "DuckDBPyConnection", folder: Path, sides: Sequence[Compared], rows: str
    ) -> Path:
        """Write what is compared of an entity's rows; values that many share are none."""
        path = folder / "compared.parquet"
        blocks.write_compared(connection, sides, rows, RECORD, path, self.threads)
        return blocks.without_shared(connection, sides, path, folder / "unshared.parquet")

    def compare(
        self, connection: "DuckDBPyConnection", folder: Path, key: Key, pieces: Iterable[BlockFile]
    ) -> Pairs:
        """Find the pairs of one rule in one bucket."""
        pair, place, bucket = key
        search, rule = self.searches[pair, place]
        files = sorted(set(pieces), key=lambda file: file.path)
        lower, upper = (
            [file for file in files if file.entity == name] for name in (search.lower, search.upper)
        )
        ignored = tuple(
            (name, *value)
            for name, some in {search.lower: lower, search.upper: upper}.items()
            for value in pairs.ignored_values(connection, some)
        )
        path = folder / f"{pair}-{place}-{bucket}.parquet"
        if not lower or not upper:
            return Pairs(
                search, str(path), write_parquet(connection, NO_PAIRS, path), ignored=ignored
            )
        found = pairs.find(connection, search, rule, lower, upper, self.limits, path)
        return replace(found, ignored=ignored)

    def conclude(
        self, connection: "DuckDBPyConnection", folder: Path, pair: int, found: Iterable[Pairs]
    ) -> PairTable:
        """Keep of all pairs between two entities those by the first rule that held."""
        found = sorted(found, key=lambda one: one.path)
        search, path = found[0].search, folder / f"{pair}.parquet"
        (pairs.first_pairs if search.within else pairs.first_rules)(connection, found, path)
        return PairTable(
            pair,
            search.lower,
            search.upper,
            str(path),
            tuple(rule.name for (of, _), (_, rule) in self.searches.items() if of == pair),
            _rows_by_rule(connection, found, path),
            _sorted_blocks((one.search.rule, one.oversized) for one in found),
            _sorted_blocks((one.search.rule, one.large) for one in found),
            self._ignored(found),
        )

    def _ignored(self, found: Sequence[Pairs]) -> tuple[IgnoredValue, ...]:
        """Return what was ignored in all buckets; what several rules ignored alike is told once."""
        counts: Counter[tuple[Search, str, int, str]] = Counter()
        for one in found:
            for entity, place, value, size in one.ignored:
                counts[one.search, entity, place, value] += size
        told: dict[tuple[str, str, str, str], int] = {}
        sides = {
            (search, entity): self._sides(entity)[search]
            for search, entity in {(one[0], one[1]) for one in counts}
        }
        for search, entity, place, value in sorted(
            counts, key=lambda one: (one[1], one[0].rule, one[2], one[3])
        ):
            side, size = sides[search, entity][place], counts[search, entity, place, value]
            reason = "listed" if side.is_listed(value) else "shared"
            what = (entity, ", ".join(side.fields), value, reason)
            told[what] = max(size, told.get(what, 0))
        return tuple((*what, size) for what, size in told.items())


def rules_of(unification: Unification) -> dict[EntityPair, Sequence[Rule]]:
    """Return the rules of each pair of entities that has any, as they are configured."""
    several = [
        *(one.deduplicate.rules for one in unification.entities),
        *(one.rules for one in unification.match),
    ]
    return {
        pair: rules for pair, rules in zip(entity_pairs(unification), several, strict=True) if rules
    }


NO_PAIRS = (
    "SELECT 0::BIGINT AS lower_record, 0::BIGINT AS upper_record, 0::INTEGER AS rule, 0::INTEGER "
    "AS score WHERE false"
)


def _rows_by_rule(
    connection: "DuckDBPyConnection", found: Sequence[Pairs], path: Path
) -> tuple[int, ...]:
    counted = f"SELECT rule, count(*) FROM {parquet_rows([path])} GROUP BY rule"
    rows = dict(connection.execute(counted).fetchall())
    return tuple(rows.get(place, 0) for place in range(1 + max(one.search.rule for one in found)))


def _sorted_blocks(
    found: Iterable[tuple[int, Sequence[tuple[str, int]]]],
) -> tuple[LargeBlock, ...]:
    return tuple(sorted((rule, block, size) for rule, several in found for block, size in several))
