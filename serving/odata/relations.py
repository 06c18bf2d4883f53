"""The rows of an entity set at a moment, as SQL.

What an update or activity that was accepted changes is there at once: what the stream has not
carried into the lake yet is read from the log, and laid over with the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import pyarrow as pa

from overtide.lake.asked import beside
from overtide.lake.decide.sql import AS_OF, Frame
from overtide.lake.merged import activity_query, customer_query
from overtide.lake.views import past_columns
from overtide.schemas import tables
from overtide.schemas.errors import InvalidRequestError, OvertideError, UnavailableError
from overtide.schemas.events import Event
from overtide.schemas.instants import Instant
from overtide.schemas.names import columns, quoted
from overtide.schemas.table import SCHEMA, ProfileField
from overtide.schemas.values import Value, text_of
from overtide.serving.odata.entity_sets import CUSTOMER, ROW_ID, EntitySet, Rows
from overtide.serving.odata.scans import Scan
from overtide.serving.odata.sql import Sql
from overtide.transforms.realtime import SCHEMAS, overlay_rows, to_batch

BEYOND = "temp.main.beyond_"
"""How the tables of what the lake lacks begin."""
MOST_BEYOND = 100_000
"""Events that a read lays over by itself; the stream carries more than that in a minute."""
EventsSince = Callable[[int, Instant, int], list[Event]]
"""Gives so many events from a position on, known at an instant."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a read shows: the instants t and k, the run of the base then, or that `base` alone."""

    as_of: Instant
    known_at: Instant
    run: int
    base: bool = False


@dataclass(frozen=True)
class Relations:
    """The rows of entity sets at one moment, in one snapshot of the lake.

    `profile` are the columns of Customer, `events_since` reads the log.
    """

    scan: Scan
    shown: Shown
    profile: Sequence[ProfileField]
    events_since: EventsSince

    @cached_property
    def is_current(self) -> bool:
        """Whether the base is the one that is published in the snapshot."""
        last = f'SELECT "Run" FROM {SCHEMA}.runs ORDER BY "Run" DESC LIMIT 1'
        return bool(self.scan.one(Sql(last)) == self.shown.run)

    def rows(self, entities: EntitySet) -> str:
        """Return the SQL of the rows of an entity set; raise `not_kept` where they are gone."""
        if entities.rows is Rows.MERGED:
            return self._base(entities) if self.shown.base else self._merged(entities)
        if entities.rows is Rows.VERSIONED:
            return self._base(entities)
        if entities.rows is Rows.STREAMED:
            return numbered(entities, self._streamed(entities))
        return numbered(entities, self._made_anew(entities))

    def _base(self, entities: EntitySet) -> str:
        table = {one.name: one for one in (tables.customer(self.profile), *tables.VERSIONED)}
        past = self._past() if entities.name == CUSTOMER else None
        return self._at(lambda frame: frame.base(table[entities.name], past), "")

    def _merged(self, entities: EntitySet) -> str:
        beyond = self._lay_over()
        if entities.name != CUSTOMER:
            return self._at(activity_query, beyond)
        past = self._past()
        return self._at(lambda frame: customer_query(frame, self.profile, past), beyond)

    def _past(self) -> list[str] | None:
        """Return how today's columns of Customer are read from its history."""
        return None if self.is_current else past_columns(self.scan.connection, self.profile)

    def _at(self, query: Callable[[Frame], str], beyond: str) -> str:
        """Return a query at the moment; one of a past base stands beside its instants."""
        at, known = (_instant(one) for one in (self.shown.as_of, self.shown.known_at))
        if self.is_current:
            return query(Frame(at, known, beyond=beyond))
        instants = f'SELECT {at} AS "T", {known} AS "K", {int(self.shown.run)} AS "Run"'
        return beside(instants, query(replace(AS_OF, beyond=beyond)))

    def _lay_over(self) -> str:
        """Give the scan what the log holds beyond the lake; return how its tables begin."""
        position = self.scan.one(Sql(f'SELECT "Position" FROM {SCHEMA}.overlay_state')) or 0
        events = self.events_since(position, self.shown.known_at, MOST_BEYOND + 1)
        if len(events) > MOST_BEYOND:
            raise _stream_behind()
        rows = [row for event in events for row in overlay_rows(event, None)]
        if not rows:
            return ""
        for name in SCHEMAS:
            batch = to_batch(name, (row for table, row in rows if table == name))
            self.scan.add(f"beyond_{name}", pa.Table.from_batches([batch]))
        return BEYOND

    def _streamed(self, entities: EntitySet) -> str:
        """Return what was accepted until k, as far as the lake knows."""
        return (
            f"SELECT {_columns(entities)} FROM {SCHEMA}.{quoted(entities.name)} "
            f'WHERE "AcceptedAt" <= {_instant(self.shown.known_at)}'
        )

    def _made_anew(self, entities: EntitySet) -> str:
        """Return a table of the run, from the snapshot of its publish where it was replaced."""
        table = f"{SCHEMA}.{quoted(entities.name)}"
        rows = f"SELECT {_columns(entities)} FROM {table}"
        if self.is_current:
            return rows
        version = self.scan.one(
            Sql(f'SELECT snapshot_id FROM {SCHEMA}.runs WHERE "Run" = ?', (self.shown.run,))
        )
        if version is None or not self._is_kept(int(version)):
            raise _not_kept(entities.name)
        return f"{rows} AT (VERSION => {int(version)})"

    def _is_kept(self, version: int) -> bool:
        kept = "SELECT 1 FROM ducklake_snapshots('lake') WHERE snapshot_id = ?"
        return self.scan.one(Sql(kept, (version,))) is not None


def numbered(entities: EntitySet, rows: str) -> str:
    """Give rows without a key of their own their places as a key."""
    if not entities.numbered:
        return rows
    order = columns(one.column for one in entities.stored)
    return f"SELECT z.*, row_number() OVER (ORDER BY {order}) AS {quoted(ROW_ID)} FROM ({rows}) z"


def given_rows(
    scan: Scan, entities: EntitySet, rows: Iterable[Mapping[str, Value]], name: str = "given"
) -> str:
    """Return the SQL of rows of canonical values by column, which the scan is given as texts."""
    listed = list(rows)
    texts = {
        one.column: pa.array([text_of(row.get(one.column)) for row in listed], pa.string())
        for one in entities.stored
    }
    scan.add(name, pa.table(texts))
    typed = ", ".join(
        f"CAST({one.sql} AS {one.kind.duckdb}) AS {one.sql}" for one in entities.stored
    )
    return f"SELECT {typed} FROM temp.main.{name}"


def _columns(entities: EntitySet) -> str:
    return columns(one.column for one in entities.stored)


def _instant(instant: Instant) -> str:
    return f"make_timestamptz({int(instant)})"


def _stream_behind() -> OvertideError:
    return UnavailableError(
        "stream_behind",
        f"More than {MOST_BEYOND} events wait for the stream to carry them.",
        None,
        "Run `overtide stream`, or `overtide serve` without --only, and ask again.",
    )


def _not_kept(name: str) -> OvertideError:
    return InvalidRequestError(
        "not_kept",
        f"{name} is made anew by each refresh, and is no longer kept as it was then.",
        name,
        "Ask without asOf, and begin again where a next link leads here.",
    )
