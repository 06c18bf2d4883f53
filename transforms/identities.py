"""Give every cluster its CustomerId: ids go to their heirs, merged ids become previous ones, new ids are hashes.

Each step is one named table of the kernel's DuckDB, in the order of semantics 4.3. The former records of an id are the
records whose latest registry row names it. An id that was merged away points, at once and not through others, to the id
that took it over; it is taken back by a cluster that inherits no id and holds the record it was created for.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.configuration import Entity, UnifiedEntity
from schemas.names import literal, parquet_rows, quoted
from schemas.values import canonical_text
from transforms.kernel import count, write_parquet
from transforms.keys import EntityTable, preference
from transforms.pairs import RECORD, records

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOTHING = {
    "Registry": "SELECT NULL::VARCHAR AS EntityName, NULL::VARCHAR AS PrimaryKey, NULL::VARCHAR AS CustomerId, "
                "NULL::INTEGER AS Run WHERE false",
    "Identity": "SELECT NULL::VARCHAR AS CustomerId, NULL::INTEGER AS Run, NULL::VARCHAR AS EntityName, "
                "NULL::VARCHAR AS PrimaryKey WHERE false",
    "IdentityAlias": "SELECT NULL::VARCHAR AS PreviousCustomerId, NULL::VARCHAR AS CustomerId WHERE false",
}
"""What the registry's tables hold before the first publish, as SQL."""


@dataclass(frozen=True)
class Unified:
    """One entity of the unification with everything that is known of it, at its place in the match order."""

    place: int
    table: EntityTable
    entity: Entity
    options: UnifiedEntity

    @property
    def key(self) -> str:
        """The SQL of the primary key's canonical text."""
        primary = self.entity.primary_key
        return canonical_text(quoted(primary), self.entity.attribute(primary).type)


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
    profiles: int
    records: int
    not_unified: int
    oversized: tuple[tuple[str, str, int], ...]
    """The clusters too large to be merged: entity and key of the smallest record, and the number of records."""


def load_members(connection: "DuckDBPyConnection", entities: list[Unified], forest: str, cluster_size: int,
                 ) -> list[tuple[str, str, int]]:
    """Create `member` (record, cluster, place, entity, key, ref); return the clusters too large to be merged."""
    oversized = connection.execute(
        f"SELECT root, count(*) + 1 AS records FROM {parquet_rows([forest])} GROUP BY root "
        f"HAVING records > {cluster_size} ORDER BY root").fetchall()
    connection.execute("CREATE TEMP TABLE oversized (root BIGINT)")
    if oversized:
        connection.executemany("INSERT INTO oversized VALUES (?)", [[root] for root, _ in oversized])
    names = sorted(unified.table.entity for unified in entities)
    rows = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {unified.place}::TINYINT AS place, {unified.key} AS key, "
        f"chr({names.index(unified.table.entity) + 33}) || {unified.key} AS ref "
        f"FROM ({records(unified.table, unified.place)})" for unified in entities)
    connection.execute(f"""
        CREATE TEMP TABLE member AS
        SELECT rows.*, coalesce(root, record) AS cluster FROM ({rows}) AS rows LEFT JOIN
            (SELECT * FROM {parquet_rows([forest])} WHERE root NOT IN (FROM oversized)) USING (record)""")
    smallest = connection.execute(f"""
        SELECT min(ref), any_value(records) FROM member JOIN
            (SELECT record, root FROM {parquet_rows([forest])} SEMI JOIN oversized USING (root)
             UNION ALL SELECT root, root FROM oversized) USING (record)
        JOIN (SELECT root, count(*) + 1 AS records FROM {parquet_rows([forest])} GROUP BY root) USING (root)
        GROUP BY root ORDER BY 1""").fetchall() if oversized else []
    return [(names[ord(ref[0]) - 33], ref[1:], int(size)) for ref, size in smallest]


def drop_unmatched(connection: "DuckDBPyConnection", entities: list[Unified]) -> int:
    """Remove the clusters of a single entity that does not include all its records; return how many records go."""
    places = ", ".join(str(unified.place) for unified in entities if not unified.options.include_all)
    if not places:
        return 0
    return count(connection, f"""
        DELETE FROM member WHERE cluster IN (
            SELECT cluster FROM member GROUP BY cluster HAVING min(place) = max(place) AND min(place) IN ({places}))""")


