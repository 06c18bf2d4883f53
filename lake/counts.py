"""How much of the overlay is shown, held or set aside now: the numbers of `overtide status`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overtide.lake.definitions import columns_of
from overtide.lake.merged import LIVE, with_query
from overtide.schemas.instants import Instant
from overtide.schemas.table import SCHEMA
from overtide.schemas.tables import VANISHED_KEY

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


TARGET = '"CustomerId", "EntityName", "PrimaryKey"'
CTES = {
    "instants": LIVE.instants,
    "valid_updates": f"""SELECT u."EventId", u."Field", u."ValidFrom", {TARGET}
      FROM {SCHEMA}.updates u, instants i
        WHERE u."ValidFrom" <= i."Now" AND u."ValidUntil" > i."Now" """,
    "valid_activities": f"""SELECT a."EventId", {TARGET}
      FROM {SCHEMA}.realtime_activities a, instants i
        WHERE a."ValidFrom" <= i."Now" AND a."ValidUntil" > i."Now" """,
    "withdrawn": f"""SELECT w."Field", w."ValidFrom", {TARGET}
      FROM {SCHEMA}.withdrawals w, instants i
        WHERE w."ValidFrom" <= i."Now" """,
    "targets": f"""SELECT {TARGET} FROM valid_updates UNION SELECT {TARGET} FROM valid_activities
        UNION SELECT {TARGET} FROM withdrawn""",
    "resolved": f"""SELECT t.*, coalesce(c."CustomerId", a."CustomerId", k."CustomerId",
      v."CustomerId") AS id
        FROM targets t
        LEFT JOIN {SCHEMA}."Customer" c ON c."CustomerId" = t."CustomerId"
        LEFT JOIN {SCHEMA}."IdentityAlias" a ON a."PreviousCustomerId" = t."CustomerId"
        LEFT JOIN {SCHEMA}."AlternateKey" k ON k."EntityName" = t."EntityName"
          AND k."PrimaryKey" = t."PrimaryKey"
        LEFT JOIN {{vanished}} v ON v."EntityName" = t."EntityName"
          AND v."PrimaryKey" = t."PrimaryKey" """,
}
NOTHING_VANISHED = (
    """(SELECT NULL AS "EntityName", NULL AS "PrimaryKey", NULL AS "CustomerId" WHERE false)"""
)
"""What stands for the table of records that are gone, in a lake of an earlier version.

An earlier version published that lake.
"""


def _resolved(source: str) -> str:
    """Return a CTE's rows, each with the id that its target leads to, null where held."""
    same = " AND ".join(
        f's."{name}" IS NOT DISTINCT FROM r."{name}"'
        for name in ("CustomerId", "EntityName", "PrimaryKey")
    )
    return f"SELECT s.*, r.id FROM {source} s JOIN resolved r ON {same}"


COUNTS = with_query(
    {
        **CTES,
        "updates_of": _resolved("valid_updates"),
        "activities_of": _resolved("valid_activities"),
        "withdrawals_of": _resolved("withdrawn"),
    },
    f"""
    SELECT (SELECT count(DISTINCT u."EventId") FROM updates_of u WHERE u.id IS NOT NULL
      AND NOT EXISTS (
                SELECT 1 FROM withdrawals_of w WHERE w.id = u.id AND w."ValidFrom" >= u."ValidFrom"
                  AND coalesce(w."Field", u."Field") = u."Field")),
           (SELECT count(*) FROM activities_of a WHERE a.id IS NOT NULL),
           (SELECT count(DISTINCT u."EventId") FROM updates_of u WHERE u.id IS NULL)
             + (SELECT count(*) FROM activities_of a WHERE a.id IS NULL),
           (SELECT count(DISTINCT q."EventId") FROM {SCHEMA}.realtime_quarantine q),
           (SELECT count(*) FROM {SCHEMA}.flap_backs),
           "Position", epoch_us("AcceptedAt") FROM {SCHEMA}.overlay_state""",
)


def count_overlay(connection: "DuckDBPyConnection") -> Overlay:
    """Count the overlay's events as far as the stream has carried them into the lake."""
    known = columns_of(connection, VANISHED_KEY.name)
    vanished = f'{SCHEMA}."{VANISHED_KEY.name}"' if known else NOTHING_VANISHED
    row = connection.execute(COUNTS.format(vanished=vanished)).fetchone()
    return Overlay(*row) if row else Overlay(0, 0, 0, 0, 0, 0, None)
