"""Give every cluster its CustomerId.

Ids go to their heirs, merged ids become previous ones, new ids are hashes.

Each step is one named table of the kernel's DuckDB, in the order of semantics 4.3. A record has an
id from the refresh that gave it to it (`Registry`) until it leaves it (`Departure`): it is there,
and the id went to the cluster of others. A merge takes no id from anyone, so whatever it joined
parts as it came (docs/decisions/identities.md).
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration import Entity, UnifiedEntity
from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.types import type_of
from overtide.transforms.kernel import count, write_parquet
from overtide.transforms.keys import EntityTable, preference
from overtide.transforms.pairs import RECORD, records

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NOTHING = {
    "Registry": "SELECT NULL::VARCHAR AS EntityName, NULL::VARCHAR AS PrimaryKey, NULL::VARCHAR "
    "AS CustomerId, "
    "NULL::INTEGER AS Run WHERE false",
    "Identity": "SELECT NULL::VARCHAR AS CustomerId, NULL::INTEGER AS Run, NULL::VARCHAR AS "
    "EntityName, "
    "NULL::VARCHAR AS PrimaryKey WHERE false",
    "IdentityAlias": (
        "SELECT NULL::VARCHAR AS PreviousCustomerId, NULL::VARCHAR AS CustomerId WHERE false"
    ),
    "Departure": "SELECT NULL::VARCHAR AS EntityName, NULL::VARCHAR AS PrimaryKey, NULL::VARCHAR "
    "AS CustomerId, "
    "NULL::INTEGER AS Run WHERE false",
}
"""What the registry's tables hold before the first publish, as SQL."""

UNTOLD = """
WITH several AS (
    SELECT EntityName, PrimaryKey, arg_max(CustomerId, Run) AS latest, max(Run) AS last
      FROM registry
    GROUP BY ALL HAVING min(CustomerId) <> max(CustomerId)),
had AS (
    SELECT EntityName, PrimaryKey, CustomerId, given.Run, (born.Run, CustomerId) AS age, latest,
      last
    FROM registry AS given JOIN several USING (EntityName, PrimaryKey)
    JOIN (SELECT CustomerId, Run FROM identity) AS born USING (CustomerId)),
younger AS (
    SELECT older.EntityName, older.PrimaryKey, older.CustomerId, had.Run
    FROM had JOIN had AS older USING (EntityName, PrimaryKey) WHERE had.Run > older.Run
      AND had.age > older.age),
elsewhere AS (
    SELECT EntityName, PrimaryKey, had.CustomerId, last AS Run FROM had
    LEFT JOIN identity_alias AS its ON its.PreviousCustomerId = had.CustomerId
    LEFT JOIN identity_alias AS own ON own.PreviousCustomerId = latest
    WHERE coalesce(its.CustomerId, had.CustomerId) <> coalesce(own.CustomerId, latest))
FROM younger UNION FROM elsewhere
"""
"""What records left by a registry that was written before departures were.

The table `Departure` of it, as SQL.

A record whose id became a younger one had left the older, which would have headed; and it has left
each id that leads elsewhere than its latest.
"""


def remembered(published: Collection[str]) -> dict[str, str]:
    """Return the SQL of each registry table, given the names of the published tables."""
    before = {
        name: f"SELECT * FROM lake.{name}" if name in published else nothing
        for name, nothing in NOTHING.items()
    }
    return (
        before
        if "Departure" in published or "Registry" not in published
        else before | {"Departure": UNTOLD}
    )


@dataclass(frozen=True)
class Unified:
    """One entity of the unification, at its place in the match order.

    It holds everything that is known of the entity.
    """

    place: int
    table: EntityTable
    entity: Entity
    options: UnifiedEntity

    @property
    def key(self) -> str:
        """The SQL of the primary key's canonical text."""
        primary = self.entity.primary_key
        return type_of(self.entity.attribute(primary).type).text_sql(quoted(primary))


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