HEIRS = """
CREATE TEMP TABLE latest AS
    SELECT EntityName, PrimaryKey, arg_max(CustomerId, Run) AS id FROM registry GROUP BY ALL;
CREATE TEMP TABLE vote AS
    SELECT id, cluster, count(*) FILTER (place = 0) AS primaries, count(*) AS records, min(ref) AS ref
    FROM latest JOIN member ON EntityName = entity_name(place) AND PrimaryKey = key GROUP BY id, cluster;
CREATE TEMP TABLE heir AS
    SELECT id, cluster FROM vote SEMI JOIN (SELECT id FROM vote GROUP BY id HAVING count(*) = 1) USING (id)
    UNION ALL
    SELECT id, cluster FROM (FROM vote SEMI JOIN (SELECT id FROM vote GROUP BY id HAVING count(*) > 1) USING (id))
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY primaries DESC, records DESC, ref) = 1;
CREATE TEMP TABLE inherited AS SELECT id, cluster, Run AS run FROM heir JOIN identity ON CustomerId = id;
CREATE TEMP TABLE survivor AS
    SELECT cluster, any_value(id) AS id FROM inherited GROUP BY cluster HAVING count(*) = 1
    UNION ALL
    SELECT cluster, id FROM (FROM inherited SEMI JOIN
        (SELECT cluster FROM inherited GROUP BY cluster HAVING count(*) > 1) USING (cluster))
    QUALIFY row_number() OVER (PARTITION BY cluster ORDER BY run, id) = 1;
CREATE TEMP TABLE merged AS
    SELECT inherited.id AS previous, survivor.id AS id FROM inherited JOIN survivor USING (cluster)
    WHERE inherited.id <> survivor.id;
CREATE TEMP TABLE taken_back AS
    SELECT cluster, min(CustomerId) AS id FROM identity JOIN member
        ON EntityName = entity_name(place) AND PrimaryKey = key
    WHERE cluster NOT IN (SELECT cluster FROM survivor)
      AND CustomerId IN (SELECT PreviousCustomerId FROM identity_alias UNION ALL SELECT previous FROM merged)
      AND CustomerId NOT IN (SELECT id FROM survivor)
    GROUP BY cluster;
CREATE TEMP TABLE kept AS FROM survivor UNION ALL FROM taken_back;
CREATE TEMP TABLE alias AS
    WITH merging AS (FROM merged WHERE previous NOT IN (SELECT id FROM taken_back)),
    before AS (SELECT PreviousCustomerId AS previous, coalesce(merging.id, CustomerId) AS id
               FROM identity_alias LEFT JOIN merging ON merging.previous = CustomerId
               WHERE PreviousCustomerId NOT IN (SELECT id FROM kept UNION ALL SELECT previous FROM merging))
    SELECT previous AS PreviousCustomerId, id AS CustomerId FROM before UNION ALL SELECT previous, id FROM merging;
"""
"""From registry, identity and identity_alias to `kept` (cluster, id) and `alias`; see the module's text."""


def new_ids(connection: "DuckDBPyConnection", instance: str, names: str) -> None:
    """Create `fresh` (cluster, ref, id): an id that no other cluster ever had for each cluster without one."""
    connection.execute(f"""
        CREATE TEMP TABLE fresh AS
        SELECT cluster, ref, {_new_id(instance, names, 0)} AS id
        FROM (SELECT cluster, min(ref) AS ref FROM member ANTI JOIN kept USING (cluster) GROUP BY cluster)""")
    for counter in itertools.count(1):
        if not count(connection, "SELECT count(*) FROM fresh WHERE id IN (SELECT CustomerId FROM identity)"):
            return
        connection.execute(f"UPDATE fresh SET id = {_new_id(instance, names, counter)} "
                           "WHERE id IN (SELECT CustomerId FROM identity)")


def _new_id(instance: str, names: str, counter: int) -> str:
    reference = f"list_extract({names}, ascii(ref) - 32) || chr(31) || substr(ref, 2)"
    return f"md5({literal(instance)} || chr(31) || {reference} || chr(31) || {counter})"


