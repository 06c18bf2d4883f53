"""Let the overlay begin anew from the event log that is there, where the one that the lake had events from is lost."""

from dataclasses import replace
from typing import TYPE_CHECKING

from lake.locks import commit_lock
from lake.overlay import transaction
from lake.published import Standing, announce, doubt, standing_of
from schemas.instants import Instant
from schemas.names import literal, quoted
from schemas.paths import Paths
from schemas.tables import OVERLAY, SCHEMA

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def begin_anew(connection: "DuckDBPyConnection", paths: Paths, end: int, accepted_at: Instant) -> None:
    """Remove what was carried into the lake, and let its publish have come from a log that ends here: all or nothing.

    The base, its history and the identities of customers stay as they are.
    """
    with commit_lock(paths):
        publish = standing_of(connection).publish
        if publish is not None:
            publish = replace(publish, log_position=end, log_accepted_at=accepted_at)
        doubt(paths)
        with transaction(connection):
            for table in OVERLAY:
                connection.execute(f"DELETE FROM {SCHEMA}.{quoted(table.name)}")
            if publish is not None:
                connection.execute(f"COMMENT ON TABLE {SCHEMA}.runs IS {literal(publish.comment())}")
        announce(paths, Standing(publish))
