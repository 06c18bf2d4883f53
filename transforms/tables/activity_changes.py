"""UnifiedActivity as a difference: the rows that go, and those that come.

An activity depends on its source row and on the customer of the record that its foreign key names,
by rules that are those of the published table. So what may differ are the rows of files that are
others than the published ones, and the rows whose foreign key names a record that has another
customer. Only these are mapped, as they are and as they were, and compared; and all of the entities
whose rules are others (docs/decisions/activities-as-a-difference.md).
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import ROW_ID, literal, parquet_rows, quoted
from overtide.schemas.tables import ALTERNATE_KEY, UNIFIED_ACTIVITY
from overtide.transforms.activities import activity_rows, foreign_key_text, timeline_rows
from overtide.transforms.tables.changed_rows import find_apart, write_difference
from overtide.transforms.tables.contract import Basis, PartOrder, PublishedRows, TablePart
from overtide.transforms.tables.stray_activities import find_arrived, strays_more
from overtide.transforms.tables.unified_activity import in_order, mapped_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEY = "ActivityId"


def difference(
    connection: "DuckDBPyConnection", folder: Path, basis: Basis, before: PublishedRows
) -> TablePart:
    """Write the rows that come and those that go, and return them as the one part of the table.

    Its content is that of the whole table: what was published, less what goes, and what comes.
    """
    same = _of_entities(basis, lambda name: name not in before.anew)
    find_arrived(connection, same, before)
    _find_moved(connection, same)
    _find_touched(connection, same, before)
    _find_owners(connection, same)
    _map_touched(connection, same)
    if before.anew:
        _map_anew(connection, _of_entities(basis, before.anew.__contains__), before.anew)
    part = write_difference(connection, folder, UNIFIED_ACTIVITY, before.content, basis.run)
    return replace(part, strays=strays_more(connection, same))


def _of_entities(basis: Basis, wanted: Callable[[str], bool]) -> Basis:
    """Return the basis with the activities of some entities alone."""
    some = [pair for pair in basis.activities if wanted(pair[0].entity)]
    return replace(basis, activities=some)


def _find_moved(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `moved` (EntityName, PrimaryKey): the records whose customer is not the published one.

    Those that came or went are among them, whether they have one or not.
    """
    targets = ", ".join(sorted({literal(relationship.to) for _, relationship in basis.activities}))
    keys = f"EntityName, PrimaryKey, CustomerId FROM ({{}}) WHERE EntityName IN ({targets})"
    new = keys.format(f"FROM {parquet_rows([basis.identified.alternate_keys])}")
    old = keys.format(basis.published(ALTERNATE_KEY.name))
    connection.execute(f"""
        CREATE TEMP TABLE moved AS
        SELECT EntityName, PrimaryKey
        FROM (SELECT {new}) AS new FULL JOIN (SELECT {old}) AS old
        USING (EntityName, PrimaryKey) WHERE new.CustomerId IS DISTINCT FROM old.CustomerId
        UNION FROM arrived UNION FROM departed""")


def _find_touched(connection: "DuckDBPyConnection", basis: Basis, before: PublishedRows) -> None:
    """Create `touched`, narrow rows that may make other activities than the published ones.

    `target` is the entity whose records they name. Those of rows that are others than the published
    ones `came`; what these were `went`, and so did rows that are not there any more.
    """
    connection.execute(f"CREATE TEMP TABLE touched AS {_narrow_nothing()}")
    tables = {table.entity: table for table in basis.entity_tables}
    for number, (activity, relationship) in enumerate(in_order(basis)):
        entity, table = basis.entities[activity.entity], tables[activity.entity]
        shown = activity.attributes | {entity.primary_key, relationship.foreign_key}
        there = before.entities[activity.entity]
        apart = find_apart(connection, entity.with_only(shown), table, there)
        target, key = literal(relationship.to), quoted(entity.primary_key)
        named = foreign_key_text(relationship, entity)
        changed = f"SELECT source.* FROM ({{}}) AS source SEMI JOIN apart USING ({key})"
        moved = f"""
            SELECT source.* FROM ({table.rows}) AS source
            SEMI JOIN (SELECT PrimaryKey FROM moved WHERE EntityName = {target}) AS other
            ON other.PrimaryKey = {named} ANTI JOIN apart USING ({key})"""
        for rows, came, went in (
            (moved, False, False),
            (apart.new and changed.format(apart.new), True, False),
            (apart.old and changed.format(apart.old), False, True),
        ):
            if rows is not None:
                narrow = activity_rows(activity, relationship, entity, rows, number)
                connection.execute(
                    f"INSERT INTO touched SELECT *, {target}, {came}, {went} FROM ({narrow})"
                )


