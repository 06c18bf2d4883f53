"""UnifiedActivity as a difference: the rows that go, and those that come.

An activity depends on its source row and on the customer of the record that its foreign key names,
by rules that are those of the published table. So what may differ are the rows of files that are
others than the published ones, and the rows whose foreign key names a record that has another
customer. Only these are mapped, and compared with what is published of them
(docs/decisions/activities-as-a-difference.md).
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.names import literal, parquet_rows, quoted
from overtide.schemas.table import nothing
from overtide.schemas.tables import ALTERNATE_KEY, UNIFIED_ACTIVITY
from overtide.transforms.activities import (
    activity_rows,
    foreign_key_text,
    of_customers,
    timeline_rows,
)
from overtide.transforms.kernel import count
from overtide.transforms.tables.changed_rows import find_apart, write_difference
from overtide.transforms.tables.contract import Basis, PublishedRows, TablePart
from overtide.transforms.tables.unified_activity import in_order, keys_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEY = "ActivityId"


def difference(
    connection: "DuckDBPyConnection", folder: Path, basis: Basis, before: PublishedRows
) -> TablePart:
    """Write the rows that come and those that go, and return them as the one part of the table.

    Its content is that of the whole table: what was published, less what goes, and what comes.
    """
    _find_moved(connection, basis)
    _find_touched(connection, basis, before)
    _map_touched(connection, basis)
    return write_difference(connection, folder, UNIFIED_ACTIVITY, before.content, basis.run)


def _find_moved(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `moved` (EntityName, PrimaryKey): the records whose customer is not the published one.

    Those that came or went are among them.
    """
    targets = ", ".join(sorted({literal(relationship.to) for _, relationship in basis.activities}))
    keys = f"EntityName, PrimaryKey, CustomerId FROM ({{}}) WHERE EntityName IN ({targets})"
    new = keys.format(f"FROM {parquet_rows([basis.identified.alternate_keys])}")
    old = keys.format(basis.published(ALTERNATE_KEY.name))
    connection.execute(f"""
        CREATE TEMP TABLE moved AS
        SELECT EntityName, PrimaryKey
        FROM (SELECT {new}) AS new FULL JOIN (SELECT {old}) AS old
        USING (EntityName, PrimaryKey) WHERE new.CustomerId IS DISTINCT FROM old.CustomerId""")


def _find_touched(connection: "DuckDBPyConnection", basis: Basis, before: PublishedRows) -> None:
    """Create `touched`, narrow rows that may make other activities than the published ones.

    And `went` (number, SourceActivityId), of rows that are not there any more, or not so.
    """
    connection.execute(f"""
        CREATE TEMP TABLE touched AS {_narrow_nothing()};
        CREATE TEMP TABLE went AS SELECT number, SourceActivityId FROM touched""")
    tables = {table.entity: table for table in basis.entity_tables}
    for number, (activity, relationship) in enumerate(in_order(basis)):
        entity, table = basis.entities[activity.entity], tables[activity.entity]
        mapped = partial(activity_rows, activity, relationship, entity, number=number)
        named = foreign_key_text(relationship, entity)
        moved = f"SELECT PrimaryKey FROM moved WHERE EntityName = {literal(relationship.to)}"
        connection.execute(f"INSERT INTO touched {mapped(_those(table.rows, moved, named))}")
        apart = find_apart(connection, entity, table, before.entities[activity.entity])
        key = f"source.{quoted(entity.primary_key)}"
        for into, some in (("touched", apart.new), ("went", apart.old)):
            if some is not None:
                chosen = "*" if into == "touched" else "number, SourceActivityId"
                rows = mapped(_those(some, "FROM apart", key))
                connection.execute(f"INSERT INTO {into} SELECT {chosen} FROM ({rows})")


def _those(rows: str, values: str, column: str) -> str:
    """Return the SQL of the rows in which the SQL of a column is one of some values."""
    rows = f"SELECT source.* FROM ({rows}) AS source"
    return f"{rows} SEMI JOIN ({values}) AS wanted (value) ON wanted.value = {column}"


def _narrow_nothing() -> str:
    texts = (
        "foreign_key",
        "Title",
        "SemanticData",
        "SourceActivityId",
        "Description",
        "URL",
        "Icon",
    )
    values = ", ".join(f"NULL::VARCHAR AS {name}" for name in texts)
    return f"SELECT NULL::TIMESTAMPTZ AS ActivityTime, NULL::INTEGER AS number, {values} LIMIT 0"


def _map_touched(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `mapped`, the activities of what is touched, and `published`, what they were."""
    pairs = in_order(basis)
    by_keys: dict[str, list[int]] = {}
    for number, (_, relationship) in enumerate(pairs):
        by_keys.setdefault(keys_of(basis, relationship), []).append(number)
    joined = (
        of_customers(
            f"SELECT DISTINCT * FROM touched WHERE number IN ({', '.join(map(str, numbers))})", keys
        )
        for keys, numbers in by_keys.items()
    )
    rows = timeline_rows([activity for activity, _ in pairs], " UNION ALL ".join(joined))
    names = ", ".join(literal(activity.entity) for activity, _ in pairs)
    entity = f"list_extract([{names}], number + 1)"
    connection.execute(f"""
        CREATE TEMP TABLE mapped AS {rows if pairs else nothing(UNIFIED_ACTIVITY)};
        CREATE TEMP TABLE named AS
        SELECT DISTINCT md5({entity} || chr(31) || SourceActivityId) AS {KEY}
        FROM (SELECT number, SourceActivityId FROM touched UNION ALL FROM went);
        CREATE TEMP TABLE there AS
        SELECT {KEY} FROM lake.{UNIFIED_ACTIVITY.name} SEMI JOIN named USING ({KEY})""")
    some = count(connection, "SELECT count(*) FROM there") > 0  # else no other column is read
    connection.execute(f"""
        CREATE TEMP TABLE published AS
        FROM lake.{UNIFIED_ACTIVITY.name} SEMI JOIN there USING ({KEY}) WHERE {some}""")
