"""A DuckDB for analysts: the whole lake read-only, and nothing of the machine beside it."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from lake.catalog import attached_catalog, connect
from lake.merged import BEFORE_HISTORY
from lake.publish import expect_lake
from schemas.errors import OvertideError
from schemas.names import literal
from schemas.paths import Paths

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Result = TypeVar("Result")
READING = {"SELECT", "EXPLAIN", "SET", "CREATE"}
"""Kinds of statements that are run: SET is USE (the configuration is locked), CREATE makes what is temporary, and
DESCRIBE, SHOW, SUMMARIZE, VALUES and FROM are SELECT."""
TEMPORARY = {"temp", "temporary"}
REFUSED = re.compile("query|sqlite_.*|ducklake_(add|cleanup|commit|delete|expire|flush|merge|rewrite|set)(_.*)?")
"""Functions that are not called: the scanner of SQLite files asks nobody whether it may read one, those of DuckLake
remove files, and `query` hides what it runs."""
NAME = re.compile(r'"([^"]*)"|\w+')


def open_session(paths: Paths) -> "DuckDBPyConnection":
    """Return a DuckDB with the lake attached and in use; it can read no other file and change nothing that lasts.

    Raises `nothing_published` before the first refresh.
    """
    expect_lake(paths)
    connection = connect(paths)
    catalog = ", ".join(literal(f"{attached_catalog(paths)}{ending}") for ending in ("", "-wal", "-shm", "-journal"))
    for statement in (f"SET allowed_directories = [{literal(str(paths.data) + '/')}]",
                      f"SET allowed_paths = [{catalog}]", "SET enable_external_access = false", "USE lake",
                      "SET lock_configuration = true"):
        connection.execute(statement)
    return connection


def run_query(connection: "DuckDBPyConnection", query: str, parameters: Sequence[object] = ()) -> "DuckDBPyConnection":
    """Run statements and return the result of the last; raise `invalid_sql`, `sql_not_read_only` or `sql_failed`."""
    import duckdb

    try:
        statements = connection.extract_statements(query)
        if not statements:
            raise OvertideError("invalid_sql", "There is no SQL statement.", None,
                                'Write one, such as "SELECT count(*) FROM Customer_live".')
        for statement in statements:
            _check(statement.type.name, statement.query)
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1], list(parameters) or None)
    except (duckdb.ParserException, duckdb.CatalogException, duckdb.BinderException) as error:
        raise OvertideError("invalid_sql", sentence(error), None) from None
    except duckdb.InvalidInputException as error:
        if "read-only mode" in str(error):
            raise _read_only("This") from None
        if BEFORE_HISTORY in str(error):
            raise OvertideError(BEFORE_HISTORY, _after(sentence(error), BEFORE_HISTORY), None,
                                "Ask for a later instant, or keep more with `lake.history_days`.") from None
        raise OvertideError("invalid_sql", sentence(error), None) from None
    except duckdb.Error as error:
        raise OvertideError("sql_failed", sentence(error), None, status=500) from None


def interruptibly(connection: "DuckDBPyConnection", call: Callable[[], Result]) -> Result:
    """Return what a call on a connection gives, in a thread of its own: DuckDB may look for no signal for minutes.

    ctrl-C in the calling thread then stops the query at once.
    """
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(call)
        try:
            return running.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _check(kind: str, query: str) -> None:
    words = _words(query)
    if kind not in READING or (kind == "CREATE" and not TEMPORARY & set(words[1:4])):
        raise _read_only(words[0].upper())
    for word, following in pairwise(words):
        if following.startswith("(") and REFUSED.fullmatch(word):
            raise _read_only(word)


def _words(query: str) -> list[str]:
    """Return the parts of a statement in lower case: names without their quotes, nothing of comments."""
    import duckdb

    text, tokens = query.encode(), duckdb.tokenize(query)
    ends = [place for place, _ in tokens[1:]] + [len(text)]
    parts = [text[place:end].decode().lower() for (place, _), end in zip(tokens, ends, strict=True)]
    return [found.group(1) or found.group() if (found := NAME.match(part)) else part for part in parts]


def _read_only(what: str) -> OvertideError:
    return OvertideError("sql_not_read_only", f"{what} is not run here: the lake is open for reading only.", None,
                         "`overtide open` prints how to attach the lake to a DuckDB of your own.")


def _after(text: str, code: str) -> str:
    """Return the sentence that stands behind a code."""
    said = text.partition(f"{code}: ")[2]
    return said[:1].upper() + said[1:]


def sentence(error: Exception) -> str:
    """Return what DuckDB says was wrong, in one line without the excerpt of the query."""
    text = " ".join(str(error).split("\nLINE ")[0].split())
    return text if text.endswith((".", "!", "?")) else f"{text}."
