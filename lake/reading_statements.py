"""Which statements an analyst's session runs: those that read, and call only what reads."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from overtide.schemas.errors import InvalidRequestError, OvertideError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, Statement

READING = {"SELECT", "EXPLAIN", "SET", "CREATE"}
"""Kinds of statements that are run: SET is USE (the configuration is locked), CREATE makes what is
temporary, and DESCRIBE, SHOW, SUMMARIZE, VALUES and FROM are SELECT. Of EXPLAIN what is explained
is checked, since ANALYZE runs it."""
TEMPORARY = {"temp", "temporary"}
SPACES = re.compile("[\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff]")
"""Letters that DuckDB may read as a space, which its tokenizer takes for parts of names."""
NAME = re.compile(r'"([^"]*)"|\w+')
OF_LAKES = "ducklake_"
"""How the names of a lake's own functions begin; `lake.snapshots()` calls `ducklake_snapshots`."""
READERS = """
    duckdb_approx_database_count duckdb_columns duckdb_connection_count duckdb_constraints
    duckdb_coordinate_systems duckdb_databases duckdb_dependencies duckdb_extensions
    duckdb_external_file_cache duckdb_functions duckdb_indexes duckdb_keywords duckdb_log_contexts
    duckdb_logs duckdb_logs_parsed duckdb_memory duckdb_optimizers duckdb_prepared_statements
    duckdb_profiling_settings duckdb_schemas duckdb_secret_types duckdb_secrets duckdb_sequences
    duckdb_settings duckdb_table_sample duckdb_tables duckdb_temporary_files duckdb_types
    duckdb_variables duckdb_views ducklake_current_snapshot ducklake_last_committed_snapshot
    ducklake_list_files ducklake_options ducklake_settings ducklake_snapshots
    ducklake_table_changes ducklake_table_deletions ducklake_table_info ducklake_table_insertions
    generate_series glob histogram histogram_values icu_calendar_names json_each json_tree
    parquet_bloom_probe parquet_file_metadata parquet_full_metadata parquet_kv_metadata
    parquet_metadata parquet_scan parquet_schema pg_timezone_names pragma_collations
    pragma_database_size pragma_metadata_info pragma_platform pragma_show pragma_storage_info
    pragma_table_info pragma_user_agent pragma_version query_table range read_blob read_csv
    read_csv_auto read_json read_json_auto read_json_objects read_json_objects_auto read_ndjson
    read_ndjson_auto read_ndjson_objects read_parquet read_text repeat repeat_row sniff_csv summary
    test_all_types test_vector_types unnest which_secret
"""
CALLED = frozenset(READERS.split())
"""Table functions that read and do no more. Others configure DuckDB or write (`enable_logging`,
`checkpoint`), hide what they run (`query`), take addresses of memory (`arrow_scan`), or ask nobody
whether they may read a file (`sqlite_scan`)."""


def expect_reading(
    connection: "DuckDBPyConnection", statements: Sequence["Statement"], words: Sequence[str]
) -> None:
    """Raise `sql_not_read_only` unless all statements read; `words` are those of all of them."""
    refused = not_called(connection)
    for word, following in pairwise(words):
        if following.startswith("(") and word in refused:
            raise read_only(word)
    for statement in statements:
        _expect_kind(connection, statement)


_not_called: list[frozenset[str]] = []
"""The functions of the installed DuckDB that are not called, once a session has asked for them."""


def table_functions(connection: "DuckDBPyConnection") -> frozenset[str]:
    """Return the names of all table functions of DuckDB and its extensions, in lower case."""
    found = connection.execute(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE database_name = 'system' AND function_type IN ('table', 'table_macro')"
    )
    return frozenset(str(name).lower() for (name,) in found.fetchall())


def not_called(connection: "DuckDBPyConnection") -> frozenset[str]:
    """Return the names of the functions that no statement may call."""
    if not _not_called:
        others = table_functions(connection) - CALLED
        short = (one.removeprefix(OF_LAKES) for one in others if one.startswith(OF_LAKES))
        _not_called.append(others.union(short))
    return _not_called[0]


def words_of(query: str) -> list[str]:
    """Return the parts of a statement in lower case.

    Names without their quotes, nothing of comments.
    """
    return [word for _, word in _placed(query)]


def _placed(query: str) -> list[tuple[int, str]]:
    """Return the parts of a statement as `words_of`, and the byte at which each begins."""
    import duckdb

    # Places are counted in bytes, so each takes the place that it has.
    spaced = SPACES.sub(lambda found: " " * len(found.group().encode()), query)
    text, tokens = spaced.encode(), duckdb.tokenize(spaced)
    if not tokens:
        return []
    ends = [place for place, _ in tokens[1:]] + [len(text)]
    return [
        (place, _word(text[place:end].decode().lower()))
        for (place, _), end in zip(tokens, ends, strict=True)
    ]


def _word(part: str) -> str:
    found = NAME.match(part)
    return found.group(1) or found.group() if found else part


def _expect_kind(connection: "DuckDBPyConnection", statement: "Statement") -> None:
    """Raise for a statement of a kind that changes something.

    One without words is what DuckDB makes of PIVOT: a temporary type first, then the query.
    """
    kind, words = statement.type.name, words_of(statement.query)
    if kind not in READING or (kind == "CREATE" and words and not _is_temporary(words)):
        raise read_only(words[0].upper() if words else kind)
    if kind == "EXPLAIN" and not _explains_reading(connection, statement.query):
        raise read_only("This EXPLAIN")


def _is_temporary(words: Sequence[str]) -> bool:
    """Say whether a CREATE makes what goes with the session."""
    named = words[3:] if list(words[1:3]) == ["or", "replace"] else words[1:]
    return bool(named) and named[0] in TEMPORARY and "secret" not in named[1:3]


def _explains_reading(connection: "DuckDBPyConnection", query: str) -> bool:
    """Say whether what is left of an EXPLAIN without its options is a statement that reads.

    One without a text is of a PIVOT, whose text cannot be told from that of others.
    """
    parts = _placed(query)[1:]
    if parts and parts[0][1] in ("analyze", "analyse"):
        parts = parts[1:]
    if not parts:
        return False
    # What stands in brackets may be options or a query: both readings are tried.
    starts = [parts[0][0]]
    if parts[0][1].startswith("("):
        starts += _after_brackets(parts)
    return any(_is_select(connection, query.encode()[start:].decode()) for start in starts)


def _after_brackets(parts: Sequence[tuple[int, str]]) -> list[int]:
    """Return where the part begins that follows the first brackets, in a list; none at the end."""
    depth = 0
    for (_, word), (place, _) in pairwise(parts):
        depth += word.startswith("(") - word.startswith(")")
        if depth == 0:
            return [place]
    return []


def _is_select(connection: "DuckDBPyConnection", query: str) -> bool:
    import duckdb

    try:
        kinds = [one.type.name for one in connection.extract_statements(query)]
    except duckdb.Error:
        return False
    return kinds == ["SELECT"]


def read_only(what: str) -> OvertideError:
    """Return the refusal of what is no reading."""
    return InvalidRequestError(
        "sql_not_read_only",
        f"{what} is not run here: the lake is open for reading only.",
        None,
        "`overtide open` prints how to attach the lake to a DuckDB of your own.",
    )
