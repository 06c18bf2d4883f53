"""What is alike in all tables that are published as a difference: the rows that may be others.

Rows of the entities that are others are told by what is known of how they changed, else by their
files and keys; rows of the table are those that were made anew (`mapped`), beside what is published
of the same (`published`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.entities import Entity
from overtide.schemas.names import chained, columns, parquet_rows, quoted
from overtide.schemas.table import Table
from overtide.schemas.tables import FIRST_RUN
from overtide.schemas.types import type_of
from overtide.transforms.fingerprint import Fingerprint, fingerprint_of_files
from overtide.transforms.kernel import write_parquet
from overtide.transforms.keys import EntityTable
from overtide.transforms.same_files import files_apart
from overtide.transforms.tables.contract import PublishedEntity, TablePart, write_rows
from overtide.transforms.tables.same_rows import exact, rows_apart_from

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
    apart = rows_apart_from("mapped", "published", table.values, table.order)
    if FIRST_RUN[0] in table.names:
        write_rows(connection, apart, run, come)
    else:
        write_parquet(connection, apart, come)
    gone = rows_apart_from("published", "mapped", table.values, table.order)
    write_parquet(connection, gone, go)
    went, came = (fingerprint_of_files(connection, [path], table.hashed) for path in (go, come))
    return TablePart(table.name, str(come), before - went + came, str(go))


@dataclass(frozen=True)
class RowsApart:
    """SQL of the rows of an entity among which are those that changed.

    Of those that came, and of those that went as they are published; None where there are none.
    """

    new: str | None
    old: str | None


def find_apart(
    connection: "DuckDBPyConnection", entity: Entity, table: EntityTable, there: PublishedEntity
) -> RowsApart:
    """Create `apart`, the keys of the entity's rows that are not the same as the published ones.

    Return the rows among which these are.
    """
    apart = rows_to_compare(entity, table, there)
    none = rows_of(entity, ())
    rows = rows_apart(apart.new or none, apart.old or none, entity)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE apart AS {rows}")
    return apart


def rows_to_compare(entity: Entity, table: EntityTable, there: PublishedEntity) -> RowsApart:
    """Return the rows among which those are that changed: of what surely is the same, none."""
    if table.changed is not None:
        new, old = [table.changed.came], [table.changed.went]
    elif table.content is not None and table.content.hex() == there.content:
        return RowsApart(None, None)
    elif there.files is None:
        names = columns(entity.attributes)
        rows = f"SELECT {names} FROM lake.{quoted(table.entity)}"
        return RowsApart(f"SELECT {names} FROM ({table.rows})", rows)
    else:
        new, old = files_apart(table.files, there.files)
    return RowsApart(*(rows_of(entity, files) if files else None for files in (new, old)))


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
    return exact(f"{side}.{quoted(name)}", type_of(entity.attribute(name).type).duckdb)
