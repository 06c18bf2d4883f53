"""Give every cluster its CustomerId.

Ids go to their heirs, merged ids become previous ones, new ids are hashes.

Each step is one named table of the kernel's DuckDB, in the order of semantics 4.3. A record has an
id from the refresh that gave it to it (`Registry`) until it leaves it (`Departure`): it is there,
and the id went to the cluster of others. A merge takes no id from anyone, so whatever it joined
parts as it came (docs/decisions/identities.md).
"""

import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas import tables
from overtide.schemas.configuration.unification import Unification
from overtide.schemas.names import literal, parquet_rows
from overtide.transforms.customer_keys import IdsOfFields, make_ids_of_fields
from overtide.transforms.inheritance import ALIASES, HEIRS, LOST, UNTOLD, VANISHED
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.matching.contract import PairTable
from overtide.transforms.records import RECORD, Unified
from overtide.transforms.winners import MEMBERS, choose_records, mark_winners, represented

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class ClusterSizes:
    """How many clusters a column of Customer tells apart, and how large they are."""

    name: str
    clusters: int
    of_several: int
    """Those of more than one customer."""
    largest: int


@dataclass(frozen=True)
class Identified:
    """The results of giving identities: paths of Parquet files, and counts.

    The files of alternate keys and aliases are those of the tables, as first published by this run.
    """

    customers: str
    alternate_keys: str
    registry: str
    identity: str
    alias: str
    vanished: str
    departure: str
    profiles: int
    records: int
    not_unified: int
    oversized: tuple[tuple[str, str, int], ...]
    """The clusters too large to be merged.

    Entity and key of the smallest record, and the number of records.
    """
    ids_of_fields: IdsOfFields | None = None
    """How many customers have an id of their columns; None where none are configured."""
    clusters: str | None = None
    """CustomerId, cluster_0, …: the ids of clusters; None where none are configured."""
    cluster_pairs: tuple[PairTable, ...] = ()
    """The pairs of customers of each cluster, whose place is their `pair`."""
    cluster_sizes: tuple[ClusterSizes, ...] = ()
    cluster_records: str | None = None
    """The SQL of (record, key): the customers that the pairs of clusters mean."""
    cluster_learnt: tuple[str, ...] = ()
    """What the registry of clusters learns, a file for each."""
    related: str | None = None
    reached: str | None = None
    """What `transforms.related` found; None where no activity needs it."""


def load_members(
    connection: "DuckDBPyConnection",
    entities: list[Unified],
    forest: str,
    cluster_size: int,
) -> list[tuple[str, str, int]]:
    """Create `member` (record, cluster, place, entity, key, ref).

    Return the clusters too large to be merged.
    """
    some = _too_large(connection, forest, cluster_size)
    names = sorted(unified.table.entity for unified in entities)
    rows = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {unified.place}::TINYINT AS place, {unified.key} AS key, "
        f"chr({names.index(unified.table.entity) + 33}) || {unified.key} AS ref "
        f"FROM ({unified.records})"
        for unified in entities
    )
    connection.execute(f"""
        CREATE TEMP TABLE member AS
        SELECT rows.*, coalesce(root, record) AS cluster FROM ({rows}) AS rows LEFT JOIN
            (SELECT * FROM {parquet_rows([forest])} WHERE root NOT IN (FROM oversized))
              USING (record)""")
    return _named_oversized(connection, forest, names) if some else []


def _too_large(connection: "DuckDBPyConnection", forest: str, cluster_size: int) -> bool:
    """Create `oversized` (root) of the clusters of more records; say whether there is any."""
    connection.execute(f"""
        CREATE TEMP TABLE oversized AS
        SELECT root FROM {parquet_rows([forest])} GROUP BY root
        HAVING count(*) + 1 > {cluster_size}""")
    return count(connection, "SELECT count(*) FROM oversized") > 0


def _named_oversized(
    connection: "DuckDBPyConnection", forest: str, names: list[str]
) -> list[tuple[str, str, int]]:
    """Return entity and key of the smallest record of each oversized cluster, and its size."""
    smallest = connection.execute(f"""
        SELECT min(ref), any_value(records) FROM member JOIN
            (SELECT record, root FROM {parquet_rows([forest])} SEMI JOIN oversized USING (root)
             UNION ALL SELECT root, root FROM oversized) USING (record)
        JOIN (SELECT root, count(*) + 1 AS records FROM {parquet_rows([forest])} GROUP BY root)
          USING (root)
        GROUP BY root ORDER BY 1""").fetchall()
    return [(names[ord(ref[0]) - 33], ref[1:], int(size)) for ref, size in smallest]


