"""PostgreSQL, through DuckDB's scanner: one transaction that reads only, and sees one state."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from overtide.schemas.errors import SourceError
from overtide.schemas.extensions import extension
from overtide.schemas.names import literal, quoted
from overtide.schemas.suggestions import closest
from overtide.transforms.sources.databases.contract import (
    DatabaseSource,
    Located,
    Session,
    TableColumn,
    connection_of,
    failed_query,
    lost,
    no_table,
    unreachable,
)
from overtide.transforms.sources.databases.duckdb_session import (
    SCANNING,
    DuckDBSession,
    limit,
    number_sql,
)
from overtide.transforms.sources.databases.window import ISO, TEXT, Window

NATIVE = re.compile(
    "boolean|smallint|integer|bigint|real|double precision|date|bytea|text|character varying|"
    "timestamp without time zone|timestamp with time zone"
)
"""The types that DuckDB reads as they are."""
CAST = {"numeric": "text", "money": "numeric::text", "oid": "bigint"}
NUMBERS = ("numeric", "money")
WAIT_SECONDS = "10"
"""How long a host may take to answer."""
REFUSED = re.compile(
    r"authentication failed|no password supplied|no pg_hba\.conf entry|permission denied for "
    r"database|role \"[^\"]*\" (?:does not exist|is not permitted)|SSL|too many"
)
GONE = re.compile(
    r"server closed the connection|connection (?:already )?closed|terminating connection|"
    r"no connection to the server|could not (?:receive|send) data|SSL SYSCALL|lost synchronization|"
    r"is bad|timed out|Connection reset|unexpected EOF"
)


class Postgres(DatabaseSource):
    """PostgreSQL of version 10 or later."""

    @contextmanager
    def opened(self, located: Located) -> Iterator[Session]:
        """Connect, and begin a transaction."""
        import duckdb

        connection = connection_of(located)
        os.environ.setdefault("PGCONNECT_TIMEOUT", WAIT_SECONDS)  # libpq reads it itself
        with duckdb.connect(config=SCANNING) as database:
            database.execute(f"LOAD {literal(str(extension('postgres_scanner', 'postgres')))}")
            database.execute("SET TimeZone = 'UTC'")
            try:
                database.execute(
                    f"ATTACH {literal(connection)} AS source (TYPE postgres, READ_ONLY)"
                )
            except duckdb.Error as error:
                raise _refused(located, str(error)) from None
            yield PostgresSession(located, database)


class PostgresSession(DuckDBSession):
    """A transaction of PostgreSQL, repeatable read and read only."""

    def table(self, name: Sequence[str]) -> str:
        """Return the SQL of a table's rows."""
        table = ".".join(map(quoted, name))
        if not self._asked(f"SELECT to_regclass({literal(table)}) IS NOT NULL AS there")[0][0]:
            known = [str(row[0]) for row in self._asked(TABLES)]
            wanted = ".".join(name)
            plain = {one.rpartition(".")[2]: one for one in known}
            near = closest(wanted, known) or closest(name[-1] if name else "", plain)
            raise no_table(self.located, name, plain.get(near or "", near))
        return f"SELECT * FROM {table}"

    def columns(self, rows: str) -> list[TableColumn]:
        """Return the columns, with the types that PostgreSQL gives them."""
        names = [name for name, _ in self.names(_answer(_within(rows)))]
        types = ", ".join(f"pg_typeof(rows.{quoted(name)})::oid" for name in names)
        kinds = self._asked(KINDS.format(types=types, rows=_within(rows)))
        return [
            _column(name, str(kind), str(category))
            for name, (kind, category) in zip(names, kinds, strict=True)
        ]

    def reading(self, rows: str, columns: Sequence[TableColumn], most: int | None) -> str:
        """Return the SQL of the values of columns."""
        values = ", ".join(f"{one.sql} AS {quoted(one.name)}" for one in columns)
        asked = f"SELECT {values} FROM {_within(rows)}{limit(most)}"
        given = ", ".join(
            f"{number_sql(quoted(one.name))} AS {quoted(one.name)}"
            if one.number
            else quoted(one.name)
            for one in columns
        )
        return f"SELECT {given} FROM {_query(asked)}"

    def within(self, column: TableColumn, window: Window) -> str:
        """Return the SQL of whether a row may have changed, in terms that an index knows."""
        late = f"{column.sql} IS NULL OR {column.sql}"
        if window.kind == TEXT:
            begins = f'COLLATE "C" >= {window.literal}'
            return f"({late} {begins} OR {column.sql} !~ {literal(ISO)})"
        return f"({late} >= {window.literal} OR {column.sql} = '-infinity')"

    def failure(self, error: Exception) -> SourceError | None:
        """Return what PostgreSQL says; never the connection."""
        text = str(error)
        if GONE.search(text):
            return lost(self.located)
        if twice := re.search(r'duplicate column name "(.*)"', text):
            return SourceError(
                "duplicate_column",
                f"Two columns of the rows of the database {self.located.name} are called "
                f"{twice[1]!r}; to the lake that is one name also in another case.",
                self.located.name,
                "Give each a name of its own in a `query`.",
            )
        said = re.search(r"ERROR: +(.*)", text)
        if said or "Postgres" in text or "query" in text:
            return failed_query(self.located, said[1] if said else _first(text))
        return super().failure(error)

    def _asked(self, query: str) -> list[tuple[object, ...]]:
        with self.asking():
            return self.connection.execute(f"SELECT * FROM {_query(query)}").fetchall()