def load_members(
    connection: "DuckDBPyConnection",
    entities: list[Unified],
    forest: str,
    cluster_size: int,
) -> list[tuple[str, str, int]]:
    """Create `member` (record, cluster, place, entity, key, ref).

    Return the clusters too large to be merged.
    """
    oversized = connection.execute(
        f"SELECT root, count(*) + 1 AS records FROM {parquet_rows([forest])} GROUP BY root "
        f"HAVING records > {cluster_size} ORDER BY root"
    ).fetchall()
    connection.execute("CREATE TEMP TABLE oversized (root BIGINT)")
    if oversized:
        connection.executemany(
            "INSERT INTO oversized VALUES (?)", [[root] for root, _ in oversized]
        )
    names = sorted(unified.table.entity for unified in entities)
    rows = " UNION ALL ".join(
        f"SELECT {RECORD} AS record, {unified.place}::TINYINT AS place, {unified.key} AS key, "
        f"chr({names.index(unified.table.entity) + 33}) || {unified.key} AS ref "
        f"FROM ({records(unified.table, unified.place)})"
        for unified in entities
    )
    connection.execute(f"""
        CREATE TEMP TABLE member AS
        SELECT rows.*, coalesce(root, record) AS cluster FROM ({rows}) AS rows LEFT JOIN
            (SELECT * FROM {parquet_rows([forest])} WHERE root NOT IN (FROM oversized))
              USING (record)""")
    smallest = (
        connection.execute(f"""
        SELECT min(ref), any_value(records) FROM member JOIN
            (SELECT record, root FROM {parquet_rows([forest])} SEMI JOIN oversized USING (root)
             UNION ALL SELECT root, root FROM oversized) USING (record)
        JOIN (SELECT root, count(*) + 1 AS records FROM {parquet_rows([forest])} GROUP BY root)
          USING (root)
        GROUP BY root ORDER BY 1""").fetchall()
        if oversized
        else []
    )
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


HEIRS = """
CREATE TEMP VIEW there AS
    SELECT record, cluster, place, key, ref, true AS customer FROM member
    UNION ALL SELECT record, cluster, place, key, ref, false FROM apart;
CREATE TEMP TABLE seen AS
    SELECT record, cluster, customer, CustomerId AS id, Run AS run
    FROM registry JOIN there ON EntityName = entity_name(place) AND PrimaryKey = key;
CREATE TEMP TABLE repeated AS SELECT record FROM seen GROUP BY record HAVING count(*) > 1;
CREATE TEMP TABLE gone AS
    SELECT record, CustomerId AS id, max(Run) AS run
    FROM departure JOIN there ON EntityName = entity_name(place) AND PrimaryKey = key
      GROUP BY record, id;
CREATE TEMP TABLE has AS
    SELECT record, cluster, customer, id, run AS since, run AS last
    FROM seen ANTI JOIN repeated USING (record) ANTI JOIN gone USING (record, id)
    UNION ALL
    SELECT record, any_value(cluster), any_value(customer), id, min(seen.run), max(seen.run)
    FROM (FROM seen SEMI JOIN repeated USING (record)) AS seen LEFT JOIN gone USING (record, id)
    WHERE gone.run IS NULL OR seen.run > gone.run GROUP BY record, id;
CREATE TEMP TABLE latest AS
    SELECT record, id FROM has ANTI JOIN repeated USING (record)
    UNION ALL SELECT record, arg_max(id, last) FROM has SEMI JOIN repeated USING (record)
      GROUP BY record;
CREATE TEMP TABLE share AS SELECT id, cluster FROM has GROUP BY id, cluster;
CREATE TEMP TABLE contested AS SELECT id FROM share GROUP BY id HAVING count(*) > 1;
CREATE TEMP TABLE heir AS
    WITH vote AS (
        SELECT id, cluster, since, customer, count(*) FILTER (place = 0) AS primaries, count(*) AS
          records,
               bool_or(EntityName = entity_name(place)
                 AND PrimaryKey = key) AS created, min(ref) AS ref
        FROM (FROM has SEMI JOIN contested USING (id)) AS has JOIN (SELECT record, place, key, ref
          FROM there)
            USING (record) JOIN identity ON CustomerId = id GROUP BY ALL)
    SELECT id, cluster FROM share ANTI JOIN contested USING (id)
    UNION ALL
    SELECT id, cluster FROM (FROM vote QUALIFY row_number() OVER (PARTITION BY id
        ORDER BY {first}, primaries DESC, records DESC, created DESC, ref) = 1);
CREATE TEMP TABLE crowded AS SELECT cluster FROM heir GROUP BY cluster HAVING count(*) > 1;
CREATE TEMP TABLE kept AS
    SELECT cluster, id FROM heir ANTI JOIN crowded USING (cluster)
    UNION ALL
    SELECT cluster, id FROM (FROM heir SEMI JOIN crowded USING (cluster)) JOIN identity
      ON CustomerId = id
    QUALIFY row_number() OVER (PARTITION BY cluster ORDER BY Run, id) = 1;
CREATE TEMP TABLE left_now AS
    SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId
    FROM has SEMI JOIN contested USING (id) JOIN heir USING (id)
    JOIN (SELECT record, place, key FROM there) USING (record) WHERE has.cluster <> heir.cluster;
"""
"""From registry, departure and identity to `kept` (cluster, id), `heir` and `left_now`.

See the module's text.

Most ids have records in one cluster, and most clusters one id: only what is contested or crowded is
ranked. `first` says what decides first: the earliest run, or (in a registry that does not say what
was left) that it is a customer.
"""

