"""A table of the lake: what is declared of it, and the SQL that makes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from overtide.schemas.names import literal, quoted

SCHEMA = "lake.main"
"""Catalog and schema of every table; macros and views must name them, since nobody says USE."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its name, its DuckDB type and what it holds."""

    name: str
    type: str
    comment: str


class Kept(Enum):
    """How long the rows of a table stay."""

    EVER = "for ever: ids last"
    BASE = "until a refresh makes the table anew"
    HISTORY = "for `lake.history_days` after they were replaced"
    VALIDITY = "for `lake.history_days` after they ended"
    STREAM = "as long as the stream needs them"
    MONTH = "for 30 days"


BY_ID, BY_RECORD = ("CustomerId",), ("EntityName", "PrimaryKey")
"""Columns that name a person: by an id, or by a source record."""


@dataclass(frozen=True)
class Table:
    """A table of the lake: what it is for, its columns, and what else must be known of it.

    `key` tells its rows apart; in `order` its files are written and its rows hashed. `people` are
    the columns that lead from a customer to the rows about them, by an id or by a source record:
    what an erasure must look for. `kept` says how long rows stay. `following` are columns whose
    values follow from others of the row, by a rule that stays.
    """

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    people: tuple[tuple[str, ...], ...] = ()
    kept: Kept = Kept.BASE
    following: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def values(self) -> dict[str, str]:
        """The SQL types of the columns by name, without `FirstRun`."""
        return {column.name: column.type for column in self.columns if column.name != "FirstRun"}

    @property
    def hashed(self) -> dict[str, str]:
        """Those of `values` that the content hash covers: what follows from them says no more."""
        return {name: kind for name, kind in self.values.items() if name not in self.following}


def table_of(
    name: str,
    comment: str,
    *columns: tuple[str, str, str],
    key: tuple[str, ...] = (),
    order: tuple[str, ...] = (),
    people: tuple[tuple[str, ...], ...] = (),
    kept: Kept = Kept.BASE,
    following: tuple[str, ...] = (),
) -> Table:
    """Return a table whose columns are given by name, SQL type and meaning."""
    declared = tuple(Column(*column) for column in columns)
    return Table(name, comment, declared, key, order or key, people, kept, following)


@dataclass(frozen=True, slots=True)
class ProfileField:
    """A column of Customer as the profile metadata declares it.

    Only merged fields are updatable.
    """

    name: str
    type: str
    updatable: bool
    cluster: bool = False
    """Whether it tells which customers belong together."""


def create_table_sql(name: str, columns: Iterable[Column]) -> str:
    """Return the statement that creates a table of the lake unless it exists."""
    declared = ", ".join(f"{quoted(column.name)} {column.type}" for column in columns)
    return f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{quoted(name)} ({declared})"


def create_statements(table: Table) -> list[str]:
    """Return the statements that create a table unless it exists, and comment on it."""
    return [create_table_sql(table.name, table.columns), comment_sql(table, "TABLE")]


def comment_sql(table: Table, kind: str) -> str:
    """Return the statement that writes the comment of a TABLE or VIEW."""
    return f"COMMENT ON {kind} {SCHEMA}.{quoted(table.name)} IS {literal(comment_of(table))}"


def comment_of(table: Table) -> str:
    """Return what is told of a table or view: what it is for, then a line per column.

    DuckLake keeps no comments of a view's columns, and those of a table take 9 ms each.
    """
    lines = (f"{column.name}: {column.comment}" for column in table.columns if column.comment)
    return "\n".join([table.comment, *lines])


def nothing(table: Table) -> str:
    """Return the SQL of no row with the columns of a table, but for `FirstRun`."""
    values = ", ".join(f"NULL::{kind} AS {quoted(name)}" for name, kind in table.values.items())
    return f"SELECT {values} WHERE false"


def history_of(table: Table) -> Table:
    """Return the table that keeps the replaced and vanished rows of a base table."""
    replaced = Column("ReplacedRun", "INTEGER", "the run that replaced or removed the row")
    return replace(
        table,
        name=f"{table.name}_history",
        comment=f"Replaced and vanished rows of {table.name}.",
        columns=(*table.columns, replaced),
        key=(*table.key, "FirstRun"),
        order=(),
        kept=Kept.HISTORY,
    )


def history_in(table: Table, types: Mapping[str, str]) -> Table:
    """Return the history of a base table with these columns.

    Those that the table once had have no comment.
    """
    history = history_of(table)
    comments = {column.name: column.comment for column in history.columns}
    columns = tuple(Column(name, kind, comments.get(name, "")) for name, kind in types.items())
    return replace(history, columns=columns)
