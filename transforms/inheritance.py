"""The SQL of who inherits which id, from the registry to aliases, in the order of semantics 4.3.

`overtide.transforms.identities` runs each in the kernel, beside the tables `member` and `apart`.
"""

from collections.abc import Collection

from overtide.schemas import tables
from overtide.schemas.table import nothing

NOTHING = {
    table.name: nothing(table)
    for table in (tables.REGISTRY, tables.IDENTITY, tables.IDENTITY_ALIAS, tables.DEPARTURE)
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
        if tables.DEPARTURE.name in published or tables.REGISTRY.name not in published
        else before | {tables.DEPARTURE.name: UNTOLD}
    )


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
WITH alive AS (
    SELECT DISTINCT id FROM identified
      WHERE id IN (SELECT id FROM lost UNION SELECT CustomerId FROM alias))
SELECT EntityName, PrimaryKey, CASE WHEN id IN (FROM alive) THEN id
  ELSE CustomerId END AS CustomerId
FROM lost LEFT JOIN alias ON PreviousCustomerId = id
  WHERE id IN (FROM alive) OR CustomerId IN (FROM alive)
"""
"""The records that are gone whose id leads to a profile, with that profile."""
