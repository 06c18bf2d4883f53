"""Forget the base rows that no as-of question may ask for any more."""

from typing import TYPE_CHECKING

from overtide.lake.definitions import columns_of
from overtide.lake.overlay import transaction
from overtide.schemas import tables
from overtide.schemas.instants import Instant, format_instant
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA, history_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

HISTORIES = ("Customer_history", *(history_of(table).name for table in tables.VERSIONED))


def forget_history(connection: "DuckDBPyConnection", horizon: Instant) -> None:
    """Delete the rows that were replaced by a publish at or before the horizon.

    Call it under the commit lock.
    """
    replaced = f"""FROM {SCHEMA}.{{}} WHERE "ReplacedRun" <= (
        SELECT max("Run") FROM {SCHEMA}.runs WHERE "PublishedAt" <= TIMESTAMPTZ
          {literal(format_instant(horizon))})"""
    for name in HISTORIES:
        rows = replaced.format(quoted(name))
        if (
            columns_of(connection, name)
            and connection.execute(f"SELECT 1 {rows} LIMIT 1").fetchone()
        ):
            with transaction(connection):
                connection.execute(f"DELETE {rows}")
