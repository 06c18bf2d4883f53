"""Find the pairs of records that a rule holds for.

Blocks by its exact conditions, scores by the others.

Records are numbers within a run (`overtide.transforms.records`). Source of the rules: semantics 4.8
and the product's Match.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from overtide.schemas.configuration.comparisons import Comparison, Condition
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.configuration.ignore import Ignore
from overtide.schemas.configuration.rules import Rule
from overtide.schemas.configuration.scores import WHOLE
from overtide.schemas.configuration.unification import Limits
from overtide.schemas.names import parquet_rows
from overtide.transforms.kernel import count, define, write_parquet
from overtide.transforms.matching.blocks import BlockFile, block
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.scoring import contradictions
from overtide.transforms.matching.similarity import points_alike
from overtide.transforms.normalize import Aliases

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Search:
    """One rule to be applied between two entities, or within one.

    `pair` and `rule` are places in the configuration.

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


def split(rule: Rule) -> tuple[list[Condition], list[Condition]]:
    """Return a rule's exact conditions, which form its blocks, and its fuzzy ones."""
    exact = [condition for condition in rule.conditions if condition.percent == 100]
    return exact, [condition for condition in rule.conditions if condition.percent < 100]


def comparisons(rule: Rule) -> list[Comparison]:
    """Return what a rule of conditions compares: exactly, nearly, and to find contradictions."""
    conditions = [*chain(*split(rule))]
    return [*conditions, *contradictions(rule, len(conditions))[0]]


def sides_of(
    compared: Iterable[Comparison],
    name: str,
    entity: Entity,
    ignore: Ignore,
    aliases: Mapping[str, Aliases],
) -> list[Compared]:
    """Return what is compared of an entity; `aliases` are lists by name."""
    return [
        Compared(
            comparison,
            name,
            entity,
            ignore,
            tuple(pair for one in comparison.alias_lists for pair in aliases[one]),
        )
        for comparison in compared
    ]


def comparable(rule: Rule, files: Sequence[BlockFile]) -> str:
    """Return the SQL of an entity's records by block.

    With f0, f1, … (fuzzy), of which nothing is null, and those of the contradictions behind them.
    """
    columns, exact = files[0].columns, len(split(rule)[0])
    texts = [f"v{column} AS f{place}" for place, column in enumerate(columns[exact:])]
    needed = dict.fromkeys(columns[: len(rule.conditions)])
    whole = " AND ".join(f"v{column} IS NOT NULL" for column in needed)
    chosen = ", ".join(["record", f"{block(columns[:exact])} AS block", *texts])
    return f"SELECT {chosen} FROM {parquet_rows(file.path for file in files)} WHERE {whole}"


def score(place: int) -> str:
    """Return the SQL of the edit distance of the fuzzy condition `place`.

    It is between both of its values, in code points.
    """
    left, right = f"l.f{place}", f"r.f{place}"
    plain = f"strlen({left}) = length({left}) AND strlen({right}) = length({right})"
    return (
        f"CASE WHEN {left} = {right} THEN 0 WHEN {plain} THEN levenshtein({left}, {right}) "
        f"ELSE code_point_distance({left}, {right}) END"
    )


def code_point_distance(left: pa.ChunkedArray, right: pa.ChunkedArray) -> pa.Array:
    """Return the Levenshtein distance in code points of each pair of texts."""
    texts = zip(left.to_pylist(), right.to_pylist(), strict=True)
    return pa.array([Levenshtein.distance(one, other) for one, other in texts], pa.int64())


def candidates(
    search: Search, rule: Rule, lower: Sequence[BlockFile], upper: Sequence[BlockFile]
) -> str:
    """Return the SQL of the pairs within blocks that are not too large.

    Each comes with its length n and distance d.
    """
    _, fuzzy = split(rule)
    measured = "".join(
        (
            f", greatest(length(l.f{place}), length(r.f{place})) AS n{place}, {score(place)} AS "
            f"d{place}"
        )
        for place in range(len(fuzzy))
    )
    for place in range(len(fuzzy), len(comparisons(rule)) - len(rule.conditions) + len(fuzzy)):
        measured += f", l.f{place} AS l{place}, r.f{place} AS r{place}"
    order = " AND l.record < r.record" if search.within else ""
    return f"""
        WITH l AS (SELECT * FROM ({comparable(rule, lower)}) WHERE block NOT IN (SELECT block
          FROM oversized)),
        r AS ({comparable(rule, upper)})
        SELECT l.record AS lower_record, r.record AS upper_record{measured}
        FROM l JOIN r ON l.block = r.block{order}"""