ALIASES = """
CREATE TEMP TABLE resting AS
    SELECT PreviousCustomerId AS id, CustomerId AS before
    FROM identity_alias ANTI JOIN heir ON heir.id = PreviousCustomerId;
CREATE TEMP TABLE parent AS
    WITH owner AS (
        SELECT DISTINCT EntityName, PrimaryKey FROM registry SEMI JOIN resting
          ON CustomerId = resting.id),
    given AS (FROM registry SEMI JOIN owner USING (EntityName, PrimaryKey)),
    gone AS (
        SELECT EntityName, PrimaryKey, CustomerId, max(Run) AS Run
        FROM departure SEMI JOIN owner USING (EntityName, PrimaryKey) GROUP BY ALL),
    changed AS (
        SELECT EntityName, PrimaryKey, max(Run) AS last FROM (FROM given UNION ALL FROM gone)
        GROUP BY EntityName, PrimaryKey),
    owned AS (
        SELECT EntityName, PrimaryKey, CustomerId AS id, any_value(last) AS last
        FROM given LEFT JOIN gone USING (EntityName, PrimaryKey, CustomerId) JOIN changed
          USING (EntityName, PrimaryKey)
        WHERE gone.Run IS NULL OR given.Run > gone.Run GROUP BY ALL),
    aged AS (
        SELECT owned.*, (born.Run, id) AS age FROM owned JOIN identity AS born
          ON born.CustomerId = id),
    last_owner AS (
        FROM aged SEMI JOIN resting USING (id) QUALIFY rank() OVER (PARTITION BY id
          ORDER BY last DESC) = 1)
    SELECT one.id, arg_max(older.id, older.age) AS parent
    FROM last_owner AS one JOIN aged AS older USING (EntityName, PrimaryKey)
      WHERE older.age < one.age GROUP BY one.id;
CREATE TEMP TABLE alias AS
    WITH RECURSIVE target AS (SELECT id, coalesce(parent, before) AS into FROM resting LEFT
      JOIN parent USING (id)),
    walk AS (
        FROM target UNION ALL
        SELECT walk.id, target.into FROM walk JOIN target ON target.id = walk.into),
    headed AS (SELECT heir.id, kept.id AS head FROM heir JOIN kept USING (cluster))
    SELECT headed.id AS PreviousCustomerId, head AS CustomerId FROM headed WHERE headed.id <> head
    UNION ALL
    SELECT walk.id, coalesce(head, walk.into) FROM walk ANTI JOIN resting ON resting.id = walk.into
        LEFT JOIN headed ON headed.id = walk.into;
"""
"""From `heir`, `kept` and the last aliases to `alias`: where each merged id points.

An id without records that are there (`resting`) goes where the id goes that it was merged into: of
the ids that its records had beside it, those that changed last deciding, the youngest that is
older.
"""

