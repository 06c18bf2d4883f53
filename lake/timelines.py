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
    first_accepted,
    in_force,
    versions,
    with_query,
)
from overtide.lake.merged import ACTIVITY
from overtide.schemas import tables
from overtide.schemas.instants import Instant
from overtide.schemas.names import columns
from overtide.schemas.table import SCHEMA

ALIASES, KEYS, GONE, RELATED, HIDDEN = map(
    versions,
    (
        tables.IDENTITY_ALIAS,
        tables.ALTERNATE_KEY,
        tables.VANISHED_KEY,
        tables.RELATED_KEY,
        tables.HIDDEN_ACTIVITY,
    ),
)
CUSTOMERS, ACTIVITY_IDS = versions(CUSTOMER_ID), versions(ACTIVITY_ID)

TARGETS = f"""
    SELECT i."CustomerId" AS "Target", NULL AS "EntityName", NULL AS "PrimaryKey"
    UNION ALL SELECT a."PreviousCustomerId", NULL, NULL
      FROM (SELECT a."PreviousCustomerId", i."Run" FROM ({ALIASES}) a
            WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}) a
      LEFT JOIN ({CUSTOMERS}) c ON c."CustomerId" = a."PreviousCustomerId" AND {in_force("c", "a")}
      WHERE c."CustomerId" IS NULL
    UNION ALL SELECT NULL, a."EntityName", a."PrimaryKey" FROM ({KEYS}) a
      WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}
    UNION ALL SELECT NULL, a."EntityName", a."PrimaryKey" FROM ({GONE}) a
      WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}
    UNION ALL SELECT NULL, a."EntityName", a."PrimaryKey" FROM ({RELATED}) a
      WHERE a."CustomerId" = i."CustomerId" AND {in_force("a", "i")}"""
"""What events may name to reach the owner: its id, a previous id that has no profile of its own, a
source record, one that is gone, another value that leads to it."""

POSTED = f"""
    SELECT i."CustomerId", i."Run", {columns(ACTIVITY, "o.")}, o."AcceptedAt" FROM targets x
    JOIN {SCHEMA}.{tables.REALTIME_ACTIVITIES.name} o ON o."CustomerId" IS NOT DISTINCT
      FROM x."Target"
      AND o."EntityName" IS NOT DISTINCT FROM x."EntityName" AND o."PrimaryKey" IS NOT DISTINCT
        FROM x."PrimaryKey"
    WHERE {AS_OF.is_valid()}"""

TAKEN = f"""
    SELECT b.* FROM ({ACTIVITY_IDS}) b
    JOIN {SCHEMA}.{tables.REALTIME_ACTIVITIES.name} o ON o."ActivityId" = b."ActivityId" """
"""The real-time activities that a base has itself, of any customer.

It depends on no argument: DuckDB misjudges how many rows come of those, and would hash all
activities beside them.
"""

LIVE_ONES = f"""
    SELECT r."CustomerId", {columns(ACTIVITY, "r.")}, r."Run" FROM posted r
    LEFT JOIN taken b ON b."ActivityId" = r."ActivityId" AND {in_force("b", "r")}
    WHERE b."ActivityId" IS NULL
    {first_accepted("r", 'r."ActivityId"')}"""
"""What the base does not have itself."""


def owner(asked: str) -> str:
    """Return the query of the profile that the asked id leads to, if any.

    Itself, or the heir it was merged into.
    """
    return f"""SELECT coalesce(c."CustomerId", a."CustomerId") AS "CustomerId", q."T", q."K",
      q."Run" FROM ({asked}) q
        LEFT JOIN ({CUSTOMERS}) c ON c."CustomerId" = q."Id" AND {in_force("c", "q")}
        LEFT JOIN ({ALIASES}) a ON a."PreviousCustomerId" = q."Id" AND {in_force("a", "q")}
        WHERE coalesce(c."CustomerId", a."CustomerId") IS NOT NULL"""


def timeline_query(history_days: int, forgotten: Instant) -> str:
    """Return the query of one customer's timeline, the body of a macro of customer_id, t and k."""
    names = columns(ACTIVITY, "v.")
    activities = with_query(
        {"targets": TARGETS, "posted": POSTED, "taken": TAKEN, "live_ones": LIVE_ONES},
        f"""
        SELECT v."CustomerId", {names}, i."Run" FROM ({versions(tables.UNIFIED_ACTIVITY)}) v
        WHERE v."CustomerId" = i."CustomerId" AND {in_force("v", "i")}
        UNION ALL SELECT v."CustomerId", {names}, v."Run" FROM live_ones v""",
    )
    merged = f"""
        SELECT v."CustomerId", {names} FROM ({activities}) v
        LEFT JOIN ({HIDDEN}) h ON h."SourceEntityName" = v."SourceEntityName"
          AND {in_force("h", "v")}
        WHERE h."SourceEntityName" IS NULL"""
    asked = owner(customer_asked(history_days, forgotten))
    return f"""{beside(asked, merged)}
        ORDER BY z."ActivityTime" DESC NULLS LAST, z."ActivityId" ASC NULLS LAST"""
