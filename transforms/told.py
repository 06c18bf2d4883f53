"""What a refresh tells of its comparing.

Blocks and customers that are large, and the values that were ignored.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from overtide.schemas.match_tables import IGNORED_VALUES, OVERSIZED_BLOCKS
from overtide.schemas.names import literal, parquet_rows
from overtide.schemas.tables import ALTERNATE_KEY
from overtide.transforms.affected import Affected
from overtide.transforms.identities import Identified
from overtide.transforms.matching.contract import PairTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 10
"""How many of each are in the manifest; all are in the tables."""
Row = tuple[str | int | None, ...]


def oversized(
    connection: "DuckDBPyConnection",
    pair_tables: list[PairTable],
    identified: Identified,
    matched: Sequence[str],
    large_customer: int,
) -> list[Row]:
    """Return the rows of `oversized_blocks`.

    `matched` are queries of pairs as in `ConflationMatchPairs`; a `large_customer` has more records
    than that.
    """
    clusters: list[Row] = [
        ("cluster", entity, None, None, key, size) for entity, key, size in identified.oversized
    ]
    return [
        *_blocks([*pair_tables, *identified.cluster_pairs]),
        *clusters,
        *_customers(connection, identified, matched, large_customer),
    ]


def _blocks(pair_tables: list[PairTable]) -> Iterable[Row]:
    for table in pair_tables:
        other = None if table.lower == table.upper else table.lower
        for kind, blocks in (("block", table.oversized), ("large block", table.large)):
            yield from (
                (kind, table.upper, other, table.rules[rule], value, size)
                for rule, value, size in blocks
            )


def _customers(
    connection: "DuckDBPyConnection",
    identified: Identified,
    matched: Sequence[str],
    large_customer: int,
) -> list[Row]:
    """Return the customers with many records, each with the rule that has most of its pairs."""
    keys = parquet_rows([identified.alternate_keys])
    large = (
        f"SELECT CustomerId, count(*) AS records FROM {keys} GROUP BY CustomerId "
        f"HAVING records > {large_customer}"
    )
    sizes = dict(connection.execute(large).fetchall())
    rules = (
        dict(
            connection.execute(f"""
        WITH large AS (SELECT * FROM {keys} SEMI JOIN ({large}) USING (CustomerId)),
        counted AS (SELECT CustomerId, Rule, count(*) AS pairs
          FROM ({" UNION ALL ".join(matched)}) AS matched
                    JOIN large ON large.EntityName = MatchedEntityName
                      AND large.PrimaryKey = MatchedPrimaryKey
                    GROUP BY ALL)
        SELECT CustomerId, Rule FROM counted
        QUALIFY row_number() OVER (PARTITION BY CustomerId
          ORDER BY pairs DESC, Rule) = 1""").fetchall()
        )
        if sizes and matched
        else {}
    )
    return [
        ("customer", None, None, rules.get(customer), customer, size)
        for customer, size in sizes.items()
    ]


def ignored(pair_tables: list[PairTable]) -> list[Row]:
    """Return the rows of `ignored_values`: what was ignored alike is one row."""
    found: dict[tuple[str, str, str, str], int] = {}
    for table in pair_tables:
        for entity, attributes, value, reason, size in table.ignored:
            what = (entity, attributes, value, reason)
            found[what] = max(size, found.get(what, 0))
    return [(*what, size) for what, size in found.items()]


def large_of_all(rows: Iterable[Row], affected: Affected | None) -> list[str]:
    """Return the SQL of `oversized_blocks` of the rows that were found.

    Where some records alone were matched, those of other customers stay; there are no blocks.
    """
    found = rows_sql(OVERSIZED_BLOCKS.names, rows)
    if affected is None:
        return found
    theirs = f"SELECT CustomerId FROM ({affected.published(ALTERNATE_KEY.name)})"
    return [*found, f"SELECT * FROM lake.{OVERSIZED_BLOCKS.name} WHERE Value NOT IN ({theirs})"]


def ignored_of_all(
    connection: "DuckDBPyConnection",
    pair_tables: Sequence[PairTable],
    identified: Identified,
    affected: Affected | None,
) -> list[str]:
    """Return the SQL of `ignored_values`.

    Where some records alone were matched, it is what was, less what they had, and what they have.
    """
    now = ignored([*pair_tables, *identified.cluster_pairs])
    if affected is not None:
        was = ignored([table.before for table in pair_tables if table.before is not None])
        known = connection.execute(f"FROM lake.{IGNORED_VALUES.name}").fetchall()
        sizes: Counter[Row] = Counter()
        for rows, sign in ((known, 1), (was, -1), (now, 1)):
            for entity, attributes, value, reason, size in rows:
                sizes[entity, attributes, value, reason] += sign * int(size or 0)
        now = [(*what, size) for what, size in sizes.items() if size]
    return rows_sql(IGNORED_VALUES.names, now)


def rows_sql(names: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """Return one query of rows, none where there are none."""
    values = ", ".join(f"({', '.join(_value(value) for value in row)})" for row in rows)
    return [f"SELECT * FROM (VALUES {values}) AS told ({', '.join(names)})"] if values else []


def _value(value: str | int | None) -> str:
    return "NULL" if value is None else literal(value) if isinstance(value, str) else str(value)


def told(connection: "DuckDBPyConnection", large: str, ignored: str) -> dict[str, object]:
    """Return what the manifest says of `oversized_blocks` and `ignored_values` rows.

    The greatest come first. Each table is read once: opening one of the lake takes longer than
    reading it.
    """
    for name, rows in (("told_large", large), ("told_ignored", ignored)):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {rows}")
    return {
        "large": {
            kind: _greatest(connection, f"FROM told_large WHERE Kind = {literal(kind)}")
            for kind in ("block", "large block", "cluster", "customer")
        },
        "ignored_values": _greatest(connection, "FROM told_ignored"),
    }


def _greatest(connection: "DuckDBPyConnection", rows: str) -> dict[str, object]:
    count, records = connection.execute(
        f"SELECT count(*), coalesce(sum(Records), 0)::BIGINT FROM ({rows})"
    ).fetchone() or (0, 0)
    found = connection.execute(f"FROM ({rows}) ORDER BY Records DESC, 1, 2, 3, 4, 5 LIMIT {SHOWN}")
    names = [_camel(column[0]) for column in found.description]
    return {
        "count": count,
        "records": records,
        "greatest": [dict(zip(names, row, strict=True)) for row in found.fetchall()],
    }


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
