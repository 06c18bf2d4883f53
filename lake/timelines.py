"""The query of a timeline at (t, k), from the customer to the activities: one customer's or, joined, those of many.

Only the first CTEs depend on the arguments, and all that follows are joins with them. So DuckDB answers
`FROM Customer_live c, timeline_as_of(c.CustomerId, now(), now())` with one scan of the activities. In a query that
depends on others it knows inner and left joins alone, neither SEMI nor ANTI, and an outer join has a hash only where
each of its conditions compares a column of one side with one of the other.
"""

from lake.asked import asked_customer
from lake.merged import ACTIVITY, ACTIVITY_ID, CUSTOMER_ID, in_force, versions, with_query
from schemas import tables
from schemas.instants import Instant
from schemas.names import columns
from schemas.tables import SCHEMA

ALIASES, KEYS = versions(tables.IDENTITY_ALIAS), versions(tables.ALTERNATE_KEY)
CUSTOMERS, ACTIVITY_IDS = versions(CUSTOMER_ID), versions(ACTIVITY_ID)

OWNERS = f"""
    SELECT coalesce(c."CustomerId", a."CustomerId") AS "CustomerId", i."T", i."K", i."Run" FROM instants i
    LEFT JOIN ({CUSTOMERS}) c ON c."CustomerId" = i."AskedId" AND {in_force("c", "i")}
    LEFT JOIN ({ALIASES}) a ON a."PreviousCustomerId" = i."AskedId" AND {in_force("a", "i")}
    WHERE coalesce(c."CustomerId", a."CustomerId") IS NOT NULL"""
"""The profile that the asked id leads to, if any: itself, or the heir that it was merged into."""

TARGETS = f"""
    SELECT w.*, w."CustomerId" AS "Target", NULL AS "EntityName", NULL AS "PrimaryKey" FROM owners w
    UNION ALL SELECT w.*, a."PreviousCustomerId", NULL, NULL FROM owners w
      JOIN ({ALIASES}) a ON a."CustomerId" = w."CustomerId" AND {in_force("a", "w")}
      LEFT JOIN ({CUSTOMERS}) c ON c."CustomerId" = a."PreviousCustomerId" AND {in_force("c", "w")}
      WHERE c."CustomerId" IS NULL
    UNION ALL SELECT w.*, NULL, a."EntityName", a."PrimaryKey" FROM owners w
      JOIN ({KEYS}) a ON a."CustomerId" = w."CustomerId" AND {in_force("a", "w")}"""
"""What events may name to reach the owner: its id, a previous id that has no profile of its own, a source record."""

POSTED = f"""
    SELECT x."CustomerId", x."Run", {columns(ACTIVITY, "o.")}, o."AcceptedAt" FROM targets x
    JOIN {SCHEMA}.{tables.REALTIME_ACTIVITIES.name} o ON o."CustomerId" IS NOT DISTINCT FROM x."Target"
      AND o."EntityName" IS NOT DISTINCT FROM x."EntityName" AND o."PrimaryKey" IS NOT DISTINCT FROM x."PrimaryKey"
      AND o."AcceptedAt" <= x."K" AND o."ValidFrom" <= x."T" AND o."ValidUntil" > x."T" """

LIVE_ONES = f"""
    SELECT r."CustomerId", {columns(ACTIVITY, "r.")} FROM posted r
    LEFT JOIN ({ACTIVITY_IDS}) b ON b."ActivityId" = r."ActivityId" AND {in_force("b", "r")}
    WHERE b."ActivityId" IS NULL
    QUALIFY row_number() OVER (PARTITION BY r."ActivityId" ORDER BY r."AcceptedAt" ASC) = 1"""
"""What the base does not have itself, of any customer; of two events that name one activity the first stands."""


def timeline_query(history_days: int, forgotten: Instant) -> str:
    """Return the query of one customer's timeline, the body of a macro of customer_id, t and k."""
    names = columns(ACTIVITY, "v.")
    ctes = {**asked_customer(history_days, forgotten), "owners": OWNERS, "targets": TARGETS, "posted": POSTED,
            "live_ones": LIVE_ONES}
    return with_query(ctes, f"""SELECT w."CustomerId", {names} FROM owners w
        JOIN ({versions(tables.UNIFIED_ACTIVITY)}) v ON v."CustomerId" = w."CustomerId" AND {in_force("v", "w")}
        UNION ALL SELECT v."CustomerId", {names} FROM live_ones v
        ORDER BY "ActivityTime" DESC NULLS LAST, "ActivityId" ASC NULLS LAST""")
