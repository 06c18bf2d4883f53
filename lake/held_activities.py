"""The query of real-time activities that wait for a customer, as far as the lake knows."""

from overtide.lake.decide.sql import CUSTOMER_ID, LIVE, OF_ACTIVITIES, TARGET, resolving, with_query
from overtide.schemas.tables import REALTIME_ACTIVITIES

COLUMNS = (
    "EventId",
    *TARGET,
    "ActivityType",
    "ActivityTime",
    "Title",
    "SourceEntityName",
    "SourceActivityId",
    "ValidUntil",
    "AcceptedAt",
    "Caller",
)


def held_query() -> str:
    """Return the query of those that are valid now and name a customer that the base lacks.

    Its columns are `COLUMNS`, the latest accepted first; instants are microseconds.
    """
    source = "SELECT * FROM valid_activities"
    shown = ", ".join(
        f'epoch_us(a."{name}")' if name in INSTANTS else f'a."{name}"' for name in COLUMNS
    )
    return with_query(
        {
            "instants": LIVE.instants,
            "valid_activities": LIVE.valid(COLUMNS, REALTIME_ACTIVITIES),
            "activities_of": f"""SELECT r."EventId"
                FROM ({resolving(LIVE, source, ("EventId",), OF_ACTIVITIES)}) r
                SEMI JOIN ({LIVE.base(CUSTOMER_ID)}) c ON c."CustomerId" = r."CustomerId" """,
        },
        f"""SELECT {shown} FROM valid_activities a
            ANTI JOIN activities_of r ON r."EventId" = a."EventId"
            ORDER BY a."AcceptedAt" DESC""",
    )


INSTANTS = ("ActivityTime", "ValidUntil", "AcceptedAt")