def matches(
    search: Search, rule: Rule, lower: Sequence[BlockFile], upper: Sequence[BlockFile]
) -> str:
    """Return the SQL of the pairs for which all of a rule's conditions hold.

    Each comes with the lowest of the conditions' scores, in ten-thousandths.
    """
    exact, fuzzy = split(rule)
    holds = (
        " AND ".join(
            f"(n{place} - d{place}) * 100 >= {condition.percent} * n{place}"
            for place, condition in enumerate(fuzzy)
        )
        or "true"
    )
    scores = ", ".join(
        f"((n{place} - d{place}) * {WHOLE}) // n{place}" for place in range(len(fuzzy))
    )
    lowest = f"least({scores})" if scores else str(WHOLE)
    return f"""
        WITH candidates AS ({candidates(search, rule, lower, upper)}),
        held AS (FROM candidates WHERE {holds})
        SELECT lower_record, upper_record, {search.rule}::INTEGER AS rule, {lowest}::INTEGER AS
          points
        FROM held{_uncontradicted(rule, len(exact))}"""


def _uncontradicted(rule: Rule, exact: int) -> str:
    """Return the SQL that leaves out pairs whose values contradict each other."""
    found = []
    for one in contradictions(rule, len(rule.conditions) - exact)[1]:
        crossed = None if one.crossed is None else (f"l{one.crossed}", f"r{one.crossed}")
        found.append(agrees(f"l{one.column}", f"r{one.column}", crossed, one.percent))
    return f" WHERE {' AND '.join(found)}" if found else ""


def agrees(here: str, there: str, crossed: tuple[str, str] | None, percent: int) -> str:
    """Return the SQL of whether two columns contradict each other by nothing.

    `crossed` are the columns of both that they are compared with crosswise. `points_alike` must be
    defined.
    """
    needed = percent * WHOLE // 100

    def near(left: str, right: str) -> str:
        return (
            f"{left} = {right}"
            if needed == WHOLE
            else f"({left} = {right} OR points_alike({left}, {right}) >= {needed})"
        )

    alike = near(here, there)
    if crossed is not None:
        across, back = near(here, crossed[1]), near(crossed[0], there)
        alike += f" OR coalesce({across} AND {back}, false)"
    return f"({here} IS NULL OR {there} IS NULL OR {alike})"


def large_blocks(rule: Rule, sides: Sequence[Sequence[BlockFile]], size: int) -> str:
    """Return the SQL of the blocks with more records than that, and how many each has.

    A block that only one of two entities has is not compared anyway, and which of those are seen
    depends on buckets.
    """
    rows = " UNION ALL ".join(
        f"SELECT block, {place} AS side FROM ({comparable(rule, files)})"
        for place, files in enumerate(sides)
    )
    return (
        f"SELECT block, count(*) AS records FROM ({rows}) GROUP BY block "
        f"HAVING records > {size} AND max(side) - min(side) = {len(sides) - 1}"
    )


def crowded_groups(rule: Rule, sides: Sequence[Sequence[BlockFile]], size: int) -> str:
    """Return the SQL of groups of blocks that hold too many records together.

    Without any no block is large.
    """
    rows = " UNION ALL ".join(f"SELECT block FROM ({comparable(rule, files)})" for files in sides)
    return f"SELECT hash(block) % 1000000 FROM ({rows}) GROUP BY ALL HAVING count(*) > {size}"


def ignored_values(
    connection: "DuckDBPyConnection", files: Sequence[BlockFile]
) -> list[tuple[int, str, int]]:
    """Return what was ignored of an entity.

    The condition's place (exact ones first), the value, how many records.
    """
    if not files:
        return []
    rows = parquet_rows(file.path for file in files)
    queries = [
        f"SELECT {place} AS place, i{column} AS value FROM {rows} WHERE i{column} IS NOT NULL"
        for place, column in enumerate(files[0].columns)
    ]
    return connection.execute(
        f"SELECT place, value, count(*) FROM ({' UNION ALL '.join(queries)}) GROUP BY ALL "
        "ORDER BY ALL"
    ).fetchall()


