"""What now is, and how far history reaches back: which instants may be asked for (semantics 1, 6).

Each rule stands here in Python and in SQL.
"""

from dataclasses import dataclass

from overtide.lake.catalog import Publish
from overtide.schemas import tables
from overtide.schemas.errors import InvalidRequestError, OvertideError
from overtide.schemas.instants import DAY, HOUR, Instant, format_instant
from overtide.schemas.names import literal, quoted
from overtide.schemas.table import SCHEMA, Table

BEFORE_HISTORY = "before_history"
"""The code with which an instant is refused whose base is no longer kept."""
KEEP_MORE = "Ask for a later instant, or keep more with `lake.history_days`."


@dataclass(frozen=True, slots=True)
class Now:
    """The present, with no event or publish to come at `known_at`.

    `as_of` is max(clock, last acceptance, last publish).

    `publish` is in force at `known_at`; None before the first.
    """

    as_of: Instant
    known_at: Instant
    publish: Publish | None


def present(clock: Instant, durable: Instant, publish: Publish | None) -> Now:
    """Return now, from an instant up to which all events are durable and the publish in force."""
    known = max(durable, publish.published_at) if publish else durable
    return Now(max(clock, known), known, publish)


def history_begins(now: Instant, last: Publish) -> Instant:
    """Return the instant before which nobody may ask for the base.

    So nothing that ended by then is needed.

    What was published last can be asked for, however long ago that was.
    """
    return max(last.forgotten, min(now - last.history_days * DAY, last.published_at))


def before_history(asked: Instant, begins: Instant) -> OvertideError:
    """Return the error of an instant that lies before the history that is kept."""
    return InvalidRequestError(
        "before_history",
        f"The base of {format_instant(asked)} is no longer kept: "
        f"history begins at {format_instant(begins)}.",
        None,
        KEEP_MORE,
    )


def latest(column: str, table: Table) -> str:
    """Return the scalar query of the greatest value of a column, null in an empty table.

    Not max(): DuckDB takes that of a whole table from statistics, which may be newer than the rows
    it reads.
    """
    return (
        f"(SELECT m.{quoted(column)} FROM {SCHEMA}.{quoted(table.name)} m "
        f"ORDER BY m.{quoted(column)} DESC NULLS LAST LIMIT 1)"
    )


LAST_PUBLISH = latest("PublishedAt", tables.RUNS)
FIRST_PUBLISH = LAST_PUBLISH.replace("DESC NULLS LAST", "ASC")
NOW_SQL = f"greatest(now(), {latest('AcceptedAt', tables.STREAM_COMMITS)}, {LAST_PUBLISH})"
"""`present` in SQL, which knows the events that the stream has carried."""


def history_begins_sql(history_days: int, forgotten: Instant) -> str:
    """Return `history_begins` in SQL, for the lake's last publish."""
    kept_since = f"least({NOW_SQL} - INTERVAL '{history_days * DAY // HOUR} hours', {LAST_PUBLISH})"
    return f"greatest({kept_since}, TIMESTAMPTZ {literal(format_instant(forgotten))})"
