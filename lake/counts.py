"""How much of the overlay is shown, held or set aside now: the numbers of `overtide status`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overtide.lake.decide.sql import (
    CUSTOMER_ID,
    LIVE,
    TARGET,
    resolving,
    with_query,
    withdrawals,
    withdraws,
)
from overtide.lake.definitions import columns_of
from overtide.schemas.instants import Instant
from overtide.schemas.names import columns
from overtide.schemas.table import SCHEMA, Table
from overtide.schemas.tables import (
    ALTERNATE_KEY,
    REALTIME_ACTIVITIES,
    RELATED_KEY,
    UPDATES,
    VANISHED_KEY,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Overlay:
    """Events of the overlay that are valid now, and how far the stream is.

    Position and acceptance of its last event.

    Live ones are valid and not withdrawn, also where a later one or the base's own activity is
    shown instead; held ones name a customer that the base lacks; quarantined ones do not fit it.
    Flap-backs are fields that show an older value again since an update ended.
    """

    live_updates: int
    live_activities: int
    held: int
    quarantined: int
    flap_backs: int
    position: int
    accepted_at: Instant | None


EVENT = (*TARGET, "EventId", "Field", "ValidFrom")
COUNTS = """
    SELECT (SELECT count(DISTINCT u."EventId") FROM found u
              WHERE u."Kind" = 'update' AND NOT EXISTS (
                SELECT 1 FROM found w WHERE w."Kind" = 'withdrawal'
                  AND w."CustomerId" = u."CustomerId" AND {withdrawn})),
           (SELECT count(*) FROM found a WHERE a."Kind" = 'activity'),
           (SELECT count(DISTINCT (e."Kind", e."EventId")) FROM events e
              ANTI JOIN found r ON r."EventId" = e."EventId" WHERE e."Kind" <> 'withdrawal'),
           (SELECT count(DISTINCT q."EventId") FROM {schema}.realtime_quarantine q),
           (SELECT count(*) FROM {schema}.flap_backs),
           "Position", epoch_us("AcceptedAt") FROM {schema}.overlay_state"""
"""NOT EXISTS, since DuckDB 1.5.5 looks withdrawals up by customer there.

In an ANTI JOIN with such a condition it would compare every update with every withdrawal. Events of
all kinds are resolved at once: most of the time goes into planning, which looks at each table of
the lake for each time that it is named.
"""


def count_overlay(connection: "DuckDBPyConnection") -> Overlay:
    """Count the overlay's events as far as the stream has carried them into the lake.

    A lake that an earlier version published has no table of the records that are gone, nor of other
    values by which activities find customers.
    """
    later = [one for one in (VANISHED_KEY, RELATED_KEY) if columns_of(connection, one.name)]
    row = connection.execute(_query([ALTERNATE_KEY, *later])).fetchone()
    return Overlay(*row) if row else Overlay(0, 0, 0, 0, 0, 0, None)


def _query(keys: Sequence[Table]) -> str:
    """Return the query of the numbers; `keys` are the tables that source records are found in."""
    carried = ("Kind", "EventId", "Field", "ValidFrom")
    events = f"""
        SELECT 'update' AS "Kind", v.* FROM ({LIVE.valid(EVENT, UPDATES)}) v
        UNION ALL BY NAME SELECT 'activity' AS "Kind", v.*
          FROM ({LIVE.valid([*TARGET, "EventId"], REALTIME_ACTIVITIES)}) v
        UNION ALL BY NAME SELECT 'withdrawal' AS "Kind", {columns(EVENT, "v.")}
          FROM ({withdrawals(LIVE)}) v"""
    return with_query(
        {
            "instants": LIVE.instants,
            "events": events,
            "found": _of_customers("SELECT * FROM events", carried, keys),
        },
        COUNTS.format(schema=SCHEMA, withdrawn=withdraws("w", "u")),
    )


def _of_customers(source: str, carried: Sequence[str], keys: Sequence[Table]) -> str:
    """Return the rows of events whose target leads to a customer of the base; the others wait."""
    return f"""SELECT r.* FROM ({resolving(LIVE, source, carried, keys)}) r
        SEMI JOIN ({LIVE.base(CUSTOMER_ID)}) c ON c."CustomerId" = r."CustomerId" """
