"""The ids of clusters of customers: inherited as the ids of customers are (semantics 4.3).

To the registry of clusters a customer is what a record is to that of customers, and its cluster
what the customer is. So whoever leaves a household and returns finds its id, however many publishes
later, and one that parts takes nothing from those who stay.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.customer_clusters import CUSTOMER, CUSTOMER_ID
from overtide.schemas.names import literal, quoted
from overtide.schemas.tables import CLUSTER_REGISTRY
from overtide.transforms.inheritance import HEIRS
from overtide.transforms.kernel import count, write_parquet

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = Mapping[str, Mapping[str, str]]
"""The columns of the published tables, with their types."""
BEFORE_ANY = 0
"""The run of ids that were given before there was a registry of them."""


@dataclass(frozen=True)
class ClusterIds:
    """The ids of a column's clusters: a file of (CustomerId, id), one of what is learnt of them."""

    ids: str
    learnt: str


def give_ids(
    connection: "DuckDBPyConnection",
    folder: Path,
    forest: str,
    name: str,
    published: Columns,
    instance: str,
    run: int,
) -> ClusterIds:
    """Give the clusters of a column their ids.

    `forest` is the SQL of (CustomerId, root), with the smallest CustomerId of each cluster, which
    makes new ids. The connection must have temporary tables of its own.
    """
    known = _remember(connection, name, published)
    connection.execute(f"""
        CREATE TEMP TABLE member AS
        SELECT row_number() OVER (ORDER BY {CUSTOMER_ID}) AS record, root AS cluster,
            0::TINYINT AS place, {CUSTOMER_ID} AS key, {CUSTOMER_ID} AS ref FROM ({forest});
        CREATE TEMP TABLE apart AS FROM member WHERE false;
        CREATE TEMP MACRO entity_name(place) AS {literal(name)}""")
    connection.execute(HEIRS.format(first="since, customer DESC"))
    _new_ids(connection, name, instance)
    connection.execute("""
        CREATE TEMP TABLE identified AS
        SELECT record, key, id FROM member JOIN (FROM kept UNION ALL FROM fresh) USING (cluster)""")
    ids, learnt = folder / "ids.parquet", folder / "learnt.parquet"
    write_parquet(connection, f"SELECT key AS {CUSTOMER_ID}, id FROM identified", ids)
    write_parquet(connection, _learnt(name, run, known), learnt)
    return ClusterIds(str(ids), str(learnt))


def _remember(connection: "DuckDBPyConnection", name: str, published: Columns) -> bool:
    """Create registry, departure and identity; say whether the registry of clusters has them.

    One that has nothing of the column begins with the ids that customers have in it, if any: those
    of a lake that was written before there was a registry.
    """
    rows = f"SELECT * FROM lake.{CLUSTER_REGISTRY.name} WHERE Cluster = {literal(name)}"
    known = CLUSTER_REGISTRY.name in published and count(
        connection, f"SELECT count(*) FROM ({rows})"
    )
    if not known:
        none = f"SELECT NULL::VARCHAR AS {CUSTOMER_ID}, NULL::VARCHAR AS id WHERE false"
        had = _shown(name, published.get(CUSTOMER, {})) or none
        rows = (
            f"SELECT {CUSTOMER_ID}, id AS ClusterId, true AS IsGiven, {BEFORE_ANY} AS Run "
            f"FROM ({had})"
        )
    said = (
        f"{literal(name)} AS EntityName, {CUSTOMER_ID} AS PrimaryKey, ClusterId AS CustomerId, Run"
    )
    connection.execute(f"""
        CREATE TEMP TABLE registered AS {rows};
        CREATE TEMP TABLE registry AS SELECT {said} FROM registered WHERE IsGiven;
        CREATE TEMP TABLE departure AS SELECT {said} FROM registered WHERE NOT IsGiven;
        CREATE TEMP TABLE identity AS
            SELECT CustomerId, min(Run) AS Run, any_value(EntityName) AS EntityName,
                arg_min(PrimaryKey, (Run, PrimaryKey)) AS PrimaryKey
            FROM registry GROUP BY CustomerId""")
    return bool(known)


def _shown(name: str, customer: Mapping[str, str]) -> str | None:
    """Return the SQL of the ids that customers have (CustomerId, id), None where there are none."""
    if customer.get(name) != "VARCHAR":
        return None
    column = quoted(name)  # what it was before it was a cluster's is no id
    return (
        f"SELECT {CUSTOMER_ID}, {column} AS id FROM lake.{CUSTOMER} "
        f"WHERE regexp_full_match({column}, '[0-9a-f]{{32}}')"
    )


def _new_ids(connection: "DuckDBPyConnection", name: str, instance: str) -> None:
    """Create `fresh` (cluster, id) of the clusters without one: ids that none of the column had."""
    connection.execute("""
        CREATE TEMP TABLE fresh AS
        SELECT DISTINCT cluster, '' AS id FROM member ANTI JOIN kept USING (cluster)""")
    taken = "id IN (SELECT CustomerId FROM identity) OR id = ''"
    for counter in itertools.count():
        if not count(connection, f"SELECT count(*) FROM fresh WHERE {taken}"):
            return
        text = f"concat_ws(chr(31), {literal(instance)}, {literal(name)}, cluster, '{counter}')"
        connection.execute(f"UPDATE fresh SET id = md5({text}) WHERE {taken}")


def _learnt(name: str, run: int, known: bool) -> str:
    """Return the SQL of the rows that the registry learns."""
    column = literal(name)
    given = f"""
        SELECT {column} AS Cluster, key AS {CUSTOMER_ID}, id AS ClusterId, true AS IsGiven,
            {run}::INTEGER AS Run
        FROM identified ANTI JOIN latest USING (record, id)
        UNION ALL
        SELECT {column}, PrimaryKey, CustomerId, false, {run} FROM left_now"""
    if known:
        return given
    return f"{given} UNION ALL SELECT {column}, PrimaryKey, CustomerId, true, Run FROM registry"
