"""What a refresh tells of its comparing.

Blocks and customers that are large, and the values that were ignored.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.identities import Identified
from overtide.transforms.matching.compared import Compared
from overtide.transforms.matching.pairs import split
from overtide.transforms.plan import Plan
from overtide.transforms.unify import PairTable

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
    plan: Plan,
) -> list[Row]:
    """Return the rows of `oversized_blocks`.

    `matched` are queries of pairs as in `ConflationMatchPairs`.
    """
    clusters: list[Row] = [
        ("cluster", entity, None, None, key, size) for entity, key, size in identified.oversized
    ]
    return [
        *_blocks(pair_tables, plan),
        *clusters,
        *_customers(connection, identified, matched, plan),
    ]


def _blocks(pair_tables: list[PairTable], plan: Plan) -> Iterable[Row]:
    names = {(search.pair, search.rule): rule.name for search, rule in plan.searches.items()}
    for table in pair_tables:
        other = None if table.lower == table.upper else table.lower
        for kind, blocks in (("block", table.oversized), ("large block", table.large)):
            yield from (
                (kind, table.upper, other, names[table.pair, rule], value, size)
                for rule, value, size in blocks
            )


def _customers(
    connection: "DuckDBPyConnection", identified: Identified, matched: Sequence[str], plan: Plan
) -> list[Row]:
    """Return the customers with many records, each with the rule that has most of its pairs."""
    keys = parquet_rows([identified.alternate_keys])
    large = (
        f"SELECT CustomerId, count(*) AS records FROM {keys} GROUP BY CustomerId "
        f"HAVING records > {plan.configuration.unification.limits.large_customer}"
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


def ignored(pair_tables: list[PairTable], plan: Plan) -> list[Row]:
    """Return the rows of `ignored_values`: what several rules ignored alike is one row."""
    rules = {(search.pair, search.rule): rule for search, rule in plan.searches.items()}
    found: dict[tuple[str, str, str, str], int] = {}
    for table in pair_tables:
        for entity, rule, place, value, size in table.ignored:
            exact, fuzzy = split(rules[table.pair, rule])
            side = Compared(
                [*exact, *fuzzy][place], entity, plan.entities[entity], plan.ignore(entity)
            )
            reason = "listed" if side.is_listed(value) else "shared"
            what = (entity, ", ".join(side.fields), value, reason)
            found[what] = max(size, found.get(what, 0))
    return [(*what, size) for what, size in found.items()]


def rows_sql(names: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """Return one query of rows, none where there are none."""
    values = ", ".join(f"({', '.join(_value(value) for value in row)})" for row in rows)
    return [f"SELECT * FROM (VALUES {values}) AS told ({', '.join(names)})"] if values else []


def _value(value: str | int | None) -> str:
    return "NULL" if value is None else literal(value) if isinstance(value, str) else str(value)


def told(connection: "DuckDBPyConnection", large: str, ignored: str) -> dict[str, object]:
    """Return what the manifest says of `oversized_blocks` and `ignored_values` rows.

    The greatest come first.
    """
    return {
        "large": {
            kind: _greatest(connection, f"SELECT * FROM ({large}) WHERE Kind = {literal(kind)}")
            for kind in ("block", "large block", "cluster", "customer")
        },
        "ignored_values": _greatest(connection, f"SELECT * FROM ({ignored})"),
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
