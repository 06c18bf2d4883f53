"""How many activities more than before belong to no customer, where they are a difference.

Counted are the rows that make the difference (`touched` with their `owner`): whether a row has a
customer, and why not, depends on itself and on the record that it names.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, quoted
from overtide.transforms.records import Unified
from overtide.transforms.tables.changed_rows import rows_of, rows_to_compare
from overtide.transforms.tables.contract import Basis, PublishedRows
from overtide.transforms.tables.unified_activity import in_order

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def find_arrived(connection: "DuckDBPyConnection", basis: Basis, before: PublishedRows) -> None:
    """Create `arrived` and `departed`: the records that activities may name, and that came or went.

    Both have EntityName and PrimaryKey, of records with a customer and without.
    """
    for name in ("arrived", "departed"):
        connection.execute(f"CREATE TEMP TABLE {name} (EntityName VARCHAR, PrimaryKey VARCHAR)")
    for one in named(basis):
        there, only = before.entities[one.table.entity], one.entity.primary_key
        entity, key = one.entity.with_only({only}), quoted(only)
        rows, none = rows_to_compare(entity, one.table, there), rows_of(entity, ())
        new, old = (f"SELECT {key} FROM ({some or none})" for some in (rows.new, rows.old))
        for into, some, others in (("arrived", new, old), ("departed", old, new)):
            connection.execute(f"""
                INSERT INTO {into} SELECT {literal(one.table.entity)}, {one.key}
                FROM ({some}) ANTI JOIN ({others}) AS other USING ({key})""")


def named(basis: Basis) -> list[Unified]:
    """Return the entities whose records the foreign keys of activities name."""
    targets = {relationship.to for _, relationship in basis.activities}
    return [one for one in basis.unified if one.table.entity in targets]


def strays_more(
    connection: "DuckDBPyConnection", basis: Basis
) -> Mapping[str, tuple[int, int, int, int]]:
    """Return by entity how many rows more have no customer, by reason as in `of_nobody`.

    No value leads to several customers, since foreign keys are keys of records.
    """
    counts = {activity.entity: (0, 0, 0, 0) for activity, _ in basis.activities}
    connection.execute("""
        CREATE TEMP TABLE stray AS
        SELECT number, target, foreign_key, sign
        FROM (SELECT *, unnest([1, -1]) AS sign FROM touched) LEFT JOIN owner
        USING (target, foreign_key)
        WHERE CASE sign WHEN 1 THEN NOT went AND new IS NULL ELSE NOT came AND old IS NULL END;
        CREATE TEMP TABLE there (target VARCHAR, foreign_key VARCHAR)""")
    for one in named(basis):
        name = literal(one.table.entity)
        connection.execute(f"""
            INSERT INTO there SELECT {name}, PrimaryKey
            FROM (SELECT {one.key} AS PrimaryKey FROM ({one.table.rows}))
            SEMI JOIN (SELECT foreign_key FROM stray WHERE target = {name}) AS wanted
            ON wanted.foreign_key = PrimaryKey""")
    entities = [activity.entity for activity, _ in in_order(basis)]
    for number, unnamed, unknown, without in connection.execute(_COUNTED).fetchall():
        counts[entities[number]] = (int(unnamed), int(unknown), int(without), 0)
    return counts


_COUNTED = """
    WITH record AS (SELECT target, foreign_key, true AS now,
        (target, foreign_key) NOT IN (FROM arrived) AS before FROM there
      UNION ALL SELECT EntityName, PrimaryKey, false, true FROM departed),
    known AS (SELECT target, foreign_key, bool_or(now) AS now, bool_or(before) AS before
      FROM record GROUP BY ALL),
    counted AS (SELECT number, sign, foreign_key IS NULL AS unnamed,
        coalesce(CASE sign WHEN 1 THEN now ELSE before END, false) AS known
      FROM stray LEFT JOIN known USING (target, foreign_key))
    SELECT number, coalesce(sum(sign) FILTER (unnamed), 0),
      coalesce(sum(sign) FILTER (NOT unnamed AND NOT known), 0),
      coalesce(sum(sign) FILTER (known), 0)
    FROM counted GROUP BY number"""
