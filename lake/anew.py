"""Let the overlay begin anew from the event log that is there.

This is for a lake whose own event log, the one it had events from, is lost.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from overtide.lake.coordination import coordination
from overtide.lake.overlay import transaction
from overtide.lake.standing import Standing, announce, doubt, standing_of
from overtide.schemas.instants import Instant
from overtide.schemas.names import literal, quoted
from overtide.schemas.paths import Paths
from overtide.schemas.table import SCHEMA
from overtide.schemas.tables import OVERLAY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def begin_anew(
    connection: "DuckDBPyConnection", paths: Paths, end: int, accepted_at: Instant
) -> None:
    """Remove what was carried into the lake, and tie its publish to a log that ends here.

    Either all of it happens or nothing: the publish counts as having come from that log.

    The base, its history and the identities of customers stay as they are.
    """
    with coordination(paths).commit():
        publish = standing_of(connection).publish
        if publish is not None:
            publish = replace(publish, log_position=end, log_accepted_at=accepted_at)
        doubt(paths)
        with transaction(connection):
            for table in OVERLAY:
                connection.execute(f"DELETE FROM {SCHEMA}.{quoted(table.name)}")
            if publish is not None:
                connection.execute(
                    f"COMMENT ON TABLE {SCHEMA}.runs IS {literal(publish.comment())}"
                )
        announce(paths, Standing(publish))