LOST = """
CREATE TEMP TABLE lost AS
    SELECT EntityName, PrimaryKey, arg_max(CustomerId, given.Run) AS id
    FROM (FROM registry ANTI JOIN there ON EntityName = entity_name(place) AND PrimaryKey = key
      WHERE {some}) AS given
    LEFT JOIN (SELECT EntityName, PrimaryKey, CustomerId, max(Run) AS Run FROM departure
      GROUP BY ALL) AS gone
        USING (EntityName, PrimaryKey, CustomerId)
    WHERE gone.Run IS NULL OR given.Run > gone.Run GROUP BY EntityName, PrimaryKey
"""
"""The records that were there once and are gone, each with its last id.

`some` is false where all that the registry knows are there, which spares the join.
"""

VANISHED = """
WITH alive AS (SELECT DISTINCT id FROM identified)
SELECT EntityName, PrimaryKey, CASE WHEN id IN (FROM alive) THEN id
  ELSE CustomerId END AS CustomerId
FROM lost LEFT JOIN alias ON PreviousCustomerId = id
  WHERE id IN (FROM alive) OR CustomerId IN (FROM alive)
"""
"""The records that are gone whose id leads to a profile, with that profile."""


def new_ids(connection: "DuckDBPyConnection", instance: str, names: str) -> None:
    """Create `fresh` (cluster, ref, id).

    An id that no other cluster ever had for each cluster without one.
    """
    connection.execute(f"""
        CREATE TEMP TABLE fresh AS
        SELECT cluster, ref, {_new_id(instance, names, 0)} AS id
        FROM (SELECT cluster, min(ref) AS ref FROM member ANTI JOIN kept USING (cluster)
          GROUP BY cluster)""")
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


def mark_winners(connection: "DuckDBPyConnection", entities: list[Unified]) -> None:
    """Create `loser`: records that come behind another of their entity and customer."""
    connection.execute("""
        CREATE TEMP TABLE several AS
        SELECT cluster, place FROM member GROUP BY cluster, place HAVING count(*) > 1""")
    ranked = [
        f"""
        SELECT member.record, row_number() OVER (PARTITION BY member.cluster ORDER BY {
            preference(
                unified.options.deduplicate.prefer, list(unified.entity.attributes), "source."
            )
        },
            source.{quoted(unified.entity.primary_key)} DESC) AS rank
        FROM (FROM member SEMI JOIN several USING (cluster, place) WHERE place = {
            unified.place
        }) AS member
        JOIN ({records(unified.table, unified.place)}) AS source ON source.{
            RECORD
        } = member.record"""
        for unified in entities
    ]
    connection.execute(
        f"CREATE TEMP TABLE loser AS SELECT record FROM ({' UNION ALL '.join(ranked)}) WHERE rank "
        "> 1"
    )


