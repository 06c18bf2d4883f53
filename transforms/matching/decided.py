"""Keep pairs to what people decided: those of always are added, those of never cut apart.

Where a chain of pairs leads from one record to another that it must never be with, the weakest
links go: links are taken in order of their score, always pairs first, and one that would join two
such records is left out. Source of the rule: semantics 4.8.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.names import parquet_rows
from overtide.transforms import clusters
from overtide.transforms.kernel import write_parquet
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.contradicted import contradicted
from overtide.transforms.matching.decisions import ALWAYS, Decision, Reference
from overtide.transforms.matching.in_force import write_in_force
from overtide.transforms.records import ENTITY_SHIFT, RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SURE = 101
"""Comes before every score."""
Pair = tuple[int, int]
"""Two records: that of the later entity first, within one entity the smaller."""
Link = tuple[int, int, int]
"""The place of a table, and two records."""
PAIRS = pa.schema(
    [
        ("lower_record", pa.int64()),
        ("upper_record", pa.int64()),
        ("rule", pa.int32()),
        ("score", pa.int32()),
    ]
)
FIRST = 1_000_000
"""Tables of pairs of entities that no rule compares have later places than all others."""


def keep_to_decisions(
    connection: "DuckDBPyConnection",
    folder: Path,
    tables: Sequence[PairTable],
    unified: Sequence[Unified],
    decisions: Sequence[Decision],
    most: int,
) -> list[PairTable]:
    """Return the tables of pairs as people decided; a record that is not there is passed over.

    What contradicts also through others is kept apart as what must never be together, in customers
    of at most so many records.
    """
    always, never = _pairs_of(connection, folder, unified, decisions)
    said = {"always": {pair for some in always.values() for pair in some}, "never": {*never}}
    in_order = sorted(tables, key=lambda table: table.pair)
    if any(table.apart for table in tables):
        never |= contradicted(connection, folder, tables, said["always"], most)
    decided = Decided(_with_tables(in_order, always, folder), unified, always, never)
    gone: set[Link] = set()
    if never:
        columns = _links(connection, folder, decided).columns
        gone = refused(zip(*(column.to_pylist() for column in columns), strict=True), never)
    several: dict[int, set[Pair]] = defaultdict(set)
    for place, *ends in gone:
        several[place].add((ends[0], ends[1]))
    left_out = [(table, several[place]) for place, table in enumerate(decided.tables)]
    path = write_in_force(connection, folder, said, left_out)
    found = [
        _written(connection, folder, table, decided.added(table), without)
        for table, without in left_out
    ]
    return [replace(one, decided=None if place else path) for place, one in enumerate(found)]


def _pairs_of(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    decisions: Sequence[Decision],
) -> tuple[dict[tuple[str, str], set[Pair]], set[Pair]]:
    """Return the pairs that are always together, by their entities, and those that never are."""
    named = [reference for one in decisions for reference in (one.one, one.other)]
    records = records_of(connection, folder, unified, named)
    names = {one.place: one.table.entity for one in unified}
    always: dict[tuple[str, str], set[Pair]] = defaultdict(set)
    never: set[Pair] = set()
    for decision in decisions:
        if decision.one in records and decision.other in records:
            pair = ordered(records[decision.one], records[decision.other])
            lower, upper = (names[record >> ENTITY_SHIFT] for record in pair)
            (always[lower, upper] if decision.always else never).add(pair)
    return always, never


def ordered(one: int, other: int) -> Pair:
    """Return two records as a pair has them."""
    if one >> ENTITY_SHIFT == other >> ENTITY_SHIFT:
        return min(one, other), max(one, other)
    return max(one, other), min(one, other)


def records_of(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    references: Iterable[Reference],
) -> dict[Reference, int]:
    """Return the numbers of records that are named, as far as they are there."""
    named: dict[str, set[str]] = defaultdict(set)
    for entity, key in references:
        named[entity].add(key)
    found: dict[Reference, int] = {}
    for one in unified:
        name, path = one.table.entity, folder / f"named-{one.place}.parquet"
        pq.write_table(pa.table({"key": pa.array(sorted(named[name]), pa.string())}), path)
        query = f"""
            SELECT key, record FROM (SELECT {one.key} AS key, {RECORD} AS record
              FROM ({one.records})) SEMI JOIN {parquet_rows([str(path)])} USING (key)"""
        found |= {(name, key): record for key, record in connection.execute(query).fetchall()}
    return found


def _with_tables(
    tables: list[PairTable], asked: Iterable[tuple[str, str]], folder: Path
) -> list[PairTable]:
    """Return the tables with an empty one for each pair of entities that has none."""
    there = {(table.lower, table.upper) for table in tables}
    first = 1 + max((table.pair for table in tables), default=FIRST)
    for place, (lower, upper) in enumerate(sorted(set(asked) - there), first):
        path = folder / f"none-{place}.parquet"
        pq.write_table(PAIRS.empty_table(), path)
        tables.append(PairTable(place, lower, upper, str(path), (), ()))
    return tables


def _links(connection: "DuckDBPyConnection", folder: Path, decided: "Decided") -> pa.Table:
    """Return all links in the order in which they are taken: place, lower, upper.

    They are those of customers in which two records are that must never be together.
    """
    found = [
        f"SELECT {place} AS place, lower_record, upper_record, rule, score "
        f"FROM {parquet_rows([table.path])}"
        for place, table in enumerate(decided.tables)
    ]
    added = folder / "always.parquet"
    pq.write_table(decided.added_links(), added)
    found.append(f"FROM {parquet_rows([str(added)])}")
    whole = f"({' UNION ALL '.join(found)})"
    edges = connection.execute(f"SELECT lower_record, upper_record FROM {whole}").to_arrow_table()
    forest = clusters.forest(*(np.asarray(column) for column in edges.columns))
    root = dict(zip(*(column.to_pylist() for column in forest.columns), strict=True))
    together = {
        root.get(one, one)
        for one, other in decided.never
        if root.get(one, one) == root.get(other, other)
    }
    members = [record for record, top in root.items() if top in together] + sorted(together)
    path = folder / "members.parquet"
    pq.write_table(pa.table({"record": pa.array(members, pa.int64())}), path)
    keys = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {one.key} AS key FROM ({one.records})"
        for one in decided.unified
    )
    return connection.execute(
        f"""
        WITH keys AS (FROM ({keys}) SEMI JOIN {parquet_rows([str(path)])} USING (record))
        SELECT place, lower_record, upper_record FROM {whole}
        JOIN keys AS l ON l.record = lower_record JOIN keys AS u ON u.record = upper_record
        ORDER BY score DESC, place, rule,
            least(l.key, u.key), greatest(l.key, u.key), l.key  -- not which one is read first"""
    ).to_arrow_table()


@dataclass(frozen=True)
class Decided:
    """All pairs, and what people decided of them."""

    tables: Sequence[PairTable]
    unified: Sequence[Unified]
    always: Mapping[tuple[str, str], set[Pair]]
    """By the entities of a table."""
    never: set[Pair]

    def added(self, table: PairTable) -> set[Pair]:
        """Return the always pairs of a table."""
        return self.always.get((table.lower, table.upper), set())

    def added_links(self) -> pa.Table:
        """Return them as links, the surest of all."""
        several = [
            (place, *pair, -1, SURE)
            for place, table in enumerate(self.tables)
            for pair in sorted(self.added(table))
        ]
        names = ("place", *PAIRS.names)
        return pa.Table.from_pylist(
            [dict(zip(names, one, strict=True)) for one in several],
            pa.schema([("place", pa.int32()), *PAIRS]),
        )


@dataclass
class Apart:
    """Customers that grow link by link, and records that must not meet in one."""

    enemies: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    above: dict[int, int] = field(default_factory=dict)

    def root(self, record: int) -> int:
        """Return the record that stands for a record's customer."""
        while (top := self.above.get(record, record)) != record:
            self.above[record] = self.above.get(top, top)
            record = top
        return record

    def join(self, one: int, other: int) -> bool:
        """Join the customers of two records unless they must be apart; say whether they are one."""
        roots = self.root(one), self.root(other)
        if roots[0] == roots[1]:
            return True
        if any(self.root(enemy) == roots[1] for enemy in self.enemies[roots[0]]):
            return False
        self.above[roots[0]] = roots[1]
        self.enemies[roots[1]] |= self.enemies.pop(roots[0])
        return True