def mark_winners(connection: "DuckDBPyConnection", entities: list[Unified]) -> None:
    """Create `loser`: the records that another record of their entity stands before within their customer."""
    connection.execute("""
        CREATE TEMP TABLE several AS
        SELECT cluster, place FROM member GROUP BY cluster, place HAVING count(*) > 1""")
    ranked = [f"""
        SELECT member.record, row_number() OVER (PARTITION BY member.cluster ORDER BY {preference(
            unified.options.deduplicate.prefer, list(unified.entity.attributes), "source.")},
            source.{quoted(unified.entity.primary_key)} DESC) AS rank
        FROM (FROM member SEMI JOIN several USING (cluster, place) WHERE place = {unified.place}) AS member
        JOIN ({records(unified.table, unified.place)}) AS source ON source.{RECORD} = member.record"""
              for unified in entities]
    connection.execute(f"CREATE TEMP TABLE loser AS SELECT record FROM ({' UNION ALL '.join(ranked)}) WHERE rank > 1")


def identify(connection: "DuckDBPyConnection", entities: list[Unified], forest: str, before: dict[str, str],
             instance: str, run: int, cluster_size: int, folder: Path) -> Identified:
    """Give identities to all clusters and write customers, alternate keys and what the registry learns."""
    oversized = load_members(connection, entities, forest, cluster_size)
    not_unified = drop_unmatched(connection, entities)
    for table, name in (("Registry", "registry"), ("Identity", "identity"), ("IdentityAlias", "identity_alias")):
        connection.execute(f"CREATE TEMP VIEW {name} AS {before[table]}")
    names = f"[{', '.join(literal(name) for name in [unified.table.entity for unified in entities])}]"
    ranked = f"[{', '.join(literal(name) for name in sorted(unified.table.entity for unified in entities))}]"
    connection.execute(f"CREATE TEMP MACRO entity_name(place) AS list_extract({names}, place + 1)")
    connection.execute(HEIRS)
    new_ids(connection, instance, ranked)
    mark_winners(connection, entities)
    connection.execute("""
        CREATE TEMP VIEW named AS
        SELECT cluster, id FROM kept UNION ALL SELECT cluster, id FROM fresh;
        CREATE TEMP TABLE identified AS
        SELECT member.*, id, loser.record IS NULL AS winner
        FROM member JOIN named USING (cluster) LEFT JOIN loser ON loser.record = member.record;
        DROP TABLE member""")
    return _written(connection, entities, ranked, run, folder, not_unified, oversized)


def _written(connection: "DuckDBPyConnection", entities: list[Unified], ranked: str, run: int, folder: Path,
             not_unified: int, oversized: list[tuple[str, str, int]]) -> Identified:
    path = {name: folder / f"{name}.parquet" for name in ("customers", "keys", "registry", "identity", "alias")}
    winners = ", ".join(f"max(record) FILTER (winner AND place = {unified.place}) AS record_{unified.place}"
                        for unified in entities)
    profiles = write_parquet(connection, f"""
        WITH previous AS (SELECT CustomerId AS id, string_agg(PreviousCustomerId, ';' ORDER BY PreviousCustomerId)
                          AS PreviousCustomerId FROM alias GROUP BY CustomerId),
        grouped AS (SELECT cluster, {winners} FROM identified GROUP BY cluster)
        SELECT id AS CustomerId, * EXCLUDE (id, cluster) FROM grouped JOIN named USING (cluster)
        LEFT JOIN previous USING (id)""",
        path["customers"])
    keys = write_parquet(connection, f"""
        SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId, winner AS IsWinner,
               {run}::INTEGER AS FirstRun
        FROM identified ORDER BY EntityName, PrimaryKey""", path["keys"])
    write_parquet(connection, f"""
        SELECT entity_name(place) AS EntityName, key AS PrimaryKey, identified.id AS CustomerId, {run}::INTEGER AS Run
        FROM identified LEFT JOIN latest ON EntityName = entity_name(place) AND PrimaryKey = key
        WHERE latest.id IS DISTINCT FROM identified.id""", path["registry"])
    write_parquet(connection, f"""
        SELECT id AS CustomerId, {run}::INTEGER AS Run, list_extract({ranked}, ascii(ref) - 32) AS EntityName,
               substr(ref, 2) AS PrimaryKey FROM fresh""", path["identity"])
    write_parquet(connection, f"SELECT *, {run}::INTEGER AS FirstRun FROM alias ORDER BY PreviousCustomerId",
                  path["alias"])
    return Identified(str(path["customers"]), str(path["keys"]), str(path["registry"]), str(path["identity"]),
                      str(path["alias"]), profiles, keys, not_unified, tuple(oversized))
