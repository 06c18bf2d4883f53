"""The contract of a kind of database, and what passes through it.

Three things are asked of a session, in this order: the SQL of an entity's rows, which columns these
have, and the rows. A session sees one state of its database from its first question to its end, and
changes nothing there.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.schemas.configuration.databases import Database
from overtide.schemas.configuration.entities import Entity
from overtide.schemas.errors import SourceError
from overtide.transforms.sources.databases.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 20_000
"""Rows that are held in memory at once."""
NAMES = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')
"""The parts of a table's name; one in quotes may hold a point."""


@dataclass(frozen=True)
class Located:
    """A database with its name, and what it takes to find it."""

    name: str
    database: Database
    project: Path
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class TableColumn:
    """A column, what its database calls its type, and how it is copied.

    `sql` is its value in the words of the database, `number` says that this is a text of a number.
    """

    name: str
    kind: str
    sql: str
    number: bool = False


@dataclass(frozen=True)
class Batches:
    """Rows as they come, in columns of the names that were asked for."""

    schema: "pa.Schema"
    batches: "Iterable[pa.RecordBatch]"


class Session(ABC):
    """One state of a database."""

    def __init__(self, located: Located) -> None:
        self.located = located

    def rows_of(self, entity: Entity) -> str:
        """Return the SQL of an entity's rows; raise `missing_table`."""
        if entity.query is not None:
            return entity.query.rstrip().rstrip(";")
        return self.table(name_parts(entity.table or ""))

    @abstractmethod
    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows; raise `missing_table`."""

    @abstractmethod
    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns of the rows of a SELECT; raise `query_failed`."""

    @abstractmethod
    def read(self, rows: str, columns: Sequence[TableColumn], most: int | None) -> Batches:
        """Return the values of columns of the rows, of the first ones if `most` says how many."""

    @abstractmethod
    def within(self, column: TableColumn, window: Window) -> str:
        """Return the SQL that says of a row whether it may have changed, by that column."""

    @abstractmethod
    def failure(self, error: Exception) -> SourceError | None:
        """Return what an error means that came while rows were read, None of one of ours."""

    @abstractmethod
    def recover(self) -> None:
        """Make the session usable after an error; it may see another state then."""


class DatabaseSource(ABC):
    """A kind of database."""

    @abstractmethod
    def opened(self, located: Located) -> AbstractContextManager[Session]:
        """Open a session; raise an error of `database_unreachable` or one like it."""


def name_parts(name: str) -> list[str]:
    """Return the parts of a table's name, `public.contacts` or `"My schema"."a.b"`."""
    return [quoted.replace('""', '"') if quoted else plain for quoted, plain in NAMES.findall(name)]


def no_table(located: Located, name: Sequence[str], near: str | None) -> SourceError:
    """Return the error of a table that is not there."""
    return SourceError(
        "missing_table",
        f"The database {located.name} has no table {'.'.join(name)}, or none that may be read.",
        located.name,
        f"Did you mean `{near}`?" if near else "Correct `table` of the entity.",
    )


def failed_query(located: Located, reason: str) -> SourceError:
    """Return the error of rows that a database does not give."""
    return SourceError(
        "query_failed",
        f"The database {located.name} cannot give the rows: {reason.strip().rstrip('.')}.",
        located.name,
        "Correct `query` or `table` of the entity, or the rights of the database's user.",
    )


def unreachable(located: Located, reason: str) -> SourceError:
    """Return the error of a database that cannot be reached."""
    where = located.database.connection_variable
    return SourceError(
        "database_unreachable",
        f"The database {located.name} cannot be reached: {reason}.",
        located.name,
        f"Check that it runs, and the connection in the environment variable {where}."
        if where
        else "Check that it is there, and its `path`.",
    )


def lost(located: Located) -> SourceError:
    """Return the error of a connection that was lost."""
    return SourceError(
        "database_lost",
        f"The connection to the database {located.name} was lost while its rows were read.",
        located.name,
        "Refresh again.",
    )


def connection_of(located: Located) -> str:
    """Return the connection that the environment holds; raise `connection_missing`."""
    variable = located.database.connection_variable or ""
    connection = located.environ.get(variable)
    if connection is None:
        raise SourceError(
            "connection_missing",
            f"The environment variable {variable}, which holds the connection to the database "
            f"{located.name}, is not set.",
            located.name,
            f"Set {variable} where `overtide` runs.",
        )
    return connection
