"""What SQL shows of the service: `api_usage` and `audit`, from the project's files beside the lake.

They are temporary views of one session, made when a query names them: whoever does not ask for
them pays nothing, and where a file is missing its view is empty.
"""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from overtide.lake.definitions import columns_of
from overtide.schemas.errors import UnavailableError
from overtide.schemas.names import literal
from overtide.schemas.paths import Paths
from overtide.schemas.service_tables import API_USAGE, AUDIT
from overtide.schemas.table import SCHEMA, nothing

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

USAGE, CHANGES = "overtide_usage", "overtide_audit"
"""What the files are attached as."""
API_USAGE_QUERY = f"""
    SELECT make_timestamptz(minute) AS "Minute", operation AS "Operation", method AS "Method",
           entity AS "Entity", caller AS "Caller", principal_id AS "PrincipalId",
           principal AS "Principal",
           CASE WHEN status < 400 THEN 'Success' WHEN status < 500 THEN 'ClientError'
                ELSE 'Failure' END AS "Result",
           status::INTEGER AS "Status", error_code AS "ErrorCode", calls AS "Calls",
           request_bytes AS "RequestBytes", response_bytes AS "ResponseBytes",
           microseconds / 1e6 AS "Seconds", longest / 1e6 AS "LongestSeconds",
           up_to_5ms AS "UpTo5ms", up_to_25ms AS "UpTo25ms", up_to_100ms AS "UpTo100ms",
           up_to_1s AS "UpTo1s", longer AS "Longer"
    FROM {USAGE}.usage"""
CHANGED = f"""
    SELECT make_timestamptz("at"), principal_id, principal, caller, "action", target, "before",
           "after", request_id, NULL::VARCHAR, 1::BIGINT FROM {CHANGES}.change"""
REFUSED = f"""
    SELECT make_timestamptz(minute), principal_id, principal, caller, 'refused', operation,
           NULL, NULL, NULL, NULL, calls FROM {USAGE}.usage WHERE status IN (401, 403)"""
TARGET = """coalesce("CustomerId", "EntityName" || '=' || "PrimaryKey")"""
EVENTS = " UNION ALL ".join(
    f"""SELECT DISTINCT "EventId", "AcceptedAt", "Caller", {literal(kind)} AS kind,
        {TARGET} AS target FROM {SCHEMA}.{table}"""
    for kind, table in (
        ("update", "updates"),
        ("withdrawal", "withdrawals"),
        ("activity", "realtime_activities"),
    )
)
SENDERS = f"SELECT event_id, principal_id, principal, request_id FROM {CHANGES}.sender"
NO_SENDERS = """SELECT NULL::VARCHAR AS event_id, NULL::VARCHAR AS principal_id,
    NULL::VARCHAR AS principal, NULL::VARCHAR AS request_id WHERE false"""


def define_service_views(
    connection: "DuckDBPyConnection", paths: Paths, words: Collection[str]
) -> None:
    """Define the views that a query's words name, unless the lake has a table of that name.

    Raises `file_unusable`.
    """
    asked = [
        one
        for one in (API_USAGE, AUDIT)
        if one.name in words and not columns_of(connection, one.name)
    ]
    if not asked:
        return
    usage = _attached(connection, paths.usage, USAGE, "usage")
    audit = AUDIT in asked and _attached(connection, paths.audit, CHANGES, "change")
    queries = {
        API_USAGE.name: API_USAGE_QUERY if usage else nothing(API_USAGE),
        AUDIT.name: audit_query(audit, usage),
    }
    for view in asked:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view.name} AS {queries[view.name]}")


def service_files(paths: Paths) -> list[str]:
    """Return the names of all files that these views open."""
    return [
        f"{file}{ending}"
        for file in (paths.usage, paths.audit)
        for ending in ("", "-wal", "-shm", "-journal")
    ]


def audit_query(audit: bool, usage: bool) -> str:
    """Return the query of `audit`, from the files that are there and the events in the lake."""
    names = ", ".join(f'"{name}"' for name in AUDIT.names)
    events = f"""
        SELECT "AcceptedAt", coalesce(principal_id, ''), coalesce(principal, ''),
               coalesce("Caller", ''), kind, target, NULL, NULL, request_id, "EventId", 1
        FROM ({EVENTS}) LEFT JOIN ({SENDERS if audit else NO_SENDERS}) ON event_id = "EventId" """
    parts = [nothing(AUDIT), events, *([CHANGED] if audit else []), *([REFUSED] if usage else [])]
    return f"SELECT {names} FROM ({' UNION ALL '.join(parts)})"


def _attached(connection: "DuckDBPyConnection", file: Path, name: str, table: str) -> bool:
    """Attach a file, and say whether it holds the table; a first writer makes an empty one."""
    import duckdb

    if not file.exists() or not file.stat().st_size:
        return False
    try:
        connection.execute(
            f"ATTACH IF NOT EXISTS {literal(str(file))} AS {name} (TYPE sqlite, READ_ONLY)"
        )
        return bool(connection.execute(f"DESCRIBE {name}.{table}").fetchall())
    except duckdb.CatalogException:
        return False
    except duckdb.Error as error:
        raise UnavailableError(
            "file_unusable",
            f"{file} cannot be used: {str(error).splitlines()[0]}",
            str(file),
            "Check that it is whole, and that you may write beside it, as SQLite wants to.",
        ) from None