def set_apart(connection: "DuckDBPyConnection", entities: list[Unified]) -> int:
    """Move the clusters of a single entity that does not include all its records to `apart`.

    Return their records.
    """
    places = ", ".join(
        str(unified.place) for unified in entities if not unified.options.include_all
    )
    lonely = (
        f"""SELECT cluster FROM member GROUP BY cluster
        HAVING min(place) = max(place) AND min(place) IN ({places})"""
        if places
        else "SELECT 0 WHERE false"
    )
    connection.execute(f"CREATE TEMP TABLE apart AS FROM member WHERE cluster IN ({lonely})")
    return count(connection, "DELETE FROM member WHERE cluster IN (SELECT cluster FROM apart)")


def new_ids(connection: "DuckDBPyConnection", instance: str, names: str) -> None:
    """Create `fresh` (cluster, ref, id).

    An id that no other cluster ever had for each cluster without one, not even one of its columns.
    """
    connection.execute(f"""
        CREATE TEMP TABLE fresh AS
        SELECT cluster, ref, {_new_id(instance, names, 0)} AS id
        FROM (SELECT cluster, min(ref) AS ref FROM member ANTI JOIN kept USING (cluster)
          ANTI JOIN of_fields USING (cluster) GROUP BY cluster)""")
    for counter in itertools.count(1):
        if not count(
            connection, "SELECT count(*) FROM fresh WHERE id IN (SELECT CustomerId FROM identity)"
        ):
            return
        connection.execute(
            f"UPDATE fresh SET id = {_new_id(instance, names, counter)} "
            "WHERE id IN (SELECT CustomerId FROM identity)"
        )


def _new_id(instance: str, names: str, counter: int) -> str:
    reference = f"list_extract({names}, ascii(ref) - 32) || chr(31) || substr(ref, 2)"
    return f"md5({literal(instance)} || chr(31) || {reference} || chr(31) || {counter})"


def identify(
    connection: "DuckDBPyConnection",
    entities: list[Unified],
    forest: str,
    before: dict[str, str],
    instance: str,
    run: int,
    cluster_size: int,
    folder: Path,
    unification: Unification | None = None,
) -> Identified:
    """Identify all clusters; write customers, alternate keys and what the registry learns.

    `unification` says of which columns new ids are made, if of any.
    """
    oversized = load_members(connection, entities, forest, cluster_size)
    not_unified = set_apart(connection, entities)
    in_order = [unified.table.entity for unified in entities]
    ranked = _listed(sorted(in_order))
    untold = before[tables.DEPARTURE.name] == UNTOLD
    _remember(connection, before, _listed(in_order))
    _inherit(connection, untold)
    mark_winners(connection, entities)
    choose_records(connection, entities)
    of_fields = make_ids_of_fields(
        connection, folder, represented(entities, MEMBERS), unification, entities, instance
    )
    new_ids(connection, instance, ranked)
    connection.execute("""
        CREATE TEMP VIEW named AS
        SELECT cluster, id FROM kept UNION ALL SELECT cluster, id FROM fresh
        UNION ALL SELECT cluster, id FROM of_fields;
        CREATE TEMP TABLE identified AS
        SELECT member.*, id, loser.record IS NULL AS winner
        FROM member JOIN named USING (cluster) LEFT JOIN loser ON loser.record = member.record;
        DROP TABLE member""")
    written = _written(connection, entities, ranked, run, folder, not_unified, oversized, untold)
    return replace(written, ids_of_fields=of_fields)


def _listed(names: list[str]) -> str:
    """Return the SQL of a list of few texts, in whose order as a type they are sorted as texts.

    Parquet is told each of them once, instead of in every row.
    """
    few = f"ENUM ({', '.join(map(literal, sorted({*names})))})"
    return f"[{', '.join(map(literal, names))}]::{few}[]"


