"""What matching found, counted: per rule, per entity, by score. Pairs in, rows of numbers out."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from overtide.schemas.matched_counts import entity_counts, percent_of
from overtide.schemas.names import parquet_rows
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, object]


def of_rules(
    connection: "DuckDBPyConnection", tables: Iterable[PairTable], unified: Sequence[Unified]
) -> list[Row]:
    """Return for each rule its pairs, and how many records of its entity they match.

    `only` are those that no other rule of the same two entities matches; `scores` counts its pairs
    by whole percent of score.
    """
    size = {one.table.entity: one.table.rows_kept for one in unified}
    found = []
    for table in tables:
        scores = _scores(connection, table)
        for place, one in enumerate(of_table(connection, table)):
            found.append(
                {
                    "entity": table.lower,
                    "to": table.upper,
                    **one,
                    "percent": percent_of(int(str(one["records"])), size[table.lower]),
                    "scores": {str(score): n for rule, score, n in scores if rule == place},
                }
            )
    return found


def of_table(connection: "DuckDBPyConnection", table: PairTable) -> list[Row]:
    """Return for each rule of a table its pairs, the records that they match, and `only` those."""
    counted = {}
    if sum(table.rows):
        rows = parquet_rows([table.path])
        within = table.lower == table.upper
        upper = "UNION SELECT upper_record, rule FROM pairs" if within else "GROUP BY ALL"
        counted = {
            rule: counts
            for rule, *counts in connection.execute(
                f"""
                WITH pairs AS (FROM {rows}),
                matched AS (SELECT lower_record AS record, rule FROM pairs {upper}),
                alone AS (SELECT record, min(rule) AS rule FROM matched
                          GROUP BY record HAVING count(*) = 1)
                SELECT rule, records, coalesce("only", 0)
                FROM (SELECT rule, count(*) AS records FROM matched GROUP BY rule)
                LEFT JOIN (SELECT rule, count(*) AS "only" FROM alone GROUP BY rule) USING (rule)"""
            ).fetchall()
        }
    return [
        {"rule": name, "pairs": pairs, "records": records, "only": only}
        for place, (name, pairs) in enumerate(zip_longest(table.rules, table.rows, fillvalue=0))
        for records, only in [counted.get(place, (0, 0))]
    ]


def _scores(connection: "DuckDBPyConnection", table: PairTable) -> list[tuple[int, int, int]]:
    return connection.execute(
        f"SELECT rule, score, count(*) FROM {parquet_rows([table.path])} GROUP BY ALL ORDER BY ALL"
    ).fetchall()


def of_entities(
    connection: "DuckDBPyConnection",
    tables: Sequence[PairTable],
    unified: Iterable[Unified],
    forest: str,
) -> list[Row]:
    """Return for each entity its records, its own duplicates, and those matched with others."""
    return [_of_entity(connection, tables, one, forest) for one in unified]


def _of_entity(
    connection: "DuckDBPyConnection", tables: Sequence[PairTable], one: Unified, forest: str
) -> Row:
    name, records = one.table.entity, one.table.rows_kept
    (customers,) = connection.execute(
        f"""
        SELECT count(DISTINCT coalesce(root, record)) FROM
        (SELECT {RECORD} AS record FROM ({one.records}))
        LEFT JOIN {parquet_rows([forest])} USING (record)"""
    ).fetchone() or (0,)
    return entity_counts(name, records, customers, matched_of(connection, tables, name))


def matched_of(connection: "DuckDBPyConnection", tables: Iterable[PairTable], name: str) -> int:
    """Return how many records of an entity are in pairs with those of others."""
    between = [
        f"SELECT {end}_record AS record FROM {parquet_rows([table.path])}"
        for table in tables
        if table.lower != table.upper
        for end, entity in (("lower", table.lower), ("upper", table.upper))
        if entity == name
    ]
    if not between:
        return 0
    found = connection.execute(
        f"SELECT count(DISTINCT record) FROM ({' UNION ALL '.join(between)})"
    ).fetchone()
    return int(found[0]) if found else 0