def refused(links: Iterable[Link], never: Iterable[Pair]) -> set[Link]:
    """Return which links, in their order, would join records that must never be together."""
    apart = Apart()
    for one, other in never:
        apart.enemies[one].add(other)
        apart.enemies[other].add(one)
    return {link for link in links if not apart.join(link[1], link[2])}


def _written(
    connection: "DuckDBPyConnection",
    folder: Path,
    table: PairTable,
    added: set[Pair],
    gone: set[Pair],
) -> PairTable:
    """Write a table's pairs anew, without some and with others; each stays what it was."""
    if not added and not gone:
        return table
    paths = [str(folder / f"{name}-{table.pair}.parquet") for name in ("added", "gone", "decided")]
    for path, pairs in zip(paths, (sorted(added - gone), sorted(gone)), strict=False):
        rows = [dict(zip(PAIRS.names[:2], pair, strict=True)) for pair in pairs]
        pq.write_table(pa.Table.from_pylist(rows, pa.schema([*PAIRS][:2])), path)
    before, more, without = (parquet_rows([path]) for path in (table.path, *paths[:2]))
    ends, place = "(lower_record, upper_record)", len(table.rules)
    write_parquet(
        connection,
        f"""
        SELECT lower_record, upper_record, rule::INTEGER AS rule, score::INTEGER AS score
        FROM {before} WHERE {ends} NOT IN (SELECT {ends} FROM {without})
        UNION ALL
        SELECT lower_record, upper_record, {place}::INTEGER, 100::INTEGER
        FROM {more} WHERE {ends} NOT IN (SELECT {ends} FROM {before})""",
        Path(paths[2]),
    )
    counted = f"SELECT rule, count(*) FROM {parquet_rows([paths[2]])} GROUP BY rule"
    rows_of = dict(connection.execute(counted).fetchall())
    several = tuple(rows_of.get(number, 0) for number in range(place + 1))
    return replace(table, path=paths[2], rules=(*table.rules, ALWAYS), rows=several)