def _map_anew(connection: "DuckDBPyConnection", basis: Basis, entities: Collection[str]) -> None:
    """Add to `mapped` all activities of the basis, and what is published of these `entities`."""
    names = ", ".join(sorted(map(literal, entities)))
    rows = mapped_rows(basis, PartOrder(UNIFIED_ACTIVITY.name, 0))
    connection.execute(f"""
        CREATE OR REPLACE TEMP TABLE mapped AS FROM mapped UNION ALL BY NAME {rows};
        CREATE OR REPLACE TEMP TABLE published AS
        FROM published UNION ALL BY NAME
        SELECT *, rowid AS {ROW_ID} FROM lake.{UNIFIED_ACTIVITY.name}
        WHERE SourceEntityName IN ({names})""")


def _narrow_nothing() -> str:
    texts = (
        "foreign_key",
        "Title",
        "SemanticData",
        "SourceActivityId",
        "Description",
        "URL",
        "Icon",
        "target",
    )
    values = ", ".join(f"NULL::VARCHAR AS {name}" for name in texts)
    return (
        f"SELECT NULL::TIMESTAMPTZ AS ActivityTime, NULL::INTEGER AS number, {values}, "
        "false AS came, false AS went LIMIT 0"
    )


def _find_owners(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `owner`: the customers of the records that touched rows name, `new` and `old`."""
    keys = "SELECT EntityName, PrimaryKey, CustomerId FROM ({}) SEMI JOIN target"
    keys += " USING (EntityName, PrimaryKey)"
    name, found = ALTERNATE_KEY.name, f"FROM {parquet_rows([basis.identified.alternate_keys])}"
    others = "FROM owned WHERE false"
    if basis.affected is not None:
        identified = f"({basis.published(name)}) AS identified"
        others = f"FROM owned ANTI JOIN {identified} USING (EntityName, PrimaryKey)"
    connection.execute(f"""
        CREATE TEMP TABLE target AS
        SELECT DISTINCT target AS EntityName, foreign_key AS PrimaryKey FROM touched;
        CREATE TEMP TABLE owned AS {keys.format(f"FROM lake.{name}")};
        CREATE TEMP TABLE owner AS
        SELECT EntityName AS target, PrimaryKey AS foreign_key, now.CustomerId AS new,
          owned.CustomerId AS old
        FROM ({others} UNION ALL {keys.format(found)}) AS now FULL JOIN owned
        USING (EntityName, PrimaryKey)""")


def _map_touched(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `mapped`, the activities of what is touched, and `published`, what they were.

    What they were follows from what their rows were, by the same rules. What does not is since when
    they are published, and where, in `ROW_ID`.
    """
    activities = [activity for activity, _ in in_order(basis)]
    rows = "SELECT {0} AS CustomerId, touched.* FROM touched JOIN owner USING (target, foreign_key)"
    rows += " WHERE NOT {1} AND {0} IS NOT NULL"
    mapped, were = (
        timeline_rows(activities, rows.format(*of))
        for of in (("owner.new", "went"), ("owner.old", "came"))
    )
    connection.execute(f"""
        CREATE TEMP TABLE mapped AS {mapped};
        CREATE TEMP TABLE were AS {were};
        CREATE TEMP TABLE since AS
        SELECT {KEY}, FirstRun, rowid AS {ROW_ID}
        FROM lake.{UNIFIED_ACTIVITY.name} SEMI JOIN were USING ({KEY});
        CREATE TEMP TABLE published AS FROM were LEFT JOIN since USING ({KEY})""")
