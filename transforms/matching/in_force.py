"""What people decided and what was left out for it, as it is published: the table `DecidedPairs`.

By it the next refresh knows which decisions are others, and which pairs hung together before
customers were cut apart (`overtide.transforms.closure`).
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from overtide.schemas.match_tables import DECIDED_PAIRS
from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.affected import record_node
from overtide.transforms.kernel import count
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.matching.decisions import ALWAYS, Decision
from overtide.transforms.records import RECORD, Unified

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Pair = tuple[int, int]
Row = tuple[str, int, int, str | None, int | None]
"""A decision, two records, and of a link that is left out its rule and score."""
LEFT_OUT = "left out"
ENDS = ("EntityName", "PrimaryKey", "MatchedEntityName", "MatchedPrimaryKey")
DECIDED = f"""
    SELECT Decision, {", ".join(ENDS)} FROM lake.{DECIDED_PAIRS.name}
    WHERE Decision <> {literal(LEFT_OUT)}"""
"""The decisions that are published, of records that were there."""
OTHER_NODE = record_node("MatchedEntityName", "MatchedPrimaryKey")
EDGES = f"SELECT {record_node()} AS one, {OTHER_NODE} AS other FROM lake.{DECIDED_PAIRS.name}"
"""What hangs together by decisions and by links that are left out, as it is published."""
FOUND = pa.schema(
    [
        ("decision", pa.string()),
        ("lower_record", pa.int64()),
        ("upper_record", pa.int64()),
        ("rule", pa.string()),
        ("score", pa.int32()),
    ]
)


def write_in_force(
    connection: "DuckDBPyConnection",
    folder: Path,
    said: Mapping[str, Set[Pair]],
    left_out: Iterable[tuple[PairTable, Set[Pair]]],
) -> str:
    """Write what people `said` of pairs, and the links of tables that are left out, to a file.

    A pair that only people decided is left out of no rule.
    """
    several: list[Row] = [
        (decision, *pair, None, None) for decision, pairs in said.items() for pair in pairs
    ]
    for table, gone in left_out:
        several += _links(connection, folder, table, gone) if gone else []
    path = folder / "in-force.parquet"
    rows = [
        dict(zip(FOUND.names, one, strict=True)) for one in sorted(several, key=lambda one: one[:3])
    ]
    pq.write_table(pa.Table.from_pylist(rows, FOUND), path)
    return str(path)


def _links(
    connection: "DuckDBPyConnection", folder: Path, table: PairTable, gone: Set[Pair]
) -> list[Row]:
    """Return links of a table with their rule and score; those of people have no row there."""
    path = folder / f"left-out-{table.pair}.parquet"
    ends = pa.Table.from_arrays(
        [pa.array(side, pa.int64()) for side in zip(*gone, strict=True)], FOUND.names[1:3]
    )
    pq.write_table(ends, path)
    rows = connection.execute(
        f"SELECT lower_record, upper_record, rule, score FROM {parquet_rows([str(path)])} AS gone "
        f"LEFT JOIN {parquet_rows([table.path])} AS pairs USING (lower_record, upper_record)"
    ).fetchall()
    return [
        (LEFT_OUT, lower, upper, *((ALWAYS, 100) if rule is None else (table.rules[rule], score)))
        for lower, upper, rule, score in rows
    ]


def rows_in_force(tables: Iterable[PairTable], unified: Sequence[Unified]) -> list[str]:
    """Return the query of the rows of `DecidedPairs`, none where nothing was decided."""
    files = [table.decided for table in tables if table.decided is not None]
    if not files:
        return []
    keys = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {literal(one.table.entity)} AS entity, {one.key} AS key "
        f"FROM ({one.records})"
        for one in unified
    )
    rows = parquet_rows(files)
    return [
        f"""
        WITH found AS (FROM {rows}),
        keys AS (FROM ({keys}) WHERE record IN
          (SELECT lower_record FROM found UNION SELECT upper_record FROM found)),
        named AS (
          SELECT found.*, l.entity AS le, l.key AS lk, u.entity AS ue, u.key AS uk,
            (l.entity, l.key) < (u.entity, u.key) AS first
          FROM found JOIN keys AS l ON l.record = lower_record
          JOIN keys AS u ON u.record = upper_record)
        SELECT decision AS Decision, CASE WHEN first THEN le ELSE ue END AS EntityName,
          CASE WHEN first THEN lk ELSE uk END AS PrimaryKey,
          CASE WHEN first THEN ue ELSE le END AS MatchedEntityName,
          CASE WHEN first THEN uk ELSE lk END AS MatchedPrimaryKey, rule AS Rule, score AS Score
        FROM named"""
    ]


def decisions_of(connection: "DuckDBPyConnection", rows: str) -> list[Decision]:
    """Return the decisions among rows of `DecidedPairs`."""
    query = (
        f"SELECT Decision, {', '.join(ENDS)} FROM ({rows}) WHERE Decision <> {literal(LEFT_OUT)}"
    )
    return [
        Decision(said == "always", (one, key), (other, other_key))
        for said, one, key, other, other_key in connection.execute(query).fetchall()
    ]


def find_decided_anew(
    connection: "DuckDBPyConnection",
    folder: Path,
    unified: Sequence[Unified],
    decisions: Iterable[Decision],
) -> None:
    """Add to `node` whom decisions name that are others than those published, to `edge` all of now.

    A decision whose records are not both there is none; when one comes, it has changed itself.
    """
    now = {
        ("always" if one.always else "never", *ends[0], *ends[1])
        for one in decisions
        for ends in [sorted((one.one, one.other))]
    }
    path = folder / "decisions.parquet"
    names = ("Decision", *ENDS)
    rows = [dict(zip(names, one, strict=True)) for one in sorted(now)]
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema([(name, pa.string()) for name in names])), path
    )
    said = f"SELECT * FROM {parquet_rows([str(path)])}"
    connection.execute(f"""
        CREATE TEMP TABLE said AS {said} EXCEPT {DECIDED};
        INSERT INTO edge SELECT {record_node()}, {OTHER_NODE} FROM ({said});
        CREATE TEMP TABLE named AS
        SELECT {record_node()} AS node, {OTHER_NODE} AS other FROM ({DECIDED} EXCEPT {said})""")
    if count(connection, "SELECT count(*) FROM said"):
        connection.execute(f"INSERT INTO named {_of_records(unified)}")
    connection.execute("""
        INSERT INTO node SELECT DISTINCT node FROM
          (SELECT node FROM named UNION ALL SELECT other FROM named) ANTI JOIN node USING (node)""")


def _of_records(unified: Sequence[Unified]) -> str:
    """Return the SQL of the nodes of what is `said` of two records that are both there."""
    there = " UNION ALL ".join(
        f"SELECT node FROM (SELECT {record_node(literal(one.table.entity), one.key)} AS node "
        f"FROM ({one.all_records})) SEMI JOIN wanted USING (node)"
        for one in unified
    )
    return f"""
        WITH ends AS (SELECT {record_node()} AS node, {OTHER_NODE} AS other FROM said),
        wanted AS (SELECT node FROM ends UNION SELECT other FROM ends),
        there AS ({there})
        FROM ends WHERE node IN (FROM there) AND other IN (FROM there)"""
