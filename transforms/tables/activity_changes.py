"""UnifiedActivity as a difference: the rows that go, and those that come.

An activity depends on its source row and on the customer of the record that its foreign key names,
by rules that are those of the published table. So what may differ are the rows of files that are
others than the published ones, and the rows whose foreign key names a record that has another
customer. Only these are mapped, and compared with what is published of them
(docs/decisions/activities-as-a-difference.md).
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import chained, columns, literal, parquet_rows, quoted
from overtide.schemas.table import nothing
from overtide.schemas.tables import UNIFIED_ACTIVITY
from overtide.schemas.types import type_of
from overtide.transforms.activities import (
    activity_rows,
    foreign_key_text,
    of_customers,
    timeline_rows,
)
from overtide.transforms.fingerprint import Fingerprint, fingerprint
from overtide.transforms.kernel import write_parquet
from overtide.transforms.tables.contract import Basis, PublishedRows, TablePart, write_rows
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
    come, go = folder / "0000.parquet", folder / "gone.parquet"
    write_rows(connection, _apart("mapped", "published"), basis.run, come)
    write_parquet(connection, _apart("published", "mapped"), go)
    content = before.content
    content -= _content(connection, go)
    content += _content(connection, come)
    return TablePart(UNIFIED_ACTIVITY.name, str(come), content, str(go))


def _content(connection: "DuckDBPyConnection", path: Path) -> Fingerprint:
    return fingerprint(connection, f"FROM {parquet_rows([path])}", UNIFIED_ACTIVITY.values)


def _find_moved(connection: "DuckDBPyConnection", basis: Basis) -> None:
    """Create `moved` (EntityName, PrimaryKey): the records whose customer is not the published one.

    Those that came or went are among them.
    """
    targets = ", ".join(sorted({literal(relationship.to) for _, relationship in basis.activities}))
    keys = f"EntityName, PrimaryKey, CustomerId FROM {{}} WHERE EntityName IN ({targets})"
    new = keys.format(parquet_rows([basis.identified.alternate_keys]))
    connection.execute(f"""
        CREATE TEMP TABLE moved AS
        SELECT EntityName, PrimaryKey
        FROM (SELECT {new}) AS new FULL JOIN (SELECT {keys.format("lake.AlternateKey")}) AS old
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
        entity, files = basis.entities[activity.entity], tables[activity.entity].files
        mapped = partial(activity_rows, activity, relationship, entity, number=number)
        named = foreign_key_text(relationship, entity)
        moved = f"SELECT PrimaryKey FROM moved WHERE EntityName = {literal(relationship.to)}"
        connection.execute(f"INSERT INTO touched {mapped(_those(files, moved, named))}")
        new, old = files_apart(files, before.files[activity.entity])
        if not new and not old:
            continue
        apart = f"FROM ({rows_apart(_rows_of(entity, new), _rows_of(entity, old), entity)})"
        connection.execute(f"CREATE OR REPLACE TEMP TABLE apart AS {apart}")
        key = f"source.{quoted(entity.primary_key)}"
        for table, some in (("touched", new), ("went", old)):
            if some:
                chosen = "*" if table == "touched" else "number, SourceActivityId"
                rows = mapped(_those(some, "FROM apart", key))
                connection.execute(f"INSERT INTO {table} SELECT {chosen} FROM ({rows})")


def _those(files: Sequence[str], values: str, column: str) -> str:
    """Return the SQL of the rows of files in which the SQL of a column is one of some values."""
    rows = f"SELECT source.* FROM {parquet_rows(files)} AS source"
    return f"{rows} SEMI JOIN ({values}) AS wanted (value) ON wanted.value = {column}"


def _rows_of(entity: Entity, files: Sequence[str]) -> str:
    """Return the SQL of an entity's rows in files, of none where there are none."""
    if files:
        return f"SELECT {columns(entity.attributes)} FROM {parquet_rows(files)}"
    kinds = {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}
    values = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in kinds.items())
    return f"SELECT {values} LIMIT 0"


def rows_apart(rows: str, others: str, entity: Entity) -> str:
    """Return the SQL of the keys of an entity whose rows are not the same in both.

    Of floating point 0.0 and -0.0 are not the same: they have two texts.
    """
    key = quoted(entity.primary_key)
    different = chained(
        "OR",
        (
            f"{_compared('one', name, entity)} IS DISTINCT FROM {_compared('other', name, entity)}"
            for name in entity.attributes
        ),
    )
    return (
        f"SELECT {key} FROM ({rows}) AS one FULL JOIN ({others}) AS other USING ({key}) "
        f"WHERE {different}"
    )


def _compared(side: str, name: str, entity: Entity) -> str:
    column = f"{side}.{quoted(name)}"
    floating = type_of(entity.attribute(name).type).duckdb in ("DOUBLE", "FLOAT")
    return f"{column}::VARCHAR" if floating else column


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
        CREATE TEMP TABLE published AS
        FROM lake.{UNIFIED_ACTIVITY.name} SEMI JOIN named USING ({KEY})""")


def _apart(rows: str, others: str) -> str:
    """Return the SQL of rows that are not the same among others, in the order of timelines."""
    same = chained(
        "AND",
        (
            f"one.{quoted(name)} IS NOT DISTINCT FROM other.{quoted(name)}"
            for name in UNIFIED_ACTIVITY.values
        ),
    )
    order = ", ".join(UNIFIED_ACTIVITY.order)
    return f"SELECT one.* FROM {rows} AS one ANTI JOIN {others} AS other ON {same} ORDER BY {order}"


def files_apart(files: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the files that are not among the others, and the others that are not among them.

    What an earlier refresh kept is the very file that it published, under another name.
    """
    these, those = dict(_identified(files)), dict(_identified(others))
    return (
        [path for one, path in these.items() if one not in those],
        [path for one, path in those.items() if one not in these],
    )


def _identified(files: Iterable[str]) -> Iterator[tuple[tuple[int, int], str]]:
    for path in files:
        found = Path(path).stat()
        yield (found.st_dev, found.st_ino), path
