"""Matching by rules: records of a block are a pair where a rule holds.

Of a rule of conditions the exact ones make the block; a score rule has several. Source: semantics
4.8.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Configuration
from overtide.schemas.configuration.comparisons import Comparison
from overtide.schemas.configuration.customer_clusters import CUSTOMER, CustomerCluster
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.unification import Limits, Unification
from overtide.schemas.names import parquet_rows
from overtide.schemas.types import type_of
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching import blocks, pairs
from overtide.transforms.matching.block_hashes import (
    different,
    hashes_of,
    ignores_alike,
    numbered,
    values_of,
    write_hashes,
)
from overtide.transforms.matching.blocks import BlockFile
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.contract import (
    EntityPair,
    IgnoredValue,
    Key,
    LargeBlock,
    Matcher,
    PairTable,
    rules_of,
)
from overtide.transforms.matching.counted_values import numbers_of, without_shared, write_values
from overtide.transforms.matching.kept_apart import kept_apart_by
from overtide.transforms.matching.pairs import Pairs, Search
from overtide.transforms.matching.scored_pairs import NO_PAIRS, find_scored
from overtide.transforms.matching.scoring import Scoring
from overtide.transforms.normalize import Aliases
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

COMPARED = "compared.parquet"
"""The file of what is compared of an entity, with what too many or too few have."""


@dataclass(frozen=True)
class RuleMatcher(Matcher[BlockFile, Pairs]):
    """The rules of the sections `deduplicate` and `match`."""

    rules: Mapping[EntityPair, Sequence[Rule]]
    entities: Mapping[str, Entity]
    ignore: Mapping[str, Ignore]
    """Which values of an entity stand for none."""
    aliases: Mapping[str, Aliases]
    """Lists of aliases by name."""
    limits: Limits
    best_only: frozenset[int]
    """The places of the pairs of entities in which a record keeps its best link alone."""
    buckets: int
    threads: int

    @classmethod
    def of(cls, configuration: Configuration, buckets: int, threads: int) -> "RuleMatcher":
        """Return the rules of a configuration."""
        unification, entities = configuration.unification, configuration.entities()
        ignore = {one.entity: unification.ignore.joined(one.ignore) for one in unification.entities}
        rules = rules_of(unification)
        asked = {(one.entity, one.to) for one in unification.match if one.best_only}
        best = frozenset(pair.place for pair in rules if (pair.lower, pair.upper) in asked)
        aliases = aliases_of(unification)
        return cls(rules, entities, ignore, aliases, unification.limits, best, buckets, threads)

    @classmethod
    def of_customers(
        cls,
        configuration: Configuration,
        customers: Entity,
        cluster: CustomerCluster,
        buckets: int,
        threads: int,
    ) -> "RuleMatcher":
        """Return the rules by which customers, given as an entity, are of one cluster."""
        unification = configuration.unification
        rules = {EntityPair(0, CUSTOMER, CUSTOMER): cluster.in_force} if cluster.in_force else {}
        return cls(
            rules,
            {CUSTOMER: customers},
            {CUSTOMER: unification.ignore},
            aliases_of(unification),
            unification.limits,
            frozenset(),
            buckets,
            threads,
        )

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

    @cached_property
    def scorings(self) -> dict[Search, Scoring]:
        """What each search by a score rule does."""
        return {
            search: Scoring.of(rule, rule.score, partial(self._are_texts, search))
            for search, rule in self.searches.values()
            if rule.score is not None
        }

    def _are_texts(self, search: Search, comparison: Comparison) -> bool:
        return all(
            type_of(self.entities[name].attribute(field).type).is_text
            for name in (search.lower, search.upper)
            for field in comparison.fields_of(name)
        )

    def prepare(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[tuple[Key, BlockFile]]:
        """Write what the rules compare of an entity once, and split it for each kind of block.

        A key is a pair, a rule, a bucket of its blocks, and of a score rule which of its blocks.
        """
        name, searches = entity.table.entity, self._sides(entity.table.entity)
        sides, numbers = different(searches.values())
        path, keys = self._written(connection, folder, sides, entity), None
        values = next(self._valued(connection, folder, entity), None) if self.is_local else None
        hashes = self._hashed(connection, folder, entity, path) if self.is_local else None
        buckets = self.buckets if entity.table.affected is None else 1
        if any(search.pair in self.best_only for search in searches):
            keys = str(folder / "keys.parquet")
            query = f"SELECT {RECORD} AS record, {entity.key} AS key FROM ({entity.records})"
            write_parquet(connection, query, Path(keys))
        files: dict[tuple[tuple[int, ...], str], list[tuple[int, str]]] = {}
        for search, compared in searches.items():
            columns = tuple(numbers[side.key] for side in compared)
            for more, block in self._blocks(search, columns):
                if (columns, block) not in files:
                    split = folder / f"buckets-{len(files)}"
                    files[columns, block] = blocks.bucketed(
                        connection, path, columns, block, split, buckets
                    )
                yield from (
                    (
                        (search.pair, search.rule, bucket, *more),
                        BlockFile(name, file, columns, keys, hashes, values),
                    )
                    for bucket, file in files[columns, block]
                )

    def _blocks(self, search: Search, columns: Sequence[int]) -> list[tuple[tuple[int, ...], str]]:
        """Return what keys of a search end with, and the SQL of the block that it means."""
        return [
            (
                (place,) if search in self.scorings else (),
                blocks.block_of((f"v{columns[one]}", letters) for one, letters in parts),
            )
            for place, parts in enumerate(self._parts(search))
        ]

    def _parts(self, search: Search) -> Sequence[Sequence[tuple[int, int | None]]]:
        """Return of each block of a search which of its comparisons, and how many letters."""
        if search in self.scorings:
            return self.scorings[search].blocks
        exact, _ = pairs.split(self.searches[search.pair, search.rule][1])
        return [[(place, None) for place in range(len(exact))]]

    @cached_property
    def is_local(self) -> bool:
        """Whether the pairs of a record depend on those alone with which it shares a block."""
        return not self.best_only and ignores_alike(self.sides)

    @property
    def largest(self) -> int:
        """Return the size of the largest block of which nothing is told."""
        several = [self.limits.block_size]
        several += [
            pairs.told_from(rule, self.limits)
            for _, rule in self.searches.values()
            if not rule.score
        ]
        return min(several)

    def hashed(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Write the hashes of the blocks of an entity's records; give the file."""
        sides, _ = different(self.sides[entity.table.entity].values())
        written = self._written(connection, folder, sides, entity)
        yield self._hashed(connection, folder, entity, written)

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The numbers of records from which on a value is shared by too many, or known."""
        sides = (
            side for searches in self.sides.values() for some in searches.values() for side in some
        )
        return numbers_of(sides)

    def counted(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        """Write the hashes of the values of an entity's records that are counted; give the file."""
        sides, _ = different(self.sides[entity.table.entity].values())
        path = folder / COMPARED
        blocks.write_compared(connection, sides, entity.records, RECORD, path, self.threads)
        yield from self._valued(connection, folder, entity)

    def _valued(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified
    ) -> Iterator[str]:
        sides, _ = different(self.sides[entity.table.entity].values())
        asked = entity, sides, folder / COMPARED, folder / "values.parquet"
        path = write_values(connection, *asked)
        if path is not None:
            yield path

    def _hashed(
        self, connection: "DuckDBPyConnection", folder: Path, entity: Unified, written: Path
    ) -> str:
        searches = self.sides[entity.table.entity]
        _, numbers = different(searches.values())
        hashed = {
            self._kinds[search, place]: block
            for search, compared in searches.items()
            for place, (_, block) in enumerate(
                self._blocks(search, [numbers[side.key] for side in compared])
            )
        }
        return write_hashes(connection, entity, written, hashed, folder / "hashes.parquet")

    @cached_property
    def _kinds(self) -> dict[object, int]:
        """The number of each block of each search; the same blocks have the same."""
        several = (
            (search, place, parts)
            for search, _ in self.searches.values()
            for place, parts in enumerate(self._parts(search))
        )
        return numbered(several, self.sides)

    @cached_property
    def sides(self) -> dict[str, dict[Search, list[Compared]]]:
        """What each search compares of each entity."""
        names = dict.fromkeys(name for pair in self.rules for name in (pair.lower, pair.upper))
        return {name: self._sides(name) for name in names}

    def _sides(self, name: str) -> dict[Search, list[Compared]]:
        return {
            search: pairs.sides_of(
                self.scorings[search].compared
                if search in self.scorings
                else pairs.comparisons(rule),
                name,
                self.entities[name],
                self.ignore[name],
                self.aliases,
            )
            for search, rule in self.searches.values()
            if name in (search.lower, search.upper)
        }

    def _written(
        self,
        connection: "DuckDBPyConnection",
        folder: Path,
        sides: Sequence[Compared],
        entity: Unified,
    ) -> Path:
        """Write what is compared of an entity's rows; what too many or too few share is none."""
        path, affected = folder / COMPARED, entity.table.affected
        counted = None if affected is None else affected.counted
        blocks.write_compared(connection, sides, entity.records, RECORD, path, self.threads)
        return without_shared(connection, sides, path, folder / "unshared.parquet", counted)

    def compare(
        self, connection: "DuckDBPyConnection", folder: Path, key: Key, pieces: Iterable[BlockFile]
    ) -> Pairs:
        """Find the pairs of one rule in one bucket, of a score rule in one of its blocks."""
        pair, place, _, *more = key
        search, rule = self.searches[pair, place]
        files = sorted(set(pieces), key=lambda file: file.path)
        lower, upper = (
            [file for file in files if file.entity == name] for name in (search.lower, search.upper)
        )
        ignored = tuple(
            (name, *value)
            for name, some in {search.lower: lower, search.upper: upper}.items()
            for value in (pairs.ignored_values(connection, some) if more in ([], [0]) else [])
        )
        path = folder / f"{'-'.join(map(str, key))}.parquet"
        kept = tuple(files) if rule.through_others and more in ([], [0]) else ()
        if not lower or not upper:
            rows = write_parquet(connection, NO_PAIRS, path)
            told = hashes_of(files), values_of(files)
            return Pairs(search, str(path), rows, (), (), ignored, (), kept, *told)
        if more:
            sides, scoring = (lower, upper), self.scorings[search]
            found = find_scored(
                connection, search, scoring, more[0], sides, self.limits, path, self.threads
            )
        else:
            found = pairs.find(connection, search, rule, lower, upper, self.limits, path)
        keys = {file.keys for file in files if file.keys and pair in self.best_only}
        found = replace(found, ignored=ignored, compared=kept, keys=tuple(sorted(keys)))
        return replace(found, hashes=hashes_of(files), values=values_of(files))

    def conclude(
        self, connection: "DuckDBPyConnection", folder: Path, pair: int, found: Iterable[Pairs]
    ) -> PairTable:
        """Keep of all pairs between two entities those by the first rule that held."""
        found = sorted(found, key=lambda one: one.path)
        search, path = found[0].search, folder / f"{pair}.parquet"
        rows = parquet_rows(sorted(one.path for one in found))
        kept = pairs.first_pairs(rows) if search.within else pairs.first_rules(rows)
        if not search.within and self._one_rule(found):
            kept = f"FROM {rows}"
        keys = sorted({keys for one in found for keys in one.keys})
        pairs.write_pairs(connection, pairs.best_pairs(kept, keys) if keys else kept, path)
        return PairTable(
            pair,
            search.lower,
            search.upper,
            str(path),
            tuple(rule.name for (of, _), (_, rule) in self.searches.items() if of == pair),
            pairs.rows_by_rule(connection, found, path),
            _sorted_blocks((one.search.rule, one.oversized) for one in found),
            _sorted_blocks((one.search.rule, one.large) for one in found),
            self._ignored(found),
            kept_apart_by(found, self.searches, self.scorings),
            tuple(sorted({hashes for one in found for hashes in one.hashes})),
            tuple(sorted({values for one in found for values in one.values})),
        )

    def _one_rule(self, found: Sequence[Pairs]) -> bool:
        """Say whether one rule alone found pairs, each of them once."""
        searches = {one.search for one in found if one.rows}
        return len(searches) < 2 and not any(
            search in self.scorings and len(self.scorings[search].blocks) > 1 for search in searches
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


def aliases_of(unification: Unification) -> dict[str, Aliases]:
    """Return the lists of aliases by name; those in files were read before."""
    return {
        name: tuple(one.items())
        for name, one in unification.aliases.items()
        if isinstance(one, dict)
    }


def _sorted_blocks(
    found: Iterable[tuple[int, Sequence[tuple[str, int]]]],
) -> tuple[LargeBlock, ...]:
    return tuple(sorted((rule, block, size) for rule, several in found for block, size in several))