def identify(
    connection: "DuckDBPyConnection",
    entities: list[Unified],
    forest: str,
    before: dict[str, str],
    instance: str,
    run: int,
    cluster_size: int,
    folder: Path,
) -> Identified:
    """Identify all clusters; write customers, alternate keys and what the registry learns."""
    oversized = load_members(connection, entities, forest, cluster_size)
    not_unified = set_apart(connection, entities)
    for table, name in (
        ("Registry", "registry"),
        ("Identity", "identity"),
        ("IdentityAlias", "identity_alias"),
    ):
        connection.execute(f"CREATE TEMP VIEW {name} AS {before[table]}")
    connection.execute(f"CREATE TEMP TABLE departure AS {before['Departure']}")
    names = (
        f"[{', '.join(literal(name) for name in [unified.table.entity for unified in entities])}]"
    )
    in_order = sorted(unified.table.entity for unified in entities)
    ranked = f"[{', '.join(map(literal, in_order))}]"
    connection.execute(f"CREATE TEMP MACRO entity_name(place) AS list_extract({names}, place + 1)")
    untold = before["Departure"] == UNTOLD
    connection.execute(
        HEIRS.format(first="customer DESC, since" if untold else "since, customer DESC")
    )
    connection.execute(ALIASES)
    some = count(connection, "SELECT count(*) FROM registry") > count(
        connection, "SELECT count(*) FROM seen"
    )
    connection.execute(LOST.format(some=some))
    new_ids(connection, instance, ranked)
    mark_winners(connection, entities)
    connection.execute("""
        CREATE TEMP VIEW named AS
        SELECT cluster, id FROM kept UNION ALL SELECT cluster, id FROM fresh;
        CREATE TEMP TABLE identified AS
        SELECT member.*, id, loser.record IS NULL AS winner
        FROM member JOIN named USING (cluster) LEFT JOIN loser ON loser.record = member.record;
        DROP TABLE member""")
    return _written(connection, entities, ranked, run, folder, not_unified, oversized, untold)


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
    path = {
        name: folder / f"{name}.parquet"
        for name in ("customers", "keys", "registry", "identity", "alias", "vanished", "departure")
    }
    winners = ", ".join(
        f"max(record) FILTER (winner AND place = {unified.place}) AS record_{unified.place}"
        for unified in entities
    )
    profiles = write_parquet(
        connection,
        f"""
        WITH previous AS (SELECT CustomerId AS id, string_agg(PreviousCustomerId, ';'
          ORDER BY PreviousCustomerId)
                          AS PreviousCustomerId FROM alias GROUP BY CustomerId),
        grouped AS (SELECT cluster, {winners} FROM identified GROUP BY cluster)
        SELECT id AS CustomerId, * EXCLUDE (id, cluster) FROM grouped JOIN named USING (cluster)
        LEFT JOIN previous USING (id)""",
        path["customers"],
    )
    keys = write_parquet(
        connection,
        f"""
        SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId, winner AS
          IsWinner,
               {run}::INTEGER AS FirstRun
        FROM identified ORDER BY EntityName, PrimaryKey""",
        path["keys"],
    )
    write_parquet(
        connection,
        f"""
        SELECT entity_name(place) AS EntityName, key AS PrimaryKey, id AS CustomerId, {run}::INTEGER
          AS Run
        FROM (SELECT record, place, key, id FROM identified
              UNION ALL SELECT record, place, key, id FROM apart JOIN kept USING (cluster))
        ANTI JOIN latest USING (record, id)""",
        path["registry"],
    )
    write_parquet(
        connection,
        f"SELECT *, {run}::INTEGER AS Run FROM left_now UNION ALL FROM departure WHERE {untold}",
        path["departure"],
    )
    write_parquet(
        connection,
        f"""
        SELECT id AS CustomerId, {run}::INTEGER AS Run, list_extract({ranked}, ascii(ref) - 32) AS
          EntityName,
               substr(ref, 2) AS PrimaryKey FROM fresh""",
        path["identity"],
    )
    write_parquet(
        connection,
        f"SELECT *, {run}::INTEGER AS FirstRun FROM alias ORDER BY PreviousCustomerId",
        path["alias"],
    )
    write_parquet(
        connection,
        f"SELECT *, {run}::INTEGER AS FirstRun FROM ({VANISHED}) "
        "ORDER BY CustomerId, EntityName, PrimaryKey",
        path["vanished"],
    )
    written = {name: str(file) for name, file in path.items()}
    return Identified(
        written["customers"],
        written["keys"],
        written["registry"],
        written["identity"],
        written["alias"],
        written["vanished"],
        written["departure"],
        profiles,
        keys,
        not_unified,
        tuple(oversized),
    )
