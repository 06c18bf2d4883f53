"""Find the pairs of records that a rule holds for: blocks by its exact conditions, scores by the others.

Records are numbers within a run (see `records`). Source of the rules: semantics 4.8 and the product's Match.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from schemas.configuration import Condition, Entity, Rule
from schemas.names import parquet_rows
from transforms.kernel import count, define, write_parquet
from transforms.keys import EntityTable
from transforms.normalize import compared

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ENTITY_SHIFT = 44
"""A record's number is its entity's place in unification shifted by this, plus its place in the entity's files."""


RECORD = "__record"
"""The column of a record's number beside an entity's own columns, whatever they are called."""


@dataclass(frozen=True)
class Search:
    """One rule to be applied between two entities, or within one; `pair` and `rule` are places in the configuration.

    `lower` is the entity that comes later in the match order; within one entity both are the same.
    """

    pair: int
    rule: int
    lower: str
    upper: str

    @property
    def within(self) -> bool:
        """Whether duplicates within one entity are sought."""
        return self.lower == self.upper


def records(table: EntityTable, place: int) -> str:
    """Return the SQL of an entity's rows with their record number in `__record`, a name that no column has."""
    parts, offset = [], place << ENTITY_SHIFT
    for path, rows in zip(table.files, table.file_rows, strict=True):
        parts.append(f"SELECT {offset}::BIGINT + file_row_number AS {RECORD}, * EXCLUDE (file_row_number) "
                     f"FROM {parquet_rows([path], ', file_row_number = true')}")
        offset += rows
    return " UNION ALL ".join(parts)


def split(rule: Rule) -> tuple[list[Condition], list[Condition]]:
    """Return a rule's exact conditions, which form its blocks, and its fuzzy ones."""
    exact = [condition for condition in rule.conditions if condition.percent == 100]
    return exact, [condition for condition in rule.conditions if condition.percent < 100]


def block_rows(rule: Rule, name: str, entity: Entity, rows: str) -> str:
    """Return the SQL of what a rule compares of an entity: record, block (the exact values), f0, f1, … (fuzzy).

    What is null in any of them compares with nothing; `comparable` leaves it out, since a condition here would make
    DuckDB normalise everything twice.
    """
    exact, fuzzy = split(rule)
    values = [f"{compared(condition, name, entity)} AS e{place}" for place, condition in enumerate(exact)]
    values += [f"{compared(condition, name, entity)} AS f{place}" for place, condition in enumerate(fuzzy)]
    block = _joined([f"e{place}" for place in range(len(exact))])
    return f"""
        WITH compared AS (SELECT {RECORD} AS record, {', '.join(values)} FROM ({rows}))
        SELECT {', '.join(['record', f'{block} AS block', *_texts(rule)])} FROM compared"""


def _joined(keys: list[str]) -> str:
    """Return the SQL of the keys joined by a separator that none of them holds: few need to be escaped."""
    if len(keys) == 1:
        return keys[0]
    special = " OR ".join(f"contains({key}, {letter})" for key in keys for letter in ("chr(30)", "chr(31)"))
    escaped = (f"replace(replace({key}, chr(30), chr(30) || '0'), chr(31), chr(30) || '1')" for key in keys)
    between = " || chr(31) || "
    return f"CASE WHEN {special} THEN {between.join(escaped)} ELSE {between.join(keys)} END"


def _texts(rule: Rule) -> list[str]:
    return [f"f{place}" for place in range(len(split(rule)[1]))]


def comparable(rule: Rule, files: list[str]) -> str:
    """Return the SQL of the written block rows in which nothing is null."""
    whole = " AND ".join(f"{name} IS NOT NULL" for name in ["block", *_texts(rule)])
    return f"SELECT * FROM {parquet_rows(files)} WHERE {whole}"


def score(place: int) -> str:
    """Return the SQL of the edit distance in code points between both values of the fuzzy condition `place`."""
    left, right = f"l.f{place}", f"r.f{place}"
    plain = f"strlen({left}) = length({left}) AND strlen({right}) = length({right})"
    return f"CASE WHEN {left} = {right} THEN 0 WHEN {plain} THEN levenshtein({left}, {right}) " \
           f"ELSE code_point_distance({left}, {right}) END"


