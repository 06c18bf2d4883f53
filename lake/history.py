"""Forget the base rows that no as-of question may ask for any more."""

from typing import TYPE_CHECKING

from overtide.lake.definitions import columns_of
from overtide.lake.overlay import transaction
from overtide.schemas import tables
from overtide.schemas.instants import Instant
from overtide.schemas.names import quoted
from overtide.schemas.table import SCHEMA, history_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HISTORIES = ("Customer_history", *(history_of(table).name for table in tables.VERSIONED))


def forget_history(connection: "DuckDBPyConnection", horizon: Instant) -> None:
    """Delete the rows that were replaced by a publish at or before the horizon.

    Call it under the commit lock.
    """
    run = _last_run(connection, horizon)
    if run is None:
        return
    for name in HISTORIES:
        rows = f'FROM {SCHEMA}.{quoted(name)} WHERE "ReplacedRun" <= {run}'
        if (
            columns_of(connection, name)
            and connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchone()
        ):
            with transaction(connection):
                connection.execute(f"DELETE {rows}")


def _last_run(connection: "DuckDBPyConnection", until: Instant) -> int | None:
    """Return the last run that was published by then."""
    row = connection.execute(
        f'SELECT max("Run") FROM {SCHEMA}.runs WHERE epoch_us("PublishedAt") <= ?', [until]
    ).fetchone()
    return row[0] if row else None
