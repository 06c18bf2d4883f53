"""What is alike in all tables that are published as a difference: the rows that may be others.

Rows of the entities that are others are told by their files and keys; rows of the table are those
that were made anew (`mapped`), beside what is published of the same (`published`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import chained, columns, parquet_rows, quoted
from overtide.schemas.table import Table
from overtide.schemas.tables import FIRST_RUN
from overtide.schemas.types import type_of
from overtide.transforms.fingerprint import Fingerprint, fingerprint
from overtide.transforms.kernel import write_parquet
from overtide.transforms.same_files import files_apart
from overtide.transforms.tables.contract import TablePart, write_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def write_difference(
    connection: "DuckDBPyConnection", folder: Path, table: Table, before: Fingerprint, run: int
) -> TablePart:
    """Write the rows of `mapped` that come and those of `published` that go.

    Their content is that of the whole table: what was there `before`, less what goes, and what
    comes.
    """
    come, go = folder / "0000.parquet", folder / "gone.parquet"
    apart = _apart("mapped", "published", table)
    if FIRST_RUN[0] in table.names:
        write_rows(connection, apart, run, come)
    else:
        write_parquet(connection, apart, come)
    write_parquet(connection, _apart("published", "mapped", table), go)
    went, came = (
        fingerprint(connection, f"FROM {parquet_rows([path])}", table.hashed) for path in (go, come)
    )
    return TablePart(table.name, str(come), before - went + came, str(go))


def _apart(rows: str, others: str, table: Table) -> str:
    """Return the SQL of rows that are not the same among others, in the order of their table."""
    same = chained(
        "AND",
        (
            f"{_exact(f'one.{quoted(name)}', kind)} IS NOT DISTINCT FROM "
            f"{_exact(f'other.{quoted(name)}', kind)}"
            for name, kind in table.values.items()
        ),
    )
    order = ", ".join(map(quoted, table.order))
    return f"SELECT one.* FROM {rows} AS one ANTI JOIN {others} AS other ON {same} ORDER BY {order}"


def _exact(column: str, kind: str) -> str:
    """Return the SQL by which values are compared: 0.0 and -0.0 have two texts."""
    return f"{column}::VARCHAR" if kind in ("DOUBLE", "FLOAT") else column


def find_apart(
    connection: "DuckDBPyConnection", entity: Entity, files: Sequence[str], others: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Create `apart`, the keys of the entity's rows that are not the same in files and in others.

    Return the files in which they are, and the others.
    """
    new, old = files_apart(files, others)
    rows = rows_apart(rows_of(entity, new), rows_of(entity, old), entity)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE apart AS {rows}")
    return new, old


def rows_of(entity: Entity, files: Sequence[str]) -> str:
    """Return the SQL of an entity's rows in files, of none where there are none."""
    if files:
        return f"SELECT {columns(entity.attributes)} FROM {parquet_rows(files)}"
    kinds = {name: type_of(entity.attribute(name).type).duckdb for name in entity.attributes}
    values = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in kinds.items())
    return f"SELECT {values} LIMIT 0"


def rows_apart(rows: str, others: str, entity: Entity) -> str:
    """Return the SQL of the keys of an entity whose rows are not the same in both."""
    key = quoted(entity.primary_key)
    different = chained(
        "OR",
        (
            f"{_of('one', name, entity)} IS DISTINCT FROM {_of('other', name, entity)}"
            for name in entity.attributes
        ),
    )
    return (
        f"SELECT {key} FROM ({rows}) AS one FULL JOIN ({others}) AS other USING ({key}) "
        f"WHERE {different}"
    )


def _of(side: str, name: str, entity: Entity) -> str:
    return _exact(f"{side}.{quoted(name)}", type_of(entity.attribute(name).type).duckdb)
