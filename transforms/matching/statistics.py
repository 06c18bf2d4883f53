"""What matching found, counted: per rule, per entity, by score. Pairs in, rows of numbers out."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from overtide.schemas.names import parquet_rows
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Row = dict[str, object]


def share(part: int, whole: int) -> float:
    """Return a part in percent, with one digit."""
    return round(100 * part / whole, 1) if whole else 0.0


def of_rules(
    connection: "DuckDBPyConnection", tables: Iterable[PairTable], unified: Sequence[Unified]
) -> list[Row]:
    """Return for each rule its pairs, and how many records of its entity they match.

    `scores` counts its pairs by whole percent of score.
    """
    size = {one.table.entity: one.table.rows_kept for one in unified}
    found = []
    for table in tables:
        counts = {rule: (pairs, records) for rule, pairs, records in _counted(connection, table)}
        scores = _scores(connection, table)
        for place, name in enumerate(table.rules):
            pairs, records = counts.get(place, (0, 0))
            found.append(
                {
                    "entity": table.lower,
                    "to": table.upper,
                    "rule": name,
                    "pairs": pairs,
                    "records": records,
                    "percent": share(records, size[table.lower]),
                    "scores": {str(score): n for rule, score, n in scores if rule == place},
                }
            )
    return found


def _counted(connection: "DuckDBPyConnection", table: PairTable) -> list[tuple[int, int, int]]:
    rows = parquet_rows([table.path])
    upper = "UNION SELECT rule, upper_record FROM pairs" if table.lower == table.upper else ""
    return connection.execute(
        f"""
        WITH pairs AS (FROM {rows}),
        matched AS (SELECT rule, lower_record FROM pairs {upper})
        SELECT * FROM (SELECT rule, count(*) FROM pairs GROUP BY rule)
        JOIN (SELECT rule, count(DISTINCT lower_record) FROM matched GROUP BY rule) USING (rule)"""
    ).fetchall()


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
    between = [
        f"SELECT {end}_record AS record FROM {parquet_rows([table.path])}"
        for table in tables
        if table.lower != table.upper
        for end, entity in (("lower", table.lower), ("upper", table.upper))
        if entity == name
    ]
    (customers,) = connection.execute(
        f"""
        SELECT count(DISTINCT coalesce(root, record)) FROM
        (SELECT {RECORD} AS record FROM ({one.records}))
        LEFT JOIN {parquet_rows([forest])} USING (record)"""
    ).fetchone() or (0,)
    matched = 0
    if between:
        (matched,) = connection.execute(
            f"SELECT count(DISTINCT record) FROM ({' UNION ALL '.join(between)})"
        ).fetchone() or (0,)
    return {
        "entity": name,
        "records": records,
        "customers": customers,
        "duplicates": records - customers,
        "matched": matched,
        "unmatched": records - matched,
        "percent": share(matched, records),
    }
