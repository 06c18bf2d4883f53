"""The queries of the merged view.

Profiles and activities with the overlay laid over the base, now and at (t, k).

A query is a list of named CTEs, made of the fragments of `decide.sql`. Those of the merged view are
the same for now and for any instants (t, k); what differs is the `Frame`: how the instants are said
and which rows of the base were published then.
"""

from collections.abc import Sequence

from overtide.lake.decide.sql import (
    ACTIVITY_ID,
    CHANGE,
    CUSTOMER_ID,
    OF_ACTIVITIES,
    TARGET,
    Frame,
    changes,
    deciding_value,
    first_accepted,
    resolving,
    with_query,
)
from overtide.schemas import tables
from overtide.schemas.activity_columns import ACTIVITY_COLUMNS
from overtide.schemas.names import columns, quoted
from overtide.schemas.table import ProfileField
from overtide.schemas.types import type_of

ACTIVITY = [column[0] for column in ACTIVITY_COLUMNS]


def customer_query(
    frame: Frame, profile: Sequence[ProfileField], past: Sequence[str] | None = None
) -> str:
    """Return the query of the merged profiles.

    `past` gives the columns' expressions over Customer_history.
    """
    ctes = {
        "customers": frame.base(tables.customer(profile), past),
        "resolved": resolving(frame, changes(frame), CHANGE),
        "overrides": overrides(profile),
    }
    shown = ", ".join(_shown(field) for field in profile)
    return with_query(
        ctes,
        f'SELECT {shown} FROM customers c LEFT JOIN overrides o ON o."CustomerId" = c."CustomerId"',
    )


def overrides(profile: Sequence[ProfileField]) -> str:
    """Return, per customer, the canonical value that decides each field, or SQL null."""
    deciding = "".join(
        f", {deciding_value(field)} AS {quoted(field.name)}" for field in profile if field.updatable
    )
    return f'SELECT r."CustomerId"{deciding} FROM resolved r GROUP BY r."CustomerId"'


def _shown(field: ProfileField) -> str:
    name = quoted(field.name)
    if not field.updatable:
        return f"c.{name}"
    changed = type_of(field.type).typed_sql(f"o.{name}")
    return f"CASE WHEN o.{name} IS NULL THEN c.{name} ELSE {changed} END AS {name}"


def live_activities(frame: Frame) -> str:
    """Return the query of real-time activities whose customer the base has.

    An activity that the base has itself is the base's.
    """
    carried = [*ACTIVITY, "AcceptedAt"]
    posted = frame.valid([*TARGET, *carried], tables.REALTIME_ACTIVITIES)
    return with_query(
        {"resolved": resolving(frame, posted, carried, OF_ACTIVITIES)},
        f"""
        SELECT r."CustomerId", {columns(ACTIVITY, "r.")} FROM resolved r
        SEMI JOIN ({frame.base(CUSTOMER_ID)}) c ON c."CustomerId" = r."CustomerId"
        ANTI JOIN ({frame.base(ACTIVITY_ID)}) b ON b."ActivityId" = r."ActivityId"
        {first_accepted("r", 'r."CustomerId", r."ActivityId"')}""",
    )


def activity_query(frame: Frame) -> str:
    """Return the query of the merged activities of all customers."""
    names = columns(["CustomerId", *ACTIVITY], "a.")
    ctes = {
        "activities": frame.base(tables.UNIFIED_ACTIVITY),
        "live_activities": live_activities(frame),
    }
    return with_query(
        ctes, f"SELECT {names} FROM activities a UNION ALL SELECT {names} FROM live_activities a"
    )