TABLES = """
    SELECT format('%s.%s', n.nspname, c.relname) AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1 LIMIT 1000"""
KINDS = """
    SELECT format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL) AS kind,
           t.typcategory::text AS category
    FROM (SELECT ARRAY[{types}] AS types FROM (SELECT 1) AS one LEFT JOIN {rows} ON false) AS row,
         unnest(row.types) WITH ORDINALITY AS found(type, place)
    JOIN pg_type t ON t.oid = found.type
    ORDER BY found.place"""
"""Types of columns, without a row being read."""


def _column(name: str, kind: str, category: str) -> TableColumn:
    value = quoted(name)
    if category == "A":  # DuckDB reads lists of lists only where all rows have them
        value = (
            f"CASE WHEN array_ndims({value}) > 1 THEN ARRAY[{value}::text] ELSE {value}::text[] END"
        )
    elif kind == "inet":
        value = f"abbrev({value})"  # a cast writes the mask of one address, too
    elif not NATIVE.fullmatch(kind):
        value = f"{value}::{CAST.get(kind, 'text')}"
    return TableColumn(name, kind, value, kind in NUMBERS)


def _within(rows: str) -> str:
    return f"(\n{rows}\n) AS rows"


def _query(query: str) -> str:
    return f"postgres_query('source', {literal(query)})"


def _answer(rows: str) -> str:
    return f"SELECT * FROM {_query(f'SELECT * FROM {rows}')}"


def _refused(located: Located, text: str) -> SourceError:
    """Return why a connection was not made; of the connection itself nothing is shown."""
    said = re.search(r"connection to server.*? failed: (.*)", text, re.DOTALL)
    if said is None:
        known = "could not translate host name" in text
        reason = "its host is not known" if known else "its connection cannot be read"
        return unreachable(located, reason)
    reason = _first(said[1]).removeprefix("FATAL:").removeprefix("fe_sendauth:").strip()
    if REFUSED.search(reason):
        return SourceError(
            "database_refused",
            f"The database {located.name} refuses the connection: {reason}.",
            located.name,
            "Check user, password and rights in the environment variable "
            f"{located.database.connection_variable}.",
        )
    return unreachable(located, reason)


def _first(text: str) -> str:
    return text.strip().split("\n", 1)[0]