def code_point_distance(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Array:
    """Return the Levenshtein distance in code points of each pair of texts."""
    texts = zip(left.to_pylist(), right.to_pylist(), strict=True)
    return pa.array([Levenshtein.distance(one, other) for one, other in texts], pa.int64())


def candidates(search: Search, rule: Rule, lower: list[str], upper: list[str]) -> str:
    """Return the SQL of the pairs within the blocks that are not too large, with length n and distance d of each."""
    _, fuzzy = split(rule)
    measured = "".join(f", greatest(length(l.f{place}), length(r.f{place})) AS n{place}, {score(place)} AS d{place}"
                       for place in range(len(fuzzy)))
    order = " AND l.record < r.record" if search.within else ""
    return f"""
        WITH l AS (SELECT * FROM ({comparable(rule, lower)}) WHERE block NOT IN (SELECT block FROM oversized)),
        r AS ({comparable(rule, upper)})
        SELECT l.record AS lower_record, r.record AS upper_record{measured}
        FROM l JOIN r ON l.block = r.block{order}"""


def matches(search: Search, rule: Rule, lower: list[str], upper: list[str]) -> str:
    """Return the SQL of the pairs for which every condition of the rule holds, with the lowest of their scores."""
    _, fuzzy = split(rule)
    holds = " AND ".join(f"(n{place} - d{place}) * 100 >= {condition.percent} * n{place}"
                         for place, condition in enumerate(fuzzy)) or "true"
    scores = ", ".join(f"((n{place} - d{place}) * 100) // n{place}" for place in range(len(fuzzy)))
    lowest = f"least({scores})" if scores else "100"
    return f"""
        WITH candidates AS ({candidates(search, rule, lower, upper)})
        SELECT lower_record, upper_record, {search.rule}::INTEGER AS rule, {lowest}::INTEGER AS score
        FROM candidates WHERE {holds}"""


def oversized_blocks(rule: Rule, sides: list[list[str]], block_size: int) -> str:
    """Return the SQL of the blocks with more records than are ever compared, and how many each has.

    A block that only one of two entities has is not compared anyway, and which of those are seen depends on buckets.
    """
    rows = " UNION ALL ".join(f"SELECT block, {place} AS side FROM ({comparable(rule, files)})"
                              for place, files in enumerate(sides))
    return f"SELECT block, count(*) AS records FROM ({rows}) GROUP BY block " \
           f"HAVING records > {block_size} AND max(side) - min(side) = {len(sides) - 1}"


def crowded_groups(rule: Rule, files: list[str], block_size: int) -> str:
    """Return the SQL of groups of blocks that hold too many records together; without any no block is oversized."""
    return f"SELECT hash(block) % 1000000 FROM ({comparable(rule, files)}) GROUP BY ALL HAVING count(*) > {block_size}"


@dataclass(frozen=True)
class Pairs:
    """The pairs that one search found in one bucket, and the blocks that were too large to compare."""

    search: Search
    path: str
    rows: int
    oversized: tuple[tuple[str, int], ...]


def find(connection: "DuckDBPyConnection", search: Search, rule: Rule, lower: list[str], upper: list[str],
         block_size: int, path: Path) -> Pairs:
    """Write the pairs of one search and bucket to `path`: lower_record, upper_record, rule, score."""
    define(connection, code_point_distance, ["VARCHAR", "VARCHAR"], "BIGINT")
    sides = [lower] if search.within else [lower, upper]
    crowded = count(connection, f"SELECT count(*) FROM ({crowded_groups(rule, [*chain(*sides)], block_size)})")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE oversized AS {oversized_blocks(rule, sides, block_size)} "
                       f"{'' if crowded else 'LIMIT 0'}")
    rows = write_parquet(connection, matches(search, rule, lower, upper), path)
    large = connection.execute("SELECT block, records FROM oversized ORDER BY ALL").fetchall()
    return Pairs(search, str(path), rows, tuple((str(block), int(size)) for block, size in large))


def first_rules(connection: "DuckDBPyConnection", found: Iterable[Pairs], path: Path) -> int:
    """Write the pairs of one entity pair: a lower record that a rule matched is not offered to later rules."""
    rows = parquet_rows(sorted(pairs.path for pairs in found))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW found AS SELECT * FROM {rows}")
    if count(connection, "SELECT count(DISTINCT rule) FROM found") < 2:
        return write_parquet(connection, "FROM found", path)
    return write_parquet(connection, """
        WITH first AS (SELECT lower_record, min(rule) AS rule FROM found GROUP BY lower_record)
        SELECT found.* FROM found JOIN first USING (lower_record, rule)""", path)


def first_pairs(connection: "DuckDBPyConnection", found: Iterable[Pairs], path: Path) -> int:
    """Write the pairs within one entity: each pair once, by the first rule that found it."""
    rows = parquet_rows(sorted(pairs.path for pairs in found))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW found AS SELECT * FROM {rows}")
    return write_parquet(connection, """
        SELECT lower_record, upper_record, min(rule) AS rule, arg_min(score, rule) AS score
        FROM found GROUP BY lower_record, upper_record""", path)
