"""The query of a timeline at (t, k), from the customer to the activities.

One customer's or, joined, those of many.

Every table is joined with the row of the arguments or with what came from it. So DuckDB answers
`FROM Customer_live c, timeline_as_of(c.CustomerId, now(), now())` with one scan of the activities.
In a query that depends on others it knows inner and left joins alone, neither SEMI nor ANTI, and an
outer join has a hash only where each of its conditions compares a column of one side with one of
the other.
"""

from overtide.lake.asked import beside, customer_asked
from overtide.lake.decide.sql import (
    ACTIVITY_ID,
    AS_OF,
    CUSTOMER_ID,
    Frame,
    first_accepted,
    in_force,
    with_query,
)
from overtide.lake.merged import ACTIVITY
from overtide.schemas import tables
from overtide.schemas.instants import Instant
from overtide.schemas.names import columns
from overtide.schemas.table import SCHEMA

BY_KEY = (tables.ALTERNATE_KEY, tables.VANISHED_KEY, tables.RELATED_KEY)
"""What leads from a source record, one that is gone, or another value to a customer."""


def _targets(frame: Frame) -> str:
    """Return the query of what events may name to reach the owner.

    Its id, a previous id that has no profile of its own, and what `BY_KEY` leads to it.
    """
    by_key = "".join(
        f"""
    UNION ALL SELECT NULL, a."EntityName", a."PrimaryKey" FROM ({frame.versions(table)}) a
      WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}"""
        for table in BY_KEY
        if frame.holds(table)
    )
    previous = _previous(frame) if frame.holds(tables.IDENTITY_ALIAS) else ""
    return f"""
    SELECT i."CustomerId" AS "Target", NULL AS "EntityName", NULL AS "PrimaryKey"
    {previous}{by_key}"""


def _previous(frame: Frame) -> str:
    return f"""UNION ALL SELECT a."PreviousCustomerId", NULL, NULL
      FROM (SELECT a."PreviousCustomerId", i."Run"
            FROM ({frame.versions(tables.IDENTITY_ALIAS)}) a
            WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}) a
      LEFT JOIN ({frame.versions(CUSTOMER_ID)}) c ON c."CustomerId" = a."PreviousCustomerId"
        AND {in_force("c", "a")}
      WHERE c."CustomerId" IS NULL"""


POSTED = f"""
    SELECT i."CustomerId", i."Run", {columns(ACTIVITY, "o.")}, o."AcceptedAt" FROM targets x
    JOIN {SCHEMA}.{tables.REALTIME_ACTIVITIES.name} o ON o."CustomerId" IS NOT DISTINCT
      FROM x."Target"
      AND o."EntityName" IS NOT DISTINCT FROM x."EntityName" AND o."PrimaryKey" IS NOT DISTINCT
        FROM x."PrimaryKey"
    WHERE {AS_OF.is_valid()}"""


def _taken(frame: Frame) -> str:
    """Return the query of the real-time activities that a base has itself, of any customer.

    It depends on no argument: DuckDB misjudges how many rows come of those, and would hash all
    activities beside them.
    """
    return f"""
    SELECT b.* FROM ({frame.versions(ACTIVITY_ID)}) b
    JOIN {SCHEMA}.{tables.REALTIME_ACTIVITIES.name} o ON o."ActivityId" = b."ActivityId" """


LIVE_ONES = f"""
    SELECT r."CustomerId", {columns(ACTIVITY, "r.")}, r."Run" FROM posted r
    LEFT JOIN taken b ON b."ActivityId" = r."ActivityId" AND {in_force("b", "r")}
    WHERE b."ActivityId" IS NULL
    {first_accepted("r", 'r."ActivityId"')}"""
"""What the base does not have itself."""


def owner(frame: Frame, asked: str) -> str:
    """Return the query of the profile that the asked id leads to, if any.

    Itself, or the heir it was merged into.
    """
    led, heirs = 'c."CustomerId"', ""
    if frame.holds(tables.IDENTITY_ALIAS):
        led = 'coalesce(c."CustomerId", a."CustomerId")'
        heirs = f"""LEFT JOIN ({frame.versions(tables.IDENTITY_ALIAS)}) a
          ON a."PreviousCustomerId" = q."Id" AND {in_force("a", "q")}"""
    return f"""SELECT {led} AS "CustomerId", q."T", q."K", q."Run" FROM ({asked}) q
        LEFT JOIN ({frame.versions(CUSTOMER_ID)}) c
          ON c."CustomerId" = q."Id" AND {in_force("c", "q")}
        {heirs}
        WHERE {led} IS NOT NULL"""


def timeline_query(frame: Frame, history_days: int, forgotten: Instant) -> str:
    """Return the query of one customer's timeline, the body of a macro of customer_id, t and k."""
    asked = owner(frame, customer_asked(history_days, forgotten))
    return f"""{beside(asked, _shown(frame, _activities(frame)))}
        ORDER BY z."ActivityTime" DESC NULLS LAST, z."ActivityId" ASC NULLS LAST"""


def _activities(frame: Frame) -> str:
    """Return the query of the owner's activities, of the base and posted ones."""
    names = columns(ACTIVITY, "v.")
    return with_query(
        {
            "targets": _targets(frame),
            "posted": POSTED,
            "taken": _taken(frame),
            "live_ones": LIVE_ONES,
        },
        f"""
        SELECT v."CustomerId", {names}, i."Run" FROM ({frame.versions(tables.UNIFIED_ACTIVITY)}) v
        WHERE v."CustomerId" = i."CustomerId" AND {in_force("v", "i")}
        UNION ALL SELECT v."CustomerId", {names}, v."Run" FROM live_ones v""",
    )


def _shown(frame: Frame, activities: str) -> str:
    """Return the query of the activities that no setting hides."""
    hidden = unless = ""
    if frame.holds(tables.HIDDEN_ACTIVITY):
        hidden = f"""LEFT JOIN ({frame.versions(tables.HIDDEN_ACTIVITY)}) h
          ON h."SourceEntityName" = v."SourceEntityName" AND {in_force("h", "v")}"""
        unless = 'WHERE h."SourceEntityName" IS NULL'
    return f"""
        SELECT v."CustomerId", {columns(ACTIVITY, "v.")} FROM ({activities}) v {hidden} {unless}"""