@dataclass(frozen=True)
class Pairs:
    """The pairs that one search found in one bucket, and what was told of it.

    `oversized` are the blocks that were too large to compare; `large` those that made customers of
    many records; `ignored` what was ignored: the entity, the condition's place, the value and how
    many records have it.
    """

    search: Search
    path: str
    rows: int
    oversized: tuple[tuple[str, int], ...] = ()
    large: tuple[tuple[str, int], ...] = ()
    ignored: tuple[tuple[str, int, str, int], ...] = ()
    keys: tuple[str, ...] = ()
    """Files of the keys of records, where links with one score are told apart by them."""
    compared: tuple[BlockFile, ...] = ()
    """What was compared, where it may contradict also through others."""
    hashes: tuple[str, ...] = ()
    """Files of the hashes of the blocks of all records, where they are of use."""
    values: tuple[str, ...] = ()
    """The same of values that are counted."""


def find(
    connection: "DuckDBPyConnection",
    search: Search,
    rule: Rule,
    lower: Sequence[BlockFile],
    upper: Sequence[BlockFile],
    limits: Limits,
    path: Path,
) -> Pairs:
    """Write the pairs of one search and bucket to `path`.

    Lower_record, upper_record, rule, and the score in ten-thousandths, `points`.
    """
    define(connection, code_point_distance, ["VARCHAR", "VARCHAR"], "BIGINT")
    define(connection, points_alike, ["VARCHAR", "VARCHAR"], "BIGINT")
    sides, size = [lower] if search.within else [lower, upper], told_from(rule, limits)
    crowded = count(connection, f"SELECT count(*) FROM ({crowded_groups(rule, sides, size)})")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE large AS {large_blocks(rule, sides, size)} "
        f"{'' if crowded else 'LIMIT 0'}"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE oversized AS FROM large WHERE records > {limits.block_size}"
    )
    rows = write_parquet(connection, matches(search, rule, lower, upper), path)
    blocks = [
        (str(block), int(records))
        for block, records in connection.execute(
            "SELECT block, records FROM large ORDER BY ALL"
        ).fetchall()
    ]
    return Pairs(
        search,
        str(path),
        rows,
        tuple(one for one in blocks if one[1] > limits.block_size),
        tuple(one for one in blocks if one[1] <= limits.block_size),
    )


def told_from(rule: Rule, limits: Limits) -> int:
    """Return the size above which a block is told.

    Where all is exact it makes one customer of its records.
    """
    return limits.block_size if split(rule)[1] else min(limits.block_size, limits.large_customer)


def first_rules(found: str) -> str:
    """Return the SQL of the pairs of two entities, of all pairs found.

    A lower record that a rule matched is not offered to later rules.
    """
    return f"""
        SELECT DISTINCT lower_record, upper_record, rule, points
        FROM {found} JOIN (SELECT lower_record, min(rule) AS rule FROM {found}
          GROUP BY lower_record) USING (lower_record, rule)"""


def first_pairs(found: str) -> str:
    """Return the SQL of the pairs within one entity: each pair once, by the first rule."""
    return f"""
        SELECT lower_record, upper_record, min(rule) AS rule, arg_min(points, rule) AS points
        FROM {found} GROUP BY lower_record, upper_record"""


def best_pairs(found: str, keys: Sequence[str]) -> str:
    """Return the SQL of the pairs that are the best one of both of their records.

    `keys` are files of (record, key); of links with one score the one with the smallest key is
    the best.
    """
    rows = parquet_rows(keys)
    return f"""
        SELECT * EXCLUDE (lower_key, upper_key) FROM (
          SELECT found.*, l.key AS lower_key, u.key AS upper_key FROM ({found}) AS found
          JOIN {rows} AS l ON l.record = lower_record JOIN {rows} AS u ON u.record = upper_record)
        QUALIFY row_number() OVER (PARTITION BY lower_record ORDER BY points DESC, upper_key) = 1
        AND row_number() OVER (PARTITION BY upper_record ORDER BY points DESC, lower_key) = 1"""


def write_pairs(connection: "DuckDBPyConnection", pairs: str, path: Path) -> int:
    """Write the rows of pairs with their scores in whole percent."""
    columns = f"* EXCLUDE (points), (points // {WHOLE // 100})::INTEGER AS score"
    return write_parquet(connection, f"SELECT {columns} FROM ({pairs})", path)


def rows_by_rule(
    connection: "DuckDBPyConnection", found: Sequence[Pairs], path: Path
) -> tuple[int, ...]:
    """Return how many pairs each rule made."""
    counted = f"SELECT rule, count(*) FROM {parquet_rows([path])} GROUP BY rule"
    rows = dict(connection.execute(counted).fetchall())
    return tuple(rows.get(place, 0) for place in range(1 + max(one.search.rule for one in found)))
