"""Which event has an activity: by the beginnings of identities, in runs that are merged bit by bit.

Identities are random texts. In one index of all of them nearly each new one changes a page of its
own, and the longer the log is the more pages a commit writes. Here new ones go into a young run,
which is small enough for many of them to share a page. Once it is long another one is begun, and
from then on commits move some of the old one into the main run, in order, so that what they move
lies together there, too (docs/decisions/activities-in-runs.md).

An entry leads to an event, which says itself whether it is the one: of two identities with one
beginning both are found, and what is gone is not.
"""

import json
from collections.abc import Iterator, Sequence

from overtide.eventlog.layout import STORED, Row, readable
from overtide.eventlog.opening import Connection

MAIN = -1
"""The main run; others are called by the position at which they were begun."""
YOUNG = 1 << 18
"""Positions after which a run is old."""
STEP = 256
"""Positions between two moves of entries: a commit of one activity moves none as a rule."""
LENGTH = 12
"""Letters of a beginning."""
BEHIND_ALL = "\U0010ffff" * (LENGTH + 1)

RUNS = """WITH RECURSIVE found(run) AS (
    SELECT max(run) FROM known_activity UNION ALL
    SELECT (SELECT max(run) FROM known_activity WHERE run < found.run) FROM found
    WHERE run IS NOT NULL)
  SELECT run FROM found WHERE run IS NOT NULL"""
OF_RUN = f"""
    WITH posted AS (SELECT value AS posted_id FROM json_each(?))
    SELECT {STORED} FROM posted CROSS JOIN known_activity
      ON run = ? AND beginning = substr(posted_id, 1, {LENGTH}) CROSS JOIN event USING (position)"""
OF_EARLIER = f"""
    WITH posted AS (SELECT value AS posted_id FROM json_each(?))
    SELECT {STORED} FROM posted CROSS JOIN event ON activity_id = posted_id"""
ANY_EARLIER = "SELECT 1 FROM event WHERE activity_id IS NOT NULL LIMIT 1"
ADD = f"""INSERT INTO known_activity SELECT ?, substr(activity, 1, {LENGTH}), position FROM event
    WHERE position >= ? AND activity IS NOT NULL ORDER BY 2"""
LAST_TO_MOVE = """SELECT beginning FROM known_activity WHERE run = ?
    ORDER BY beginning LIMIT 1 OFFSET ?"""
MOVE = (
    f"""INSERT INTO known_activity SELECT {MAIN}, beginning, position FROM known_activity
    WHERE run = ? AND beginning <= ?""",
    "DELETE FROM known_activity WHERE run = ? AND beginning <= ?",
)
FORGET = f"""DELETE FROM known_activity WHERE run = ? AND (beginning, position) IN (
    SELECT substr(activity, 1, {LENGTH}), position FROM event
    WHERE valid_until <= ? AND position < ? AND activity IS NOT NULL)"""
MISSED = f"""SELECT 1 FROM event WHERE activity IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM known_activity WHERE run IN ({{runs}})
      AND beginning = substr(activity, 1, {LENGTH}) AND known_activity.position = event.position)
    LIMIT 1"""


def rows_of_activities(connection: Connection, identities: Sequence[str]) -> Iterator[Row]:
    """Give the rows of the events that have one of the identities, and maybe some others.

    Each has the columns `STORED`.
    """
    wanted = json.dumps(sorted(identities))
    for run in _runs(connection):
        yield from connection.execute(OF_RUN, (wanted, run))
    if connection.execute(ANY_EARLIER).fetchone() is not None:
        yield from connection.execute(readable(OF_EARLIER, connection.version), (wanted,))


def note(connection: Connection, begin: int, end: int) -> None:
    """Let the activities of the events from `begin` on be found; `end` is where the log ends."""
    runs = [run for run in _runs(connection) if run != MAIN]
    young = runs[0] if runs else begin
    old = runs[1] if len(runs) > 1 else None
    if old is None and begin - young >= YOUNG:
        old, young = young, begin
    connection.execute(ADD, (young, begin))
    steps = end // STEP - begin // STEP
    if old is not None and steps:
        # Twice as many as may have come: the old run is gone before the young one is old.
        row = connection.execute(LAST_TO_MOVE, (old, 2 * STEP * steps)).fetchone()
        for statement in MOVE:
            connection.execute(statement, (old, BEHIND_ALL if row is None else row[0]))


def forget(connection: Connection, before: int, end: int) -> None:
    """Forget the activities of events below the position `end` that ended by `before`."""
    for run in _runs(connection):
        connection.execute(FORGET, (run, before, end))


def misses(connection: Connection) -> bool:
    """Say whether an event with an activity would not be found."""
    if not connection.has_runs:
        return False  # the index of an earlier program was looked through
    runs = ", ".join(map(str, _runs(connection))) or "NULL"
    return connection.execute(MISSED.format(runs=runs)).fetchone() is not None


def _runs(connection: Connection) -> list[int]:
    """Return the runs, the youngest first; none in a log of an earlier program."""
    if not connection.has_runs:
        return []
    return [run for (run,) in connection.execute(RUNS)]