def _remember(connection: "DuckDBPyConnection", before: dict[str, str], names: str) -> None:
    """Create what was there `before`: registry, identity, identity_alias, departure.

    And `entity_name`, the name of the entity at a place of `names`.
    """
    for table, name in (
        (tables.REGISTRY, "registry"),
        (tables.IDENTITY, "identity"),
        (tables.IDENTITY_ALIAS, "identity_alias"),
    ):
        connection.execute(f"CREATE TEMP VIEW {name} AS {before[table.name]}")
    connection.execute(f"CREATE TEMP TABLE departure AS {before[tables.DEPARTURE.name]}")
    connection.execute(f"CREATE TEMP MACRO entity_name(place) AS list_extract({names}, place + 1)")


def _inherit(connection: "DuckDBPyConnection", untold: bool) -> None:
    """Give the ids of the registry to their heirs.

    Where departures are `untold`, the registry was written by an earlier version.
    """
    first = "customer DESC, since" if untold else "since, customer DESC"
    connection.execute(HEIRS.format(first=first))
    connection.execute(ALIASES)
    some = count(connection, "SELECT count(*) FROM registry") > count(
        connection, "SELECT count(*) FROM seen"
    )
    connection.execute(LOST.format(some=some))


def _written(
    connection: "DuckDBPyConnection",
    entities: list[Unified],
    ranked: str,
    run: int,
    folder: Path,
    not_unified: int,
    oversized: list[tuple[str, str, int]],
    untold: bool,
) -> Identified:
    queries = {
        "customers": _customers(entities),
        "keys": _of_run(KEYS, run),
        "registry": _of_run(LEARNT, run, said="Run"),
        "identity": _of_run(CREATED.format(names=ranked), run, said="Run"),
        "alias": _of_run("FROM alias", run, "PreviousCustomerId"),
        "vanished": _of_run(VANISHED, run, "CustomerId, EntityName, PrimaryKey"),
        "departure": f"{_of_run('FROM left_now', run, said='Run')} "
        f"UNION ALL FROM departure WHERE {untold}",
    }
    files = {name: folder / f"{name}.parquet" for name in queries}
    rows = {name: write_parquet(connection, queries[name], file) for name, file in files.items()}
    written = {name: str(file) for name, file in files.items()}
    return Identified(
        written["customers"],
        written["keys"],
        written["registry"],
        written["identity"],
        written["alias"],
        written["vanished"],
        written["departure"],
        rows["customers"],
        rows["keys"],
        not_unified,
        tuple(oversized),
    )


KEYS = """
    SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId,
           winner AS IsWinner
    FROM (FROM identified ORDER BY ref)"""
"""A reference sorts as name and key do, in half the time."""
LEARNT = """
    SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId
    FROM (SELECT record, place, key, id FROM identified
          UNION ALL SELECT record, place, key, id FROM apart JOIN kept USING (cluster))
    ANTI JOIN latest USING (record, id)"""
CREATED = """
    SELECT id AS CustomerId, list_extract({names}, ascii(ref) - 32) AS EntityName,
           substr(ref, 2) AS PrimaryKey
    FROM (FROM fresh UNION ALL
          FROM of_fields WHERE id NOT IN (SELECT CustomerId FROM identity))"""


def _customers(entities: list[Unified]) -> str:
    """Return the SQL of the profiles: their ids, and the record that represents each entity."""
    return f"""
        WITH previous AS ({previous_ids("FROM alias")}),
        grouped AS ({represented(entities, "FROM identified")})
        SELECT id AS CustomerId, * EXCLUDE (id, cluster) FROM grouped JOIN named USING (cluster)
        LEFT JOIN previous USING (id)"""


def previous_ids(aliases: str) -> str:
    """Return the SQL of the ids that were merged into each customer's (id), of all aliases."""
    return f"""
        SELECT CustomerId AS id, string_agg(PreviousCustomerId, ';'
          ORDER BY PreviousCustomerId) AS PreviousCustomerId
        FROM ({aliases}) GROUP BY CustomerId"""


def _of_run(rows: str, run: int, order: str | None = None, said: str = "FirstRun") -> str:
    """Return the SQL of rows with the run that first says so, in an order if there is one."""
    ordered = f" ORDER BY {order}" if order else ""
    return f"SELECT *, {run}::INTEGER AS {said} FROM ({rows}){ordered}"
