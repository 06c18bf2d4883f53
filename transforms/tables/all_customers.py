"""All customers, where a refresh identified those alone that a change may concern.

Customer is made of all of them once its columns are merged by other rules. Who has which records
stands in the whole map of keys, and which of them win; the rest follows from these.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import literal
from overtide.transforms.identities import previous_ids
from overtide.transforms.kernel import write_parquet
from overtide.transforms.records import RECORD, Unified
from overtide.transforms.tables.contract import Basis, PartOrder, within
from overtide.transforms.winners import choose_records, find_several, represented

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def of_all_customers(
    connection: "DuckDBPyConnection", folder: Path, basis: Basis, order: PartOrder
) -> Basis:
    """Return the basis with all records, and the customers of a part as if all were identified."""
    tables = [replace(table, affected=None) for table in basis.entity_tables]
    everyone = replace(basis, entity_tables=tables)
    keys = f"SELECT * FROM ({basis.keys}) WHERE {within(order.low, order.high)}"
    connection.execute(f"CREATE TEMP TABLE member AS {_members(everyone.unified, keys)}")
    find_several(connection)
    choose_records(connection, everyone.unified)
    path = folder / f"customers-{order.number:04d}.parquet"
    write_parquet(
        connection,
        f"""SELECT cluster AS CustomerId, * EXCLUDE (cluster, id)
        FROM ({represented(everyone.unified, "FROM member")})
        LEFT JOIN ({previous_ids(basis.aliases)}) ON id = cluster""",
        path,
    )
    return replace(everyone, identified=replace(basis.identified, customers=str(path)))


def _members(entities: Sequence[Unified], keys: str) -> str:
    """Return the SQL of the records of customers: record, place, cluster and winner.

    The cluster is the customer's id.
    """
    return " UNION ALL ".join(
        f"""SELECT record, {one.place}::TINYINT AS place, CustomerId AS cluster, IsWinner AS winner
        FROM (SELECT {RECORD} AS record, {one.key} AS PrimaryKey FROM ({one.records}))
        JOIN ({keys} AND EntityName = {literal(one.table.entity)}) USING (PrimaryKey)"""
        for one in entities
    )
